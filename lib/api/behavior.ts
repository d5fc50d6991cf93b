/** Actors of one node: they may wait, hold sockets, and use refs. */
import type { types } from './brand.js'
import type { Exit } from './exit.js'
import { checkHandlers, type HandlerData } from './kind.js'
import { checkMailbox, type MailboxOptions } from './mailbox.js'
import type { AskSpec, ReadSpec, TellSpec } from './message.js'
import { Misuse, notDeclared } from './misuse.js'
import type { AskedSelf, Self, Startable } from './node-types.js'
import { checkNames, isObject } from './option-names.js'
import type { PutOff, RefusedStep, Replied, Stashed, Stepped } from './outcome.js'
import type { AnyProtocol, KindOf, SpecsOf } from './protocol.js'
import { dataOf, type ProtocolData } from './protocol-data.js'
import type { Ignore, WithInfo } from './starting.js'
import type { Reach } from './spec.js'
import { topicData, type Origin, type Topic, type TopicData, type TopicScope } from './topic.js'

type Awaitable<A> = A | Promise<A>

type LocalHandler<S, N extends string, M> =
  M extends AskSpec<infer A, infer R, infer X, Reach>
    ? (
        state: S,
        payload: A,
        self: AskedSelf<N, R, X>,
      ) => Awaitable<Replied<S, R> | RefusedStep<X> | PutOff<S> | Stashed<S>>
    : M extends ReadSpec<infer A, infer R>
      ? (state: S, payload: A, self: Self<N>) => R
      : M extends TellSpec<infer A, Reach>
        ? (state: S, payload: A, self: Self<N>) => Awaitable<Stepped<S> | Stashed<S>>
        : never

type Hearer<S, N extends string, A, C extends TopicScope> = C extends 'origin'
  ? (state: S, event: A, from: Origin, self: Self<N>) => Awaitable<Stepped<S>>
  : (state: S, event: A, self: Self<N>) => Awaitable<Stepped<S>>

/** The definition of an actor of one node. */
export interface Behavior<N extends string, S> extends Startable<N> {
  readonly kind: N
  readonly [types]: 'behavior'
  /** Also acts on what is published; the subscription lives and dies with the actor. Gives a new behavior. */
  hears<A, C extends TopicScope>(topic: Topic<string, A, C>, handle: Hearer<S, N, A, C>): Behavior<N, S>
}

/** How a local actor begins, acts and ends. */
export interface BehaviorDefinition<P extends AnyProtocol, S> {
  /**
   * The first state of each life, or `ignore`, or `withInfo(state, info)`. May wait, for at most `startMs`
   * of its child spec; a throw is a failed start. One that takes `self`, to monitor others or to set
   * timers, says what it returns: `init: (self): State => …`.
   */
  readonly init: (self: Self<KindOf<P>>) => Awaitable<S | Ignore | WithInfo<S>>
  readonly on: { readonly [K in keyof SpecsOf<P>]: LocalHandler<NoInfer<S>, KindOf<P>, SpecsOf<P>[K]> }
  /**
   * Runs when the actor is stopped in order, for at most `shutdownMs`. Not after a crash or a kill. A throw
   * is reported, and makes a crash of an end that the actor wanted itself.
   */
  readonly onStop?: (state: NoInfer<S>) => Awaitable<void>
  /**
   * Exit signals come here instead of ending the actor: OTP's trap_exit. All but `kill` from `self.exit`,
   * which nobody can catch.
   */
  readonly onExit?: (state: NoInfer<S>, exit: Exit, self: Self<KindOf<P>>) => Awaitable<Stepped<NoInfer<S>>>
  /** How much may wait for it, and what happens when it is too much. */
  readonly mailbox?: MailboxOptions
  /**
   * Milliseconds without a message after which `onIdle` runs; messages of its own timers count. Default:
   * never.
   */
  readonly idleMs?: number
  /** Default: the actor stops with reason `normal`, so a permanent one is begun again. */
  readonly onIdle?: (state: NoInfer<S>, self: Self<KindOf<P>>) => Awaitable<Stepped<NoInfer<S>>>
}

/** What a hearer is at run time; `from` only for `origin` topics. */
export interface HearerData {
  readonly topic: TopicData
  readonly handle: (state: unknown, event: unknown, ...rest: readonly unknown[]) => unknown
}

/** A behavior at run time. */
export interface BehaviorData {
  readonly kind: string
  readonly protocol: object
  readonly data: ProtocolData
  readonly init: (self: unknown) => unknown
  readonly on: Readonly<Record<string, HandlerData>>
  readonly onStop: ((state: unknown) => unknown) | undefined
  readonly onExit: ((state: unknown, exit: Exit, self: unknown) => unknown) | undefined
  readonly mailbox: MailboxOptions | undefined
  /** Undefined: never. */
  readonly idleMs: number | undefined
  readonly onIdle: ((state: unknown, self: unknown) => unknown) | undefined
  readonly hearers: readonly HearerData[]
}

