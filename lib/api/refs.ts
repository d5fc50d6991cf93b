/** Handles to actors, and what an ask may be given. */
import { AskFailed, type Refused } from '../errors.js'
import type { types } from './brand.js'
import { madeBy } from './maker.js'
import type { Ask, Tell } from './message.js'
import type { Reach } from './spec.js'

/** Where an actor is, as plain data: an entity by its id, or a node's own actor by its node. */
export interface Address<N extends string> {
  readonly kind: N
  /** Empty for a node's own actor. */
  readonly id: string
  /** Only for a node's own actor: `name#incarnation`. */
  readonly node?: string
  readonly [types]: N
}

export interface AskOptions {
  /** Milliseconds from the call until `AskTimeout`: 1 … `askTimeoutMsMax`, default `askTimeoutMs`. */
  readonly timeoutMs?: number
  /** Aborting it rejects the ask with `Cancelled`; the actor may still act. */
  readonly signal?: AbortSignal
  /**
   * Applied once however often it is delivered, within the time replies are remembered. Default: a fresh
   * one, so the runtime's own retries are safe. Give your own to ask again after `AskTimeout` or
   * `UnknownOutcome`.
   */
  readonly reqId?: string
}

/**
 * A handle to an actor that may live on any node. Costs no I/O; says nothing about whether the actor
 * exists.
 */
export interface Ref<N extends string> {
  readonly address: Address<N>
  /**
   * Sends and does not wait. Delivered at most once, in order per sender and receiver; what cannot be
   * delivered is counted as a dead letter with its reason.
   */
  tell(message: Tell<N, string, unknown, 'id'>): void
  /**
   * Sends and waits for the reply.
   *
   * Guarantees: applied once per `reqId`. When it resolves, the change it made survives the loss of any one
   * node.
   *
   * Errors: rejects with `AskFailed`. Its `reason` is an `AskError`, or the domain's own `Refused`, see
   * `refused`.
   */
  ask<R, X>(message: Ask<N, string, unknown, R, X, 'id'>, options?: AskOptions): Promise<R>
}

/** A handle to an actor of this node: also takes messages that never leave it. */
export interface LocalRef<N extends string> extends Ref<N> {
  tell(message: Tell<N, string, unknown, 'id' | 'node'>): void
  ask<R, X>(message: Ask<N, string, unknown, R, X, 'id' | 'node'>, options?: AskOptions): Promise<R>
  /** The same actor for plain nact code, as nact's own `Ref`: `dispatch(ref.nact, message)`. */
  readonly nact: object
}

/**
 * Narrows a caught error to the refusal that this message declares.
 *
 * @example
 * try { await party.ask(Party.Accept({ player })) } catch (error) {
 *   if (refused(error, Party.Accept)) return error.reason.refusal.code
 *   throw error
 * }
 */
export const refused = <N extends string, K extends string, A, R, X, S extends Reach>(
  error: unknown,
  message: (payload: never) => Ask<N, K, A, R, X, S>,
): error is AskFailed & { readonly reason: Refused<X> } => {
  if (!(error instanceof AskFailed) || error.reason.tag !== 'Refused') return false
  const made = madeBy(message)
  const { reason } = error
  return made !== undefined && made.tag === reason.message && reason.address.startsWith(`${made.kind}/`)
}
