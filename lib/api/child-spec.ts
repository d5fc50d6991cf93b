/**
 * A supervision tree as plain data: what exists, how it restarts, and what falls with it. OTP's words and
 * rules.
 */
import { behaviorData, type Behavior } from './behavior.js'
import {
  childData,
  childSpec,
  type AutoShutdown,
  type ChildBase,
  type ChildData,
  type ChildSpec,
  type Intensity,
  type Restart,
  type RestartBackoff,
  type ShutdownMs,
  type StartMs,
  type Strategy,
} from './child-data.js'
import { kindData, type Kind, type KindData } from './kind.js'
import { Misuse, twoProtocols } from './misuse.js'
import { checkOptions, checkTypos, isObject } from './option-names.js'
import type { ProtocolData } from './protocol-data.js'
import { isName } from '../ids.js'
import type { Ignore } from './starting.js'

/** A permanent child never ends for good, so it cannot be significant (OTP refuses it as well). */
type Significance =
  | { readonly restart?: 'permanent'; readonly significant?: never }
  | { readonly restart: 'transient' | 'temporary'; readonly significant?: boolean }

interface Patience {
  /** Default 60,000 for workers; for supervisors infinity, as their children have their own deadlines. */
  readonly startMs?: StartMs
  /** Default none: it is started again at once. */
  readonly backoff?: RestartBackoff
}

export type WorkerOptions = Significance &
  Patience & {
    /** Default 5,000. */
    readonly shutdownMs?: ShutdownMs
  }

export interface SupervisorOptions {
  /** Default one_for_one. */
  readonly strategy?: Strategy
  /**
   * More than this many restarts within `periodMs` stop the supervisor, and its own parent decides. Default
   * 1.
   */
  readonly intensity?: number
  /** Default 5,000. */
  readonly periodMs?: number
  /** Whether the end of significant children ends it. Default never. */
  readonly autoShutdown?: AutoShutdown
}
/** A supervisor as a child of another. */
export type SubtreeOptions = SupervisorOptions &
  Significance &
  Patience & {
    /** Default infinity: its children have their own deadlines. */
    readonly shutdownMs?: ShutdownMs
    /**
     * Runs before each start of its children: returns `ignore` when it is not to be started. A throw is a
     * failed start.
     */
    readonly init?: () => Ignore | undefined | void
  }

export interface EntitiesOptions {
  /**
   * Entities of the kind that may run on one node at once; more are answered `Overloaded`. Default
   * 1,000,000.
   */
  readonly countMax?: number
  /** Only nodes with this role run it; the others know where it runs. Default: what the kind says. */
  readonly role?: string
}

export type SingletonOptions = WorkerOptions & {
  /** Only nodes with this role run it; the others know where it runs. */
  readonly role?: string
}

export interface DynamicOptions extends Patience {
  /** Of the children, which are started with `node.start`. Default temporary. */
  readonly restart?: Restart
  /** Default 1 in 5,000 ms. */
  readonly intensity?: number
  readonly periodMs?: number
  /** Of each child. Default 5,000. */
  readonly shutdownMs?: ShutdownMs
  /** Default 100,000. */
  readonly countMax?: number
}

const oneOf = <A extends string>(value: A, all: readonly A[], place: string): A => {
  if (all.includes(value)) return value
  throw new Misuse('InvalidDeclaration', `${place}: expected one of ${all.join(', ')}.`)
}
const whole = (value: number, least: number, place: string): number => {
  if (Number.isSafeInteger(value) && value >= least) return value
  throw new Misuse('InvalidDeclaration', `${place}: expected a whole number, ${least} or more.`)
}
const deadline = (value: ShutdownMs, place: string): ShutdownMs =>
  value === 'kill' || value === 'infinity' ? value : whole(value, 0, place)

interface BaseOptions extends Patience {
  readonly restart?: Restart
  readonly significant?: boolean | undefined
  readonly shutdownMs?: ShutdownMs
}
interface Defaults {
  readonly shutdownMs: ShutdownMs
  readonly startMs: StartMs
}
const ofWorkers: Defaults = { shutdownMs: 5_000, startMs: 60_000 }
const ofSupervisors: Defaults = { shutdownMs: 'infinity', startMs: 'infinity' }

const patience = (value: StartMs, place: string): StartMs =>
  value === 'infinity' ? value : whole(value, 1, place)
