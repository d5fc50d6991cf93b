/** Actors that change behaviour: named states, what each of them takes, and how long it may last. */
import type { Action } from './act.js'
import { act, actionData } from './act.js'
import type { AnswerSpec, Asked } from './answer.js'
import type { BehaviorDefinition } from './behavior.js'
import type { At, Handlers } from './handlers.js'
import type { HandlerData } from './kind.js'
import { type MessageData, specOfMessage } from './maker.js'
import type { AskSpec, ReadSpec, Tell, TellSpec } from './message.js'
import { Misuse } from './misuse.js'
import type { AskedSelf, Self } from './node-types.js'
import {
  type OutcomeData,
  outcomeData,
  type PutOff,
  type RefusedStep,
  type Replied,
  type Stepped,
} from './outcome.js'
import type { AnyProtocol, IdOf, KindOf, NoInner, SpecsOf } from './protocol.js'
import { dataOf } from './protocol-data.js'
import type { Reach } from './spec.js'
import type { Either } from 'fp-ts/lib/Either.js'

/** A state that says which one it is. */
export interface Named {
  readonly is: string
}
type NameOf<S extends Named> = S['is']
type In<S extends Named, K> = Extract<S, { readonly is: K }>

type IsLocal<P extends AnyProtocol> = [IdOf<P>] extends [never] ? true : false
type AtOf<P extends AnyProtocol> = IsLocal<P> extends true ? Self<KindOf<P>> : At<IdOf<P>>
type AskedAtOf<P extends AnyProtocol, R, X> =
  IsLocal<P> extends true ? AskedSelf<KindOf<P>, R, X> : At<IdOf<P>> & { readonly asked: Asked<R, X> }
type Given<P extends AnyProtocol, O> = IsLocal<P> extends true ? O | Promise<O> : O

/** From state `S` to any state `T`. */
type Step<P extends AnyProtocol, S, T, M> =
  M extends AskSpec<infer A, infer R, infer X, Reach>
    ? (state: S, payload: A, at: AskedAtOf<P, R, X>) => Given<P, Replied<T, R> | RefusedStep<X> | PutOff<T>>
    : M extends ReadSpec<infer A, infer R>
      ? (state: S, payload: A, at: AtOf<P>) => R
      : M extends AnswerSpec<infer A, infer R, infer X>
        ? (state: S, payload: A & { readonly answer: Either<X, R> }, at: AtOf<P>) => Stepped<T>
        : M extends TellSpec<infer A, Reach>
          ? (state: S, payload: A, at: AtOf<P>) => Given<P, Stepped<T>>
          : never

type Taken<P extends AnyProtocol, Q extends AnyProtocol> = SpecsOf<P> & SpecsOf<Q>
type Steps<P extends AnyProtocol, S, T, M> = { readonly [K in keyof M]?: Step<P, S, T, M[K]> }

/** How long a state may last. */
export interface StateTimeout {
  readonly afterMs: number
  /** What the actor tells itself then. Never comes once the state has been left. */
  readonly message: Tell<string, string, unknown, Reach>
}

/** One state of a machine. */
export interface StateDefinition<P extends AnyProtocol, S extends Named, K, Q extends AnyProtocol> {
  /** The states it may be left for. A step to another one is a crash with a sentence. Default: all. */
  readonly to?: readonly NameOf<S>[]
  /** Armed when the state is entered, dropped when it is left; a function may say "none" with undefined. */
  readonly timeout?: StateTimeout | ((state: In<S, K>) => StateTimeout | undefined)
  /** What else to do on entering it, after the actions of the step that led here. */
  readonly enter?: (state: In<S, K>) => readonly Action[]
  /** What else to do on leaving it, before the actions of entering the next one. */
  readonly leave?: (state: In<S, K>) => readonly Action[]
  /** What it takes; every other message goes to `otherwise`. */
  readonly on: Steps<P, In<S, K>, S, Taken<P, Q>>
}

type StatesOf<P extends AnyProtocol, S extends Named, Q extends AnyProtocol> = {
  readonly [K in NameOf<S>]: StateDefinition<P, S, K, Q>
}
/** The messages that some state does not take. */
type Left<T, M> = {
  [K in keyof M]: {
    [N in keyof T]: T[N] extends { readonly on: { readonly [J in K]: unknown } } ? never : N
  }[keyof T] extends never
    ? never
    : K
}[keyof M]
type Otherwise<P extends AnyProtocol, S extends Named, Q extends AnyProtocol, T> = {
  readonly [K in Left<T, Taken<P, Q>>]: Step<P, S, S, Taken<P, Q>[K]>
}

/** For `on` of `kind` or `behavior`. */
export type MachineOn<P extends AnyProtocol, S, Q extends AnyProtocol> =
  IsLocal<P> extends true ? BehaviorDefinition<P, S>['on'] : Handlers<P, S, Q>

