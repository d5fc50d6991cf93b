/** A node's tree while it runs: started from the specs, looked up by kind, shown as data. */
import {
  type BehaviorData,
  behaviorData,
  childData,
  type ChildData,
  type EntitiesData,
  type SingletonData,
  type SupervisorData,
  type WorkerData,
} from '../../lib/api/internal.js'
import { supervisor } from '../../lib/api/child-spec.js'
import type { ChildSpec } from '../../lib/api/child-data.js'
import type { TreeNode } from '../../lib/api/status.js'
import type { LocalSupervisor } from '../../lib/api/supervision.js'
import type { Cell } from '../../lib/kernel/cell.js'
import type { ExitReason } from '../../lib/kernel/exit-reason.js'
import type { Kernel } from '../../lib/kernel/kernel.js'
import { type Begun, type Ended, started } from '../../lib/kernel/lifecycle.js'
import type { LocalActor } from '../../lib/kernel/local-actor.js'
import type { Outside } from '../../lib/kernel/outside.js'
import type { Random } from '../../lib/std/random.js'
import { administration } from '../local/administration.js'
import type { Child } from '../local/held-child.js'
import { LocalTree } from '../local/tree.js'
import { rootNotStarted, whyNotStarted } from './not-started.js'

/** Every child of the tree, parents before children. */
const flatten = (spec: ChildData): readonly ChildData[] =>
  spec.type === 'supervisor' ? [spec, ...spec.children.flatMap(flatten)] : [spec]

export const entitiesIn = (spec: ChildData): readonly EntitiesData[] =>
  flatten(spec).filter((child): child is EntitiesData => child.type === 'entities')
export const singletonsIn = (spec: ChildData): readonly SingletonData[] =>
  flatten(spec).filter((child): child is SingletonData => child.type === 'singleton')
export const workersIn = (spec: ChildData): readonly WorkerData[] =>
  flatten(spec).filter((child): child is WorkerData => child.type === 'worker')

/** A tree of one child gets a supervisor. */
export const rooted = (tree: ChildSpec): SupervisorData => {
  const spec = childData(tree)
  return spec.type === 'supervisor' ? spec : (childData(supervisor('root', {}, [tree])) as SupervisorData)
}

/** What runs on one node of the cluster only. */
interface SingletonPlaces {
  place(data: SingletonData, under: { parent: Cell<any>; outside: Outside; ended: Ended }): Child
  actor(kind: string): LocalActor | undefined
}
export interface TreeOptions {
  readonly kernel: Kernel
  readonly random: Random
  readonly outside: Outside
  readonly root: SupervisorData
  /** How many entities of a kind run here. */
  readonly countOf: (kind: string) => number
  readonly singletons: SingletonPlaces
  /** The root supervisor gave up. */
  readonly ended: (reason: ExitReason) => void
}

/** The place of a kind's entities in the tree: their cells live below it. */
class EntitiesPlace implements Child {
  readonly cell: Cell<never>
  constructor(
    readonly kind: string,
    private readonly countOf: (kind: string) => number,
    kernel: Kernel,
    parent: Cell<any>,
  ) {
    this.cell = kernel.spawn<never>({
      name: kind,
      parent,
      receive: () => undefined,
      crashed: () => undefined,
      delivered: (message) => kernel.deadLetter(this.cell.path, 'unhandled', message),
    })
  }
  begin(done: (begun: Begun) => void): void {
    for (const cell of this.cell.children) cell.resume()
    done(started)
  }
  /** Entities keep their state and their mail; they handle nothing until they begin again. */
  halt(done: () => void): void {
    for (const cell of this.cell.children) cell.suspend()
    done()
  }
  abort(): void {
    for (const cell of this.cell.children) cell.suspend()
  }
  close(reason: ExitReason): void {
    this.cell.stop(undefined, reason)
  }
  tree(): Pick<TreeNode, 'count' | 'strategy' | 'children'> {
    return { count: this.countOf(this.kind), children: [] }
  }
}

export class Tree {
  readonly #local: LocalTree
  readonly #singletons: SingletonPlaces
  readonly #places = new Map<string, EntitiesPlace>()

  constructor(options: TreeOptions) {
    const { kernel, random, outside, root, countOf, singletons, ended } = options
    this.#singletons = singletons
    this.#local = new LocalTree({
      kernel,
      random,
      outside,
      root,
      entities: (data, parent) => {
        const place = new EntitiesPlace(data.kind.kind, countOf, kernel, parent)
        this.#places.set(data.kind.kind, place)
        return place
      },
      singleton: (data, parent, childEnded) => singletons.place(data, { parent, outside, ended: childEnded }),
      ended,
    })
  }

  /** Starts everything in order; rejects with `ChildFailed`, and then nothing runs. */
  begin(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#local.begin((begun) => {
        if (begun.tag === 'started') resolve()
        else reject(rootNotStarted(begun))
      })
    })
  }

  local(kind: string): LocalActor | undefined {
    return this.#local.local(kind) ?? this.#singletons.actor(kind)
  }
  /** The names of what the tree holds. */
  get kinds(): readonly string[] {
    return [...this.#local.localKinds, ...this.#places.keys()]
  }
  /** Below which the entities of a kind live. */
  cellOf(kind: string): Cell<any> | undefined {
    return this.#places.get(kind)?.cell
  }

  start(under: string, behavior: object): Promise<LocalActor['ref']> {
    const data: BehaviorData = behaviorData(behavior)
    return new Promise((resolve, reject) => {
      this.#local.startUnder(under, data, (answer) => {
        if (answer.tag === 'started') resolve(answer.actor.ref)
        else reject(whyNotStarted(this.#local, under, { child: data.kind, answer }))
      })
    })
  }

  status(): TreeNode {
    return this.#local.tree()
  }
  /** By its path, or by its id when only one supervisor has it. Throws `Misuse` when there is none. */
  supervisor(idOrPath: string): LocalSupervisor {
    return administration(this.#local, idOrPath)
  }
  hasSupervisor(idOrPath: string): boolean {
    return this.#local.supervisor(idOrPath) !== undefined
  }
  /** Ends all of it at once. */
  kill(): void {
    this.#local.kill()
  }
  stop(): Promise<void> {
    return new Promise((resolve) => this.#local.stop(resolve))
  }
}