const backoffOf = (given: RestartBackoff | undefined, place: string): ChildBase['backoff'] => {
  if (given === undefined) return undefined
  const { minMs, maxMs, jitter = 0.3 } = given
  if (!(jitter >= 0 && jitter <= 1)) {
    throw new Misuse('InvalidDeclaration', `${place}.jitter: expected a number from 0 to 1.`)
  }
  whole(minMs, 1, `${place}.minMs`)
  return { minMs, maxMs: whole(maxMs, minMs, `${place}.maxMs`), jitter }
}
const restarts = ['permanent', 'transient', 'temporary'] as const
const base = (id: string, options: BaseOptions, defaults: Defaults): ChildBase => ({
  id,
  restart: oneOf(options.restart ?? 'permanent', restarts, `${id}: restart`),
  significant: options.significant ?? false,
  shutdownMs: deadline(options.shutdownMs ?? defaults.shutdownMs, `${id}: shutdownMs`),
  startMs: patience(options.startMs ?? defaults.startMs, `${id}: startMs`),
  backoff: backoffOf(options.backoff, `${id}: backoff`),
})
const intensityOf = (id: string, options: Partial<Intensity>, intensity: number): Intensity => ({
  intensity: whole(options.intensity ?? intensity, 0, `${id}: intensity`),
  periodMs: whole(options.periodMs ?? 5_000, 1, `${id}: periodMs`),
})

const childNames = ['restart', 'significant', 'shutdownMs', 'startMs', 'backoff']
const intensityNames = ['intensity', 'periodMs']
const supervisorNames = [...childNames, ...intensityNames, 'strategy', 'autoShutdown', 'init']
const dynamicNames = [
  'restart',
  'shutdownMs',
  'startMs',
  'backoff',
  ...intensityNames,
  'countMax',
  'autoShutdown',
]
const entitiesNames = ['countMax']

/** One actor of this node. */
export const worker = <N extends string, S>(
  id: string,
  behavior: Behavior<N, S>,
  options: WorkerOptions = {},
): ChildSpec => {
  checkTypos(options, childNames, `worker "${id}"`)
  return childSpec({ type: 'worker', ...base(id, options, ofWorkers), behavior: behaviorData(behavior) })
}

const strategies = ['one_for_one', 'one_for_all', 'rest_for_one'] as const
const autoShutdowns = ['never', 'any_significant', 'all_significant'] as const

const protocolOf = (child: ChildData): ProtocolData | undefined =>
  child.type === 'entities' || child.type === 'singleton'
    ? child.kind.data
    : child.type === 'worker'
      ? child.behavior.data
      : undefined
const twoChildren = (id: string, one: ChildData, other: ChildData): Misuse => {
  const [mine, theirs] = [one, other].map(protocolOf)
  if (mine !== undefined && mine !== theirs && mine.kind === theirs?.kind) return twoProtocols(mine.kind)
  return new Misuse('InvalidDeclaration', `Supervisor "${id}" has two children named "${other.id}".`)
}

const checkChildren = (id: string, autoShutdown: AutoShutdown, children: readonly ChildData[]): void => {
  const byId = new Map<string, ChildData>()
  for (const child of children) {
    const other = byId.get(child.id)
    if (other !== undefined) throw twoChildren(id, other, child)
    byId.set(child.id, child)
    if (child.significant && autoShutdown === 'never') {
      throw new Misuse(
        'InvalidDeclaration',
        `Child "${child.id}" is significant, but supervisor "${id}" has autoShutdown: 'never'.`,
      )
    }
  }
}

/**
 * Starts its children in order, stops them in reverse, and restarts them by `strategy`.
 *
 * Reference: OTP `supervisor`. Deviation: the period is in milliseconds.
 */
export const supervisor = (
  id: string,
  options: SubtreeOptions,
  children: readonly ChildSpec[],
): ChildSpec => {
  checkTypos(options, supervisorNames, `supervisor "${id}"`)
  if (!Array.isArray(children))
    throw new Misuse(
      'InvalidDeclaration',
      `supervisor "${id}": children: expected a list, such as [worker(…)].`,
    )
  const autoShutdown = oneOf(options.autoShutdown ?? 'never', autoShutdowns, `${id}: autoShutdown`)
  const below = children.map(childData)
  checkChildren(id, autoShutdown, below)
  return childSpec({
    type: 'supervisor',
    ...base(id, options, ofSupervisors),
    ...intensityOf(id, options, 1),
    init: options.init,
    strategy: oneOf(options.strategy ?? 'one_for_one', strategies, `${id}: strategy`),
    autoShutdown,
    children: below,
  })
}

