/** The handlers of an entity: one pure step per message. */
import type { Either } from 'fp-ts/lib/Either.js'
import type { Asked, AnswerSpec, Undeliverable } from './answer.js'
import type { AskSpec, ReadSpec, TellSpec } from './message.js'
import type { PutOff, RefusedStep, Replied, Stepped } from './outcome.js'
import type { AnyProtocol, IdOf, NoInner, SpecsOf } from './protocol.js'
import type { Reach } from './spec.js'
import type { Origin } from './topic.js'

/** What a step knows beside its state and its message. */
export interface At<I> {
  readonly id: I
  /** Milliseconds since 1970; the only clock a step sees. */
  readonly now: number
  /** The node that the message came from. */
  readonly origin: Origin
  /** With the message of a reminder: how many milliseconds after its time it is handled. */
  readonly lateMs?: number
  /**
   * Names the copy that takes this step: the same wherever the owner is, another one on each side of a split.
   * For available kinds: what each copy counts under its own name can be merged.
   */
  readonly copy: string
}

type Handler<S, I, M> =
  M extends AskSpec<infer A, infer R, infer X, Reach>
    ? (
        state: S,
        payload: A,
        at: At<I> & { readonly asked: Asked<R, X> },
      ) => Replied<S, R> | RefusedStep<X> | PutOff<S>
    : M extends ReadSpec<infer A, infer R>
      ? (state: S, payload: A, at: At<I>) => R
      : M extends AnswerSpec<infer A, infer R, infer X>
        ? (state: S, payload: A & { readonly answer: Either<X | Undeliverable, R> }, at: At<I>) => Stepped<S>
        : M extends TellSpec<infer A, Reach>
          ? (state: S, payload: A, at: At<I>) => Stepped<S>
          : never

// Mapped over the specs, not over the protocols, or a missing inner handler would slip through.
type HandlerMap<S, I, M> = { readonly [K in keyof M]: Handler<S, I, M[K]> }

/** One handler per message of the protocol and of its inner part: none missing, none unknown. */
export type Handlers<P extends AnyProtocol, S, Q extends AnyProtocol = NoInner> = HandlerMap<
  S,
  IdOf<P>,
  SpecsOf<P> & SpecsOf<Q>
>
