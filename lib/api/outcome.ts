// biome-ignore-all lint/complexity/noArguments: a rest array would be allocated on every step
/** What a handler decides. */
import type { outcome } from './brand.js'
import type { Action } from './act.js'

/** A tell has been handled. */
export interface Stepped<S> {
  readonly [outcome]: 'stepped'
  readonly state: S
}
/** An ask has been answered. */
export interface Replied<S, R> {
  readonly [outcome]: 'replied'
  readonly state: S
  readonly reply: R
}
/** An ask has been refused, and nothing was changed. */
export interface RefusedStep<X> {
  readonly [outcome]: 'refused'
  readonly refusal: X
}
/** An ask stays open until `act.answer` or `act.refuse`. */
export interface PutOff<S> {
  readonly [outcome]: 'put-off'
  readonly state: S
}

/** A message was set aside until `act.unstash`. */
export interface Stashed<S> {
  readonly [outcome]: 'stashed'
  readonly state: S
}

/** An outcome at run time: one hidden class for all five, so that the dispatcher stays monomorphic. */
export interface OutcomeData {
  readonly type: 'stepped' | 'replied' | 'refused' | 'put-off' | 'stashed'
  /** Undefined for `refused`. */
  readonly state: unknown
  /** The reply, or the refusal. */
  readonly value: unknown
  readonly actions: readonly Action[]
}

/** Shared, so that a step without actions allocates none. */
export const noActions: readonly Action[] = Object.freeze([])

/** The same data as shells read it; undefined for what is no outcome, such as a promise. */
export const outcomeData = (value: unknown): OutcomeData | undefined => {
  const candidate = value as Partial<OutcomeData> | null | undefined
  if (typeof candidate !== 'object' || candidate === null || !Array.isArray(candidate.actions))
    return undefined
  return candidate as OutcomeData
}

const actionsFrom = (given: IArguments, from: number): readonly Action[] => {
  const actions: Action[] = []
  for (let i = from; i < given.length; i++) actions.push(given[i] as Action)
  return actions
}

/** A tell has been handled: the next state, and what else to do. */
export function next<S>(state: S, ...actions: readonly Action[]): Stepped<S>
export function next(state: unknown): unknown {
  const actions = arguments.length < 2 ? noActions : actionsFrom(arguments, 1)
  return { type: 'stepped', state, value: undefined, actions }
}

/** An ask has been answered: the next state, the reply, and what else to do. */
export function reply<S>(state: S): Replied<S, void>
export function reply<S, R>(state: S, value: R, ...actions: readonly Action[]): Replied<S, R>
export function reply(state: unknown, value?: unknown): unknown {
  const actions = arguments.length < 3 ? noActions : actionsFrom(arguments, 2)
  return { type: 'replied', state, value, actions }
}

/** The domain's "no". Takes no state: a refused message cannot change anything. */
export function refuse<const X>(refusal: X): RefusedStep<X>
export function refuse(refusal: unknown): unknown {
  return { type: 'refused', state: undefined, value: refusal, actions: noActions }
}

/** The reply comes later, through `act.answer(at.asked, …)`. */
export function putOff<S>(state: S, ...actions: readonly Action[]): PutOff<S>
export function putOff(state: unknown): unknown {
  const actions = arguments.length < 2 ? noActions : actionsFrom(arguments, 1)
  return { type: 'put-off', state, value: undefined, actions }
}

/**
 * Sets the message in hand aside: it comes back, before all mail and in the order in which messages were
 * set aside, with `act.unstash()`, or when the actor is restarted. For actors of a node only.
 *
 * Guarantees: an ask keeps its deadline, and is not handled after it. Limits: `mailbox.stashCountMax`
 * messages; one more is treated as a full mailbox that rejects treats it. What is still aside when the
 * actor stops for good is answered `NoRecipient`, or a dead letter.
 */
export function stash<S>(state: S, ...actions: readonly Action[]): Stashed<S>
export function stash(state: unknown): unknown {
  const actions = arguments.length < 2 ? noActions : actionsFrom(arguments, 1)
  return { type: 'stashed', state, value: undefined, actions }
}