const roleOf = (kind: string, role: string): string => {
  if (typeof role === 'string' && isName(role)) return role
  throw new Misuse('InvalidDeclaration', `${kind}: role: expected the name of a role, such as 'game'.`)
}

/** All entities of one kind that live on this node, started on demand, each with its own backoff. */
export const entities = <N extends string, I>(kind: Kind<N, I>, options: EntitiesOptions = {}): ChildSpec => {
  const data = kindData(kind)
  checkOptions(options, entitiesNames, `entities "${data.kind}"`)
  return childSpec({
    type: 'entities',
    ...base(data.kind, {}, ofSupervisors),
    kind:
      options.role === undefined ? data : Object.freeze({ ...data, role: roleOf(data.kind, options.role) }),
    countMax: whole(options.countMax ?? 1_000_000, 1, `${data.kind}: countMax`),
  })
}

/** The only id of the hidden kind behind a singleton. */
export const singletonId = 'one'

/**
 * One actor for the whole cluster. It stands in the tree of every node that may run it, and runs on one of
 * them: on whichever owns its record. Reached from any node by `node.singleton(Protocol)`.
 *
 * Guarantees: on at most one node at a time, also in a split: it ends before the lease does that it runs
 * under, and begins elsewhere only after that. When its node leaves it ends there, then begins elsewhere. A
 * crash of the actor is its supervisor's matter, on the same node.
 *
 * Limits: its state is not kept: each life begins with `init`. At a hand-over it has `handoffMs` / 5 for the
 * mail that waits and as much for `onStop`. What a handler started and did not wait for is not ended.
 */
export const singleton = <N extends string, S>(
  behavior: Behavior<N, S>,
  options: SingletonOptions = {},
): ChildSpec => {
  const data = behaviorData(behavior)
  checkOptions(options, [...childNames, 'role'], `singleton "${data.kind}"`)
  const { role, ...rest } = options
  return childSpec({
    type: 'singleton',
    ...base(data.kind, rest, ofWorkers),
    behavior: data,
    kind: Object.freeze<KindData>({
      kind: data.kind,
      protocol: data.protocol,
      data: data.data,
      inner: undefined,
      init: () => undefined,
      on: {},
      source: { type: 'disposable' },
      activate: 'first-message',
      consistency: 'strict',
      merge: undefined,
      onConflict: undefined,
      placementKey: () => singletonId,
      rebalance: 'never',
      reminders: false,
      remember: false,
      limits: {},
      ...(role === undefined ? {} : { role: roleOf(data.kind, role) }),
    }),
  })
}

/** Its children are one kind of thing, so there is nothing to list and nobody is more significant. */
const checkDynamic = (id: string, options: object): void => {
  if (!isObject(options)) return
  const { autoShutdown = 'never', children } = options as Record<string, unknown>
  if (autoShutdown === 'never' && children === undefined) return
  const what = children === undefined ? `autoShutdown is only 'never'` : 'it has no list of children'
  throw new Misuse('InvalidDeclaration', `Dynamic supervisor "${id}": ${what}. Use supervisor(…) for that.`)
}

/** A supervisor without children at first; `node.start(id, behavior)` adds them. */
export const dynamic = (id: string, options: DynamicOptions = {}): ChildSpec => {
  checkDynamic(id, options)
  checkOptions(options, dynamicNames, `dynamic "${id}"`)
  return childSpec({
    type: 'dynamic',
    ...base(id, {}, ofSupervisors),
    ...intensityOf(id, options, 1),
    childRestart: oneOf(options.restart ?? 'temporary', restarts, `${id}: restart`),
    childShutdownMs: deadline(options.shutdownMs ?? ofWorkers.shutdownMs, `${id}: shutdownMs`),
    childStartMs: patience(options.startMs ?? ofWorkers.startMs, `${id}: startMs`),
    childBackoff: backoffOf(options.backoff, `${id}: backoff`),
    countMax: whole(options.countMax ?? 100_000, 1, `${id}: countMax`),
  })
}
