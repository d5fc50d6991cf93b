/** Actors of plain nact, as tumen speaks to them. */
import type { Down } from './exit.js'
import type { LocalRef } from './refs.js'

export interface NactAskOptions {
  /** Milliseconds until `AskTimeout`: 1 … `askTimeoutMsMax`, default `askTimeoutMs`. */
  readonly timeoutMs?: number
  /** Aborting it rejects the ask with `Cancelled`; the actor may still act. */
  readonly signal?: AbortSignal
}

/** A handle to an actor of plain nact, which has no protocol: whatever it understands may be sent. */
export interface NactRef {
  /** At most once. What cannot be delivered is a dead letter. */
  tell(message: unknown): void
  /**
   * Resolves with the first thing that the actor dispatches to its sender. A function is called with nact's
   * reference for the answer, and what it returns is sent, as in nact's `query`.
   *
   * Errors: rejects with `AskFailed`: `AskTimeout`, `NoRecipient`, `Overloaded`, `Cancelled`, and for an
   * adopted actor that ended before it answered `UnknownOutcome`.
   */
  ask(message: unknown, options?: NactAskOptions): Promise<unknown>
  /**
   * Tells once when its present life ends. Only of an adopted actor: of others nact says nothing when they
   * stop, so it throws `Misuse`.
   */
  monitor(listener: (down: Down) => void): { unsubscribe(): void }
}

/** A handle to an adopted actor. It stays good while the actor is begun again. */
export interface AdoptedRef extends NactRef {
  /** The same actor, for links and administration. */
  readonly actor: LocalRef<string>
}
