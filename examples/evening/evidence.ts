/** What is recorded while an evening is played, and what the judge finds in it. */
import type { Line } from './session.js'

/** What an answer shows of a party. Players and parties have the names that the session gives them. */
export interface View {
  readonly version: number
  readonly leader: string
  readonly members: readonly string[]
  readonly invites: readonly string[]
  readonly muted: boolean
}

/** What the player saw of one command. Times are milliseconds of one clock. */
export interface Answer {
  readonly n: number
  readonly sentAt: number
  readonly answeredAt: number
  readonly outcome:
    | {
        readonly tag: 'ok'
        readonly version?: number
        /** False when all was so already. */
        readonly changed?: boolean
        readonly view?: View
        readonly chat?: number
      }
    | { readonly tag: 'refused'; readonly code: string }
    | { readonly tag: 'unknown'; readonly error: string }
}

/** What reached a player without having been asked for. */
export type Heard =
  | {
      readonly tag: 'chat'
      readonly by: string
      readonly party: string
      readonly chat: number
      readonly from: string
      readonly text: string
    }
  /** An invitation ran out: the one change that a party makes by itself. */
  | { readonly tag: 'expired'; readonly party: string; readonly version: number; readonly player: string }

/** A time in which a player had no socket. */
export interface Absence {
  readonly player: string
  readonly from: number
  readonly until: number
}

/** What a party said when all was over. */
export interface Ending {
  /** Absent when the party said that it is not there. */
  readonly view?: View
  readonly chats?: number
}

export interface Played {
  readonly lines: readonly Line[]
  readonly partySizeMax: number
  readonly inviteMs: number
  /** Players who may end any party. */
  readonly admins: readonly string[]
  readonly answers: readonly Answer[]
  readonly heard: readonly Heard[]
  readonly absences: readonly Absence[]
  readonly endings: ReadonlyMap<string, Ending>
  /** When the last party had been asked for its ending. */
  readonly endedAt: number
}

/**
 * `lost`: something acknowledged is not there. `doubled`: something is there more often than it was asked
 * for.
 */
export interface Fault {
  readonly kind: 'lost' | 'doubled'
  readonly party: string
  readonly text: string
}

export interface Verdict {
  readonly acknowledged: number
  readonly refused: number
  /** Commands without any answer in time. */
  readonly unknown: number
  readonly refusals: ReadonlyMap<string, number>
  readonly faults: readonly Fault[]
  readonly lost: number
  readonly doubled: number
}
