/** A node's tree while it runs: started from the specs, looked up by kind, shown as data. */
import type { ChildData, EntitiesData, WorkerData } from '../../lib/api/internal.js'
import type { TreeNode } from '../../lib/api/status.js'
import { AskFailed } from '../../lib/errors.js'
import type { Cell } from '../../lib/kernel/cell.js'
import type { Kernel } from '../../lib/kernel/kernel.js'
import { LocalActor } from '../../lib/kernel/local-actor.js'
import type { LocalActorRef } from '../../lib/kernel/local-ref.js'
import type { Outside } from '../../lib/kernel/outside.js'

export interface Tree {
  actor(kind: string): LocalActor | undefined
  local(kind: string): LocalActorRef | undefined
  /** The names of what the tree holds. */
  kinds(): readonly string[]
  /** Below which the entities of a kind live. */
  cellOf(kind: string): Cell<any> | undefined
  start(under: string, behavior: object): Promise<LocalActorRef>
  status(countOf: (kind: string) => number): TreeNode
  stop(): Promise<void>
}

/** Every child of the tree, parents before children. */
export const flatten = (spec: ChildData): readonly ChildData[] =>
  spec.type === 'supervisor' ? [spec, ...spec.children.flatMap(flatten)] : [spec]

export const entitiesIn = (spec: ChildData): readonly EntitiesData[] =>
  flatten(spec).filter((child): child is EntitiesData => child.type === 'entities')
export const workersIn = (spec: ChildData): readonly WorkerData[] =>
  flatten(spec).filter((child): child is WorkerData => child.type === 'worker')

export interface TreeOptions {
  readonly kernel: Kernel
  readonly outside: Outside
  readonly spec: ChildData
}

/** Starts the workers in order, below one cell per supervisor. */
export const startTree = async ({ kernel, outside, spec }: TreeOptions): Promise<Tree> => {
  const actors = new Map<string, LocalActor>()
  const cells = new Map<string, Cell<any>>()
  const restarts = new Map<string, number>()
  const startWorker = (worker: WorkerData, parent: Cell<any> | undefined): Promise<void> => {
    const actor: LocalActor = new LocalActor(kernel, {
      name: worker.id,
      parent,
      behavior: worker.behavior,
      outside,
      ended: () => {
        restarts.set(worker.id, (restarts.get(worker.id) ?? 0) + 1)
        actor.begin(() => undefined)
      },
    })
    actors.set(worker.behavior.kind, actor)
    return new Promise((resolve, reject) => {
      actor.begin((failed) => (failed === undefined ? resolve() : reject(failed.error)))
    })
  }
  const place = (child: ChildData, parent: Cell<any> | undefined): Cell<any> =>
    kernel.spawn({ name: child.id, parent, receive: () => undefined, crashed: () => undefined })
  const startOne = async (child: ChildData, parent: Cell<any> | undefined): Promise<void> => {
    if (child.type === 'worker') await startWorker(child, parent)
    else {
      const cell = place(child, parent)
      if (child.type === 'entities') cells.set(child.kind.kind, cell)
      if (child.type === 'supervisor') for (const below of child.children) await startOne(below, cell)
    }
  }
  await startOne(spec, undefined)
  const statusOf = (child: ChildData, countOf: (kind: string) => number): TreeNode => ({
    id: child.id,
    type: child.type,
    status: 'running',
    restarts: restarts.get(child.id) ?? 0,
    ...(child.type === 'entities' ? { count: countOf(child.kind.kind) } : {}),
    ...(child.type === 'supervisor' ? { strategy: child.strategy } : {}),
    children: child.type === 'supervisor' ? child.children.map((below) => statusOf(below, countOf)) : [],
  })
  return {
    actor: (kind) => actors.get(kind),
    local: (kind) => actors.get(kind)?.ref,
    kinds: () => [...actors.keys(), ...cells.keys()],
    cellOf: (kind) => cells.get(kind),
    start: (under) =>
      Promise.reject(new AskFailed({ tag: 'NoRecipient', address: under })),
    status: (countOf) => statusOf(spec, countOf),
    stop: async () => {
      for (const actor of [...actors.values()].toReversed())
        await new Promise<void>((resolve) => actor.halt(resolve))
    },
  }
}
