import type { ExitReason } from './exit-reason.js'

/** Why a message could not be delivered. */
export type DeadLetterReason =
  /** The mailbox was full. */
  | 'mailbox-full'
  /** More was set aside than the actor may. */
  | 'stash-full'
  /** The actor had stopped, or stopped before it came to the message. */
  | 'stopped'
  /** The actor was killed with the message in its mailbox. */
  | 'killed'
  /** An answer came after its asker had stopped waiting. */
  | 'late-reply'
  /** The actor has no handler for the message. */
  | 'unhandled'

/** A message that nobody handled and whose sender could not be told. */
export interface DeadLetter {
  readonly path: string
  readonly reason: DeadLetterReason
  readonly message: unknown
}

/** Something that happened to an actor of this node, for logs, metrics and tests. */
export type LifecycleEvent =
  | { readonly tag: 'ActorStarted'; readonly path: string; readonly incarnation: number }
  | {
      readonly tag: 'ActorCrashed'
      readonly path: string
      readonly incarnation: number
      readonly error: unknown
      /** What it was handling; undefined when it crashed while it started or stopped. */
      readonly message: unknown
    }
  | {
      readonly tag: 'ActorRestarted'
      readonly path: string
      readonly incarnation: number
      /** How its last life ended. */
      readonly reason: ExitReason
    }
  | {
      readonly tag: 'ActorStopped'
      readonly path: string
      readonly incarnation: number
      readonly reason: ExitReason
    }
  /** A persistent actor could not write a snapshot. Its journal is whole, and it goes on. */
  | { readonly tag: 'SnapshotFailed'; readonly path: string; readonly error: unknown }
  /** The mailbox is nearly full; said once, and again only after it was less than half of that. */
  | {
      readonly tag: 'MailboxHigh'
      readonly path: string
      readonly mailboxCount: number
      readonly mailboxCountMax: number
    }
  /**
   * A handler kept the event loop for longer than `blockedLoopMs`. `suspects` are the actors that ran since
   * the clock was last read: one, except for the first time under load; after that every turn is timed for
   * a while.
   */
  | { readonly tag: 'LoopBlocked'; readonly suspects: readonly string[]; readonly blockedMs: number }
  | { readonly tag: 'DeadLettered'; readonly letter: DeadLetter }
  /** A child that fell again waits out its backoff. */
  | { readonly tag: 'RestartDelayed'; readonly path: string; readonly delayMs: number }
  /** A supervisor restarted more often than its intensity allows and gave up. */
  | {
      readonly tag: 'IntensityExceeded'
      readonly path: string
      readonly intensity: number
      readonly periodMs: number
    }

export type EventListener = (event: LifecycleEvent) => void
