import type { ExitReason } from '../api/exit.js'

/** An exit signal, on its way to an actor. */
export interface Signal {
  /** `link`: a linked actor ended, or was not there. `exit`: somebody sent it. */
  readonly by: 'link' | 'exit'
  readonly reason: ExitReason
  /** It sent it to itself. */
  readonly isOwn: boolean
}

/** What an exit signal does: nothing, it is a message, or the end. */
export type Receipt = 'ignored' | 'message' | 'end'

/** OTP's rules for links, apart from doing anything. */
export interface LinkRules {
  receive(signal: Signal, isTrapping: boolean): Receipt
  /** How many links one pair has after one more wish to link it, and after one to unlink it. */
  linked(count: number): number
  unlinked(count: number): number
}

export const linkRules: LinkRules = {
  receive: ({ by, reason, isOwn }, isTrapping) => {
    // Only when it is sent: one that comes over a link can be caught, or nobody could survive a kill nearby.
    if (by === 'exit' && reason.tag === 'kill') return 'end'
    if (isTrapping) return 'message'
    if (reason.tag !== 'normal') return 'end'
    return by === 'exit' && isOwn ? 'end' : 'ignored'
  },
  linked: () => 1,
  unlinked: () => 0,
}