interface StateData {
  readonly to?: readonly string[]
  readonly timeout?: StateTimeout | ((state: unknown) => StateTimeout | undefined)
  readonly enter?: (state: unknown) => readonly Action[]
  readonly leave?: (state: unknown) => readonly Action[]
  readonly on: Readonly<Record<string, HandlerData | undefined>>
}

/** The one timer that belongs to the state an actor is in. */
const timerName = 'state timeout'

class MachineData {
  constructor(
    readonly kind: string,
    readonly tags: ReadonlySet<string>,
    readonly states: Readonly<Record<string, StateData>>,
    readonly otherwise: StateData['on'],
  ) {}

  handler(tag: string): HandlerData {
    return (state, payload, at) => {
      const before = this.stateOf(state)
      const handle = before.on[tag] ?? this.otherwise[tag]
      const result = handle?.(state, payload, at)
      return isThenable(result)
        ? result.then((value) => this.moved(state, before, value, tag))
        : this.moved(state, before, result, tag)
    }
  }

  private stateOf(state: unknown): StateData {
    const { is } = state as Named
    const found = Object.hasOwn(this.states, is) ? this.states[is] : undefined
    if (found !== undefined) return found
    throw new Misuse('InvalidDeclaration', `"${this.kind}" is in the state "${is}", which its machine lacks.`)
  }

  /** Adds what leaving one state and entering another brings about. */
  private moved(from: unknown, before: StateData, result: unknown, tag: string): unknown {
    const outcome = outcomeData(result)
    if (outcome === undefined || outcome.type === 'refused') return result
    const { is } = outcome.state as Named
    if (is === (from as Named).is || stops(outcome)) return result
    if (before.to !== undefined && !before.to.includes(is)) {
      const allowed = before.to.join(', ') || 'none'
      throw new Misuse(
        'InvalidDeclaration',
        `${tag} took "${this.kind}" from "${(from as Named).is}" to "${is}"; declared are: ${allowed}.`,
      )
    }
    const after = this.stateOf(outcome.state)
    const actions = [
      ...outcome.actions,
      ...(before.leave?.(from) ?? []),
      ...this.timer(before, after, outcome.state),
      ...(after.enter?.(outcome.state) ?? []),
    ]
    return { ...outcome, actions }
  }

  private timer(before: StateData, after: StateData, state: unknown): readonly Action[] {
    const { timeout: given } = after
    const timeout = typeof given === 'function' ? given(state) : given
    if (timeout === undefined) return before.timeout === undefined ? [] : [act.cancel(timerName)]
    if (typeof given === 'function') checkTimeout(this.kind, (state as Named).is, timeout, this.tags)
    return [act.after(timeout.afterMs, timeout.message, timerName)]
  }
}

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof (value as { then?: unknown } | null | undefined)?.then === 'function'

const stops = (outcome: OutcomeData): boolean =>
  outcome.actions.some((action) => actionData(action).type === 'stop')

const invalid = (kind: string, sentence: string): Misuse =>
  new Misuse('InvalidDeclaration', `The machine of "${kind}": ${sentence}`)
const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

const checkOn = (kind: string, is: string, on: unknown, tags: ReadonlySet<string>): void => {
  if (!isObject(on)) throw invalid(kind, `"${is}": expected an object with a handler per message.`)
  for (const tag of Object.keys(on)) {
    if (!tags.has(tag)) throw invalid(kind, `"${is}" handles ${tag}, which is not declared.`)
  }
}
const checkFunctions = (kind: string, is: string, on: object): void => {
  for (const [tag, handle] of Object.entries(on)) {
    if (handle !== undefined && typeof handle !== 'function')
      throw invalid(kind, `"${is}": ${tag}: expected a function.`)
  }
}

/** A function may give one as well, so it is checked again when the state is entered. */
const checkTimeout = (kind: string, is: string, timeout: unknown, tags: ReadonlySet<string>): void => {
  const place = `"${is}": timeout`
  if (!isObject(timeout)) throw invalid(kind, `${place}: expected { afterMs, message }.`)
  const { afterMs, message } = timeout as Readonly<Record<string, unknown>>
  if (!(Number.isFinite(afterMs) && Number(afterMs) >= 0))
    throw invalid(kind, `${place}: afterMs: expected milliseconds, 0 or more.`)
  const made = isObject(message) ? (message as Partial<MessageData>) : undefined
  const form = made?.[specOfMessage]?.form
  if (made === undefined || form === undefined)
    throw invalid(kind, `${place}: message: expected what a constructor of its protocol made.`)
  if (made.kind !== kind || !tags.has(String(made.tag)))
    throw invalid(kind, `${place}: message: ${made.kind}.${made.tag} belongs to another protocol.`)
  if (form !== 'tell')
    throw invalid(kind, `${place}: message: ${made.tag} is an ask, and nobody would wait for the reply.`)
}

