/** Child specs at run time: plain data with every default filled in, read by the supervisors. */
import type { BehaviorData } from './behavior.js'
import type { child } from './brand.js'
import type { KindData } from './kind.js'
import { Misuse, notDeclared } from './misuse.js'

/** One child of a supervisor, and all below it. */
export interface ChildSpec {
  readonly id: string
  readonly [child]: true
}

/** Who falls with whom. */
export type Strategy = 'one_for_one' | 'one_for_all' | 'rest_for_one'
/** When to start it again: always, after a crash, never. */
export type Restart = 'permanent' | 'transient' | 'temporary'
export type AutoShutdown = 'never' | 'any_significant' | 'all_significant'
/** Milliseconds that it may take to stop, before it is killed. */
export type ShutdownMs = number | 'kill' | 'infinity'

/** A child spec at run time, with every default filled in. */
export type ChildData = WorkerData | SupervisorData | EntitiesData | DynamicData

export interface ChildBase {
  readonly id: string
  readonly restart: Restart
  readonly significant: boolean
  readonly shutdownMs: ShutdownMs
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
  readonly children: readonly ChildData[]
}
export interface EntitiesData extends ChildBase, Intensity {
  readonly type: 'entities'
  readonly kind: KindData
  readonly countMax: number
}
export interface DynamicData extends ChildBase, Intensity {
  readonly type: 'dynamic'
  /** Of its children; its own `restart` is permanent. */
  readonly childRestart: Restart
  readonly childShutdownMs: ShutdownMs
  readonly countMax: number
}

const specs = new WeakSet<object>()

/** Throws `Misuse` for what none of the constructors made. */
export const childData = (spec: object): ChildData => {
  if (specs.has(spec)) return spec as ChildData
  throw notDeclared('a child made by worker(…), entities(…), dynamic(…) or supervisor(…)')
}

/** Seals a child spec. */
export const childSpec = (data: ChildData): ChildSpec => {
  if (data.id === '') throw new Misuse('InvalidDeclaration', 'The id of a child is not empty.')
  if (data.significant && data.restart === 'permanent') {
    throw new Misuse('InvalidDeclaration', `Child "${data.id}": a permanent child cannot be significant.`)
  }
  specs.add(data)
  return Object.freeze(data) as unknown as ChildSpec
}
