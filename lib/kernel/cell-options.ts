import type { Overflow } from '../api/mailbox.js'
import type { Clock } from '../std/clock.js'
import type { Deadlines } from './deadlines.js'
import type { Dispatcher } from './dispatcher.js'
import type { DeadLetterReason } from './events.js'
import type { ActorHost, Hosts } from './host.js'
import type { Ledger } from './ledger.js'
import type { KernelLimits } from './limits.js'
import type { MailboxRules } from './mailbox-rules.js'

/** What a cell runs. The object is kept and called as `body.receive(message)`, so it may be a class. */
export interface CellBody<M> {
  /** Handles one message. While a promise is pending the cell handles nothing else. */
  receive(message: M): void | PromiseLike<void>
  /**
   * `receive` threw or rejected. The cell is suspended, with the mail behind `message` kept, until somebody
   * calls `resume`, `restart`, `stop` or `kill`, which may happen in here.
   */
  crashed(error: unknown, message: M): void
  /** A message will not be handled. True: whoever sent it was told, so that it is no dead letter. */
  undelivered?(message: M, reason: DeadLetterReason): boolean
  /** Cleans up before an orderly end; must call `done` once. Not called when the cell is killed. */
  stopping?(done: () => void): void
  /** What code dispatches that knows only the host. Default: it is told. */
  delivered?: Hosts['delivered'] | undefined
}

/** Where a cell stands, and what its mailbox holds. */
export interface PlaceOf<Parent> {
  /** Unique among its siblings. */
  readonly name: string
  readonly parent?: Parent | undefined
  readonly rules: MailboxRules
}

/** A cell and its place in one. */
export interface OptionsOf<M, Parent> extends CellBody<M> {
  /** Unique among its siblings. */
  readonly name: string
  readonly parent?: Parent | undefined
  /** Default: the kernel's. */
  readonly mailboxCountMax?: number | undefined
  /** Default `reject`. */
  readonly overflow?: Overflow | undefined
}

/** `stopping` takes no new messages and waits for the one in hand, its children and its own clean-up. */
export type CellStatus = 'running' | 'suspended' | 'stopping' | 'stopped'

/** What the cells of one kernel share. */
export interface ContextOf<Child> {
  readonly clock: Clock
  readonly limits: KernelLimits
  readonly ledger: Ledger
  readonly dispatcher: Dispatcher
  readonly host: ActorHost
  /** For what is due in the kernel: timers of actors, and senders that are held. Steps of a millisecond. */
  readonly wheel: Deadlines
  /** Children of the root. */
  readonly roots: Map<string, Child>
}