const checkState = (kind: string, is: string, data: MachineData): void => {
  const state: unknown = data.states[is]
  if (!isObject(state)) throw invalid(kind, `"${is}": expected an object, such as { on: { … } }.`)
  const { on, to, timeout } = state as StateData
  checkOn(kind, is, on, data.tags)
  for (const tag of data.tags) {
    if (on[tag] !== undefined || data.otherwise[tag] !== undefined) continue
    throw invalid(kind, `neither its state "${is}" nor otherwise takes ${tag}.`)
  }
  if (to !== undefined && !Array.isArray(to)) throw invalid(kind, `"${is}": to: expected a list of states.`)
  const wrong = to?.find((each) => !Object.hasOwn(data.states, each))
  if (wrong !== undefined) throw invalid(kind, `"${is}" leads to "${wrong}", no state.`)
  if (timeout !== undefined && typeof timeout !== 'function') checkTimeout(kind, is, timeout, data.tags)
  for (const name of ['enter', 'leave'] as const) {
    const given: unknown = (state as StateData)[name]
    if (given !== undefined && typeof given !== 'function')
      throw invalid(kind, `"${is}": ${name}: expected a function, or nothing.`)
  }
  checkFunctions(kind, is, on)
}

const checkMachine = (kind: string, data: MachineData): void => {
  checkOn(kind, 'otherwise', data.otherwise, data.tags)
  const names = isObject(data.states) ? Object.keys(data.states) : []
  if (names.length === 0) throw invalid(kind, 'it has no states; expected some, such as open: { on: { … } }.')
  for (const is of names) checkState(kind, is, data)
  checkFunctions(kind, 'otherwise', data.otherwise)
}

/** A machine whose states are known. */
export interface MachineStates<P extends AnyProtocol, S extends Named, Q extends AnyProtocol, T> {
  /** What to do with a message in a state that does not take it. Gives the `on` of `kind` or `behavior`. */
  otherwise(handlers: Otherwise<P, S, Q, T>): MachineOn<P, S, Q>
}
/** A machine whose protocol is known. */
export interface MachineFor<P extends AnyProtocol, Q extends AnyProtocol> {
  /** Names the union of its states, each with its own `is`. */
  over<S extends Named>(): {
    states<const T extends StatesOf<P, S, Q>>(states: T): MachineStates<P, S, Q, T>
  }
}

/**
 * Declares the handlers of an actor by the state it is in: for `on` of `kind`, or of `behavior`. The state is
 * a union told apart by its field `is`, and a step moves by returning a state with another `is`.
 *
 * Guarantees
 * - The compiler demands a handler in `otherwise` for each message that some state does not take.
 * - On a move the actions come in this order: those of the step, `leave`, the timeout, `enter`.
 * - The message of a timeout never comes once its state has been left, also when it was due already.
 *
 * Limits: the first state is begun, not entered: its `enter` does not run and its `timeout` is not armed, so
 * let the first message lead into the state that has one. A step that stays in its state changes no timer.
 *
 * Errors: `Misuse` for a state, a message or a timeout that cannot be; a step to a state that `to` does not
 * name is a crash.
 *
 * Reference: OTP `gen_statem`. Deviation: messages are not postponed; `putOff` and `stash` do that.
 *
 * @example
 * const on = machine(Match, Own)
 *   .over<MatchState>()
 *   .states({
 *     open: { to: ['playing'], on: { Start: (_, { map }) => reply({ is: 'playing', map }) } },
 *     playing: { timeout: { afterMs: 3_600_000, message: Own.TooLong() }, on: {} },
 *   })
 *   .otherwise({ Start: () => refuse('RUNS_ALREADY'), TooLong: (state) => next(state, act.stop()) })
 */
export const machine = <P extends AnyProtocol, Q extends AnyProtocol = NoInner>(
  protocol: P,
  inner?: Q,
): MachineFor<P, Q> => {
  const { kind, specs } = dataOf(protocol)
  const own = inner === undefined ? undefined : dataOf(inner)
  const tags = new Set([...specs.keys(), ...(own?.specs.keys() ?? [])])
  const made = (states: object, otherwise: object): object => {
    const data = new MachineData(
      kind,
      tags,
      states as MachineData['states'],
      otherwise as MachineData['otherwise'],
    )
    checkMachine(kind, data)
    return Object.fromEntries([...tags].map((tag) => [tag, data.handler(tag)]))
  }
  const over = { states: (states: object) => ({ otherwise: (handlers: object) => made(states, handlers) }) }
  return { over: () => over } as unknown as MachineFor<P, Q>
}