const behaviors = new WeakMap<object, BehaviorData>()

/** Throws `Misuse` for what `behavior` did not make. */
export const behaviorData = (behavior: object): BehaviorData => {
  const data = behaviors.get(behavior)
  if (data !== undefined) return data
  throw notDeclared(
    'a behavior made by behavior(…); the kind of entities goes into entities(…), not worker(…)',
  )
}

const build = (data: BehaviorData): object => {
  const built = Object.freeze({
    ...data,
    hears: (topic: object, handle: HearerData['handle']) =>
      build({ ...data, hearers: [...data.hearers, { topic: topicData(topic), handle }] }),
  })
  behaviors.set(built, built)
  return built
}

const optionNames = ['init', 'on', 'onStop', 'onExit', 'mailbox', 'idleMs', 'onIdle']
const mailboxNames = ['countMax', 'overflow', 'holdMs', 'stashCountMax']

const invalid = (sentence: string): Misuse => new Misuse('InvalidDeclaration', sentence)

/** The definition as it arrives from JavaScript, where the compiler has checked nothing. */
type Loose = Readonly<Record<string, unknown>>

const checkMail = (kind: string, mailbox: unknown): void => {
  if (mailbox === undefined) return
  if (!isObject(mailbox))
    throw invalid(`"${kind}": mailbox: expected an object, such as { countMax: 100 }, or nothing.`)
  checkNames(mailbox, mailboxNames, `"${kind}": mailbox`)
  checkMailbox(kind, mailbox)
}

const checkIdle = (kind: string, { idleMs, onIdle }: Loose): void => {
  if (idleMs !== undefined && !(Number.isSafeInteger(idleMs) && Number(idleMs) >= 1))
    throw invalid(`"${kind}": idleMs: expected milliseconds, a whole number, 1 or more.`)
  if (onIdle !== undefined && idleMs === undefined)
    throw invalid(`"${kind}" has an onIdle, so it needs idleMs.`)
}

const checked = ({ kind, specs }: ProtocolData, given: unknown): void => {
  if (!isObject(given))
    throw invalid(`behavior("${kind}", …): expected a definition, such as { init: () => 0, on: { … } }.`)
  checkNames(given, optionNames, `"${kind}"`)
  const loose = given as Loose
  const { init, on, mailbox } = loose
  if (typeof init !== 'function')
    throw invalid(`"${kind}": init: expected a function that gives the first state, such as () => 0.`)
  if (!isObject(on)) throw invalid(`"${kind}": on: expected an object with a handler per message.`)
  checkHandlers(kind, new Set(specs.keys()), on)
  for (const [tag, handle] of Object.entries(on)) {
    if (typeof handle !== 'function') throw invalid(`"${kind}": on.${tag}: expected a function.`)
  }
  for (const name of ['onStop', 'onExit', 'onIdle']) {
    const value = loose[name]
    if (value !== undefined && typeof value !== 'function')
      throw invalid(`"${kind}": ${name}: expected a function, or nothing.`)
  }
  checkMail(kind, mailbox)
  checkIdle(kind, loose)
}

/**
 * Declares an actor of one node. Unlike an entity's step its handlers may wait: the next message is taken
 * when the promise settles. A throw or rejection is a crash, and its supervisor decides.
 *
 * Errors: `Misuse` for a handler too few or too many, and for an option that is unknown or does not fit.
 */
export const behavior = <P extends AnyProtocol, S>(
  protocol: P,
  definition: BehaviorDefinition<P, S>,
): Behavior<KindOf<P>, S> => {
  const data = dataOf(protocol)
  if (data.scope !== 'node') throw invalid(`"${data.kind}" has ids: declare its entities with kind(…).`)
  checked(data, definition)
  const { kind } = data
  const { init, on, onStop, onExit, mailbox, idleMs, onIdle } = definition
  return build({
    kind,
    protocol,
    data,
    init: init as BehaviorData['init'],
    on: on as unknown as BehaviorData['on'],
    onStop: onStop as BehaviorData['onStop'],
    onExit: onExit as BehaviorData['onExit'],
    mailbox,
    idleMs,
    onIdle: onIdle as BehaviorData['onIdle'],
    hearers: [],
  }) as Behavior<KindOf<P>, S>
}

/** The same behavior with other handlers. */
export const behaviorWith = <B extends object>(behavior: B, on: BehaviorData['on']): B =>
  build({ ...behaviorData(behavior), on }) as B
