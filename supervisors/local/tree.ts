import type { BehaviorData } from '../../lib/api/behavior.js'
import type { DynamicData, EntitiesData, SupervisorData, WorkerData } from '../../lib/api/child-data.js'
import type { TreeNode } from '../../lib/api/status.js'
import type { Cell } from '../../lib/kernel/cell.js'
import { shutdown } from '../../lib/kernel/exit-reason.js'
import type { Kernel } from '../../lib/kernel/kernel.js'
import type { Begun, Ended } from '../../lib/kernel/lifecycle.js'
import { LocalActor } from '../../lib/kernel/local-actor.js'
import type { Outside } from '../../lib/kernel/outside.js'
import type { ChildAnswer } from './protocol.js'
import { type Child, type MakeChild, Supervisor } from './supervisor.js'

export interface TreeParts {
  readonly kernel: Kernel
  readonly outside: Outside
  readonly root: SupervisorData
  /** Makes the supervisor of a kind's entities. */
  readonly entities: (data: EntitiesData, parent: Cell<any>, ended: Ended) => Child
  /** The root supervisor gave up. Everything below it has been stopped. */
  readonly ended: Ended
}

/** What became of `startUnder`. */
export type StartAnswer =
  | { readonly tag: 'started'; readonly actor: LocalActor }
  | { readonly tag: 'not-found' }
  | { readonly tag: 'full'; readonly countMax: number }
  | { readonly tag: 'failed'; readonly error: unknown }

/**
 * The supervision tree of one node: its root supervisor, and its workers and dynamic supervisors by name.
 */
export class LocalTree {
  readonly root: Supervisor
  private readonly workers = new Map<string, LocalActor>()
  private readonly dynamics = new Map<
    string,
    { readonly data: DynamicData; readonly supervisor: Supervisor }
  >()
  private serial = 0

  constructor(private readonly parts: TreeParts) {
    this.root = this.makeSupervisor(parts.root, undefined, parts.ended)
  }

  /** Starts everything in order. `done` is called once; on failure what had started has been stopped. */
  begin(done: (begun: Begun) => void): void {
    this.root.begin(done)
  }

  /** Stops everything in reverse order and closes it. */
  stop(done: () => void): void {
    this.root.halt(() => {
      this.root.close(shutdown)
      done()
    })
  }

  kill(): void {
    this.root.close({ tag: 'kill' })
  }

  /** This node's actor of that kind, from the static part of the tree. */
  local(kind: string): LocalActor | undefined {
    return this.workers.get(kind)
  }
  get localKinds(): readonly string[] {
    return [...this.workers.keys()]
  }

  /** Starts one more actor under `dynamic(under)`. */
  startUnder(under: string, behavior: BehaviorData, done: (answer: StartAnswer) => void): void {
    const dynamic = this.dynamics.get(under)
    if (dynamic === undefined) {
      done({ tag: 'not-found' })
      return
    }
    const { data, supervisor } = dynamic
    const id = `${behavior.kind}-${++this.serial}`
    const worker: WorkerData = {
      type: 'worker',
      id,
      restart: data.childRestart,
      significant: false,
      shutdownMs: data.childShutdownMs,
      behavior,
    }
    supervisor.startChild(worker, (answer) => done(startAnswer(answer, supervisor.child(id))))
  }

  tree(): TreeNode {
    const { id } = this.parts.root
    return { id, type: 'supervisor', status: 'running', restarts: 0, ...this.root.tree() }
  }

  private readonly makeChild: MakeChild = (data, parent, ended) => {
    switch (data.type) {
      case 'worker':
        return this.makeWorker(data, parent, ended)
      case 'entities':
        return this.parts.entities(data, parent, ended)
      case 'dynamic': {
        const supervisor = this.makeSupervisor(data, parent, ended)
        this.dynamics.set(data.id, { data, supervisor })
        return supervisor
      }
      case 'supervisor':
        return this.makeSupervisor(data, parent, ended)
    }
  }

  private makeSupervisor(
    data: SupervisorData | DynamicData,
    parent: Cell<any> | undefined,
    ended: Ended,
  ): Supervisor {
    const { makeChild } = this
    const { kernel } = this.parts
    return new Supervisor({ kernel, data, parent, makeChild, ended })
  }

  private makeWorker(data: WorkerData, parent: Cell<any>, ended: Ended): LocalActor {
    const { kernel, outside } = this.parts
    const { id: name, behavior } = data
    const actor = new LocalActor(kernel, { name, parent, behavior, outside, ended })
    const isDynamic = [...this.dynamics.values()].some(({ supervisor }) => supervisor.cell === parent)
    if (!isDynamic) this.workers.set(behavior.kind, actor)
    return actor
  }
}

const startAnswer = (answer: ChildAnswer, child: Child | undefined): StartAnswer => {
  if (answer.tag === 'ok' && child instanceof LocalActor) return { tag: 'started', actor: child }
  if (answer.tag === 'failed' || answer.tag === 'full') return answer
  return { tag: 'not-found' }
}
