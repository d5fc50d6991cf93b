/** Child specs at run time: plain data with every default filled in, read by the supervisors. */
import type { BehaviorData } from './behavior.js'
import type { KindData } from './kind.js'
import { Misuse, notDeclared } from './misuse.js'
import type {
  AutoShutdown,
  ChildSpec,
  Restart,
  RestartBackoff,
  ShutdownMs,
  StartMs,
  Strategy,
} from './child-words.js'

export type { AutoShutdown, ChildSpec, Restart, RestartBackoff, ShutdownMs, StartMs, Strategy }

/** A child spec at run time, with every default filled in. */
export type ChildData = WorkerData | SupervisorData | EntitiesData | DynamicData | SingletonData

export interface ChildBase {
  readonly id: string
  readonly restart: Restart
  readonly significant: boolean
  readonly shutdownMs: ShutdownMs
  readonly startMs: StartMs
  readonly backoff: Required<RestartBackoff> | undefined
}
export interface Intensity {
  readonly intensity: number
  readonly periodMs: number
}
export interface WorkerData extends ChildBase {
  readonly type: 'worker'
  readonly behavior: BehaviorData
}
export interface SupervisorData extends ChildBase, Intensity {
  readonly type: 'supervisor'
  readonly strategy: Strategy
  readonly autoShutdown: AutoShutdown
  readonly init: (() => unknown) | undefined
  readonly children: readonly ChildData[]
}
export interface EntitiesData extends ChildBase {
  readonly type: 'entities'
  readonly kind: KindData
  readonly countMax: number
}
export interface SingletonData extends ChildBase {
  readonly type: 'singleton'
  readonly behavior: BehaviorData
  /** What the cluster owns of it: one shard, whose owner runs it. */
  readonly kind: KindData
}
export interface DynamicData extends ChildBase, Intensity {
  readonly type: 'dynamic'
  /** Of its children; its own `restart` is permanent. */
  readonly childRestart: Restart
  readonly childShutdownMs: ShutdownMs
  readonly childStartMs: StartMs
  readonly childBackoff: Required<RestartBackoff> | undefined
  readonly countMax: number
}

/** A child of a dynamic supervisor, by what that says of all its children. */
export const dynamicChild = (under: DynamicData, id: string, behavior: BehaviorData): WorkerData => ({
  type: 'worker',
  id,
  restart: under.childRestart,
  significant: false,
  shutdownMs: under.childShutdownMs,
  startMs: under.childStartMs,
  backoff: under.childBackoff,
  behavior,
})

const specs = new WeakSet<object>()

/** Throws `Misuse` for what none of the constructors made. */
export const childData = (spec: object): ChildData => {
  if (specs.has(spec)) return spec as ChildData
  throw notDeclared('a child made by worker(…), entities(…), singleton(…), dynamic(…) or supervisor(…)')
}

/** Seals a child spec. */
export const childSpec = (data: ChildData): ChildSpec => {
  const given: unknown = data.id
  if (typeof given !== 'string' || given === '') {
    throw new Misuse('InvalidDeclaration', 'The id of a child is a text that is not empty.')
  }
  if (data.significant && data.restart === 'permanent') {
    throw new Misuse('InvalidDeclaration', `Child "${data.id}": a permanent child cannot be significant.`)
  }
  specs.add(data)
  return Object.freeze(data) as unknown as ChildSpec
}
