import type { BehaviorData } from '../../lib/api/behavior.js'
import {
  type ChildData,
  type DynamicData,
  dynamicChild,
  type EntitiesData,
  type SingletonData,
  type SupervisorData,
  type WorkerData,
  withoutInit,
} from '../../lib/api/internal.js'
import type { TreeNode } from '../../lib/api/status.js'
import type { Cell } from '../../lib/kernel/cell.js'
import { shutdown } from '../../lib/kernel/exit-reason.js'
import type { Kernel } from '../../lib/kernel/kernel.js'
import type { Begun, Ended } from '../../lib/kernel/lifecycle.js'
import { LocalActor } from '../../lib/kernel/local-actor.js'
import { LocalActorRef } from '../../lib/kernel/local-ref.js'
import type { Outside } from '../../lib/kernel/outside.js'
import type { Random } from '../../lib/std/random.js'
import type { MakeDecider } from './decider.js'
import type { ChildAnswer } from './protocol.js'
import type { Child } from './held-child.js'
import { Supervisor } from './supervisor.js'

export interface TreeParts {
  readonly kernel: Kernel
  readonly random: Random
  readonly outside: Outside
  readonly root: SupervisorData
  /** Makes the supervisor of a kind's entities. */
  readonly entities: (data: EntitiesData, parent: Cell<any>, ended: Ended) => Child
  /** Makes the place of a singleton; absent where there is no cluster. */
  readonly singleton?: (data: SingletonData, parent: Cell<any>, ended: Ended) => Child
  /** The root supervisor gave up. Everything below it has been stopped. */
  readonly ended: Ended
  /** Default: OTP's rules. */
  readonly decider?: MakeDecider | undefined
}

/** What became of `startUnder`. */
export type StartAnswer =
  | { readonly tag: 'started'; readonly actor: LocalActor }
  /** No supervisor has that name, or several do. */
  | { readonly tag: 'not-found' }
  /** It is a supervisor of children that are named in its spec. */
  | { readonly tag: 'not-dynamic' }
  /** The supervisor does not run at the moment. */
  | { readonly tag: 'not-running' }
  /** Its init said so, or it ended at once. */
  | { readonly tag: 'ignored' }
  | { readonly tag: 'full'; readonly countMax: number }
  | { readonly tag: 'failed'; readonly error: unknown }

/**
 * The supervision tree of one node: its root supervisor, and its workers and supervisors by name.
 */
export class LocalTree {
  readonly root: Supervisor
  /** By kind, the latest last. One that ended stays while its spec does, unless another has its kind. */
  private readonly workers = new Map<string, LocalActor[]>()
  /** By path. */
  private readonly supervisors = new Map<string, Supervisor>()
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
    const known = this.workers.get(kind)
    if (known === undefined) return undefined
    dropEnded(known, 1)
    return known.at(-1)
  }
  get localKinds(): readonly string[] {
    return [...this.workers.keys()]
  }

  /** The actor behind a ref of this node. */
  actorOf(ref: object): LocalActor | undefined {
    const actor = LocalActorRef.actorOf(ref)
    return actor instanceof LocalActor ? actor : undefined
  }

  /** By its path, or by its id when only one supervisor has it. */
  supervisor(idOrPath: string): Supervisor | undefined {
    const known = this.supervisors.get(idOrPath)
    if (known !== undefined) return isOpen(known.cell) ? known : undefined
    let found: Supervisor | undefined
    for (const supervisor of this.supervisors.values()) {
      if (supervisor.data.id !== idOrPath || !isOpen(supervisor.cell)) continue
      if (found !== undefined) return undefined
      found = supervisor
    }
    return found
  }
  get supervisorPaths(): readonly string[] {
    return [...this.supervisors.values()].filter(({ cell }) => isOpen(cell)).map(({ cell }) => cell.path)
  }

  /** A name for one more child of that kind. */
  nextId(under: Supervisor, kind: string): string {
    for (;;) {
      const id = `${kind}-${++this.serial}`
      if (under.entry(id) === undefined) return id
    }
  }

  /** Starts one more actor under `dynamic(under)`. */
  startUnder(under: string, behavior: BehaviorData, done: (answer: StartAnswer) => void): void {
    const supervisor = this.supervisor(under)
    if (supervisor?.data.type !== 'dynamic') {
      done({ tag: supervisor === undefined ? 'not-found' : 'not-dynamic' })
      return
    }
    const worker = dynamicChild(supervisor.data, this.nextId(supervisor, behavior.kind), behavior)
    supervisor.startChild(worker, (answer) => done(startAnswer(answer, supervisor.child(worker.id))))
  }

  tree(): TreeNode {
    const { id } = this.parts.root
    return { id, type: 'supervisor', status: 'running', restarts: 0, ...this.root.tree() }
  }

  private readonly makeChild = (data: ChildData, parent: Cell<any>, ended: Ended): Child => {
    switch (data.type) {
      case 'worker':
        return this.makeWorker(data, parent, ended)
      case 'entities':
        return this.parts.entities(data, parent, ended)
      case 'singleton':
        if (this.parts.singleton === undefined) throw new TypeError(`${data.id}: no cluster to be alone in`)
        return this.parts.singleton(data, parent, ended)
      case 'dynamic':
      case 'supervisor':
        return this.makeSupervisor(data, parent, ended)
    }
  }

  private makeSupervisor(
    data: SupervisorData | DynamicData,
    parent: Cell<any> | undefined,
    ended: Ended,
  ): Supervisor {
    const { kernel, random, decider } = this.parts
    const supervisor = new Supervisor({
      kernel,
      random,
      data,
      parent,
      makeChild: this.makeChild,
      renew: this.renew,
      forgotten,
      forget,
      closed: this.closed,
      ended,
      decider,
    })
    this.supervisors.set(supervisor.cell.path, supervisor)
    return supervisor
  }

  private makeWorker(data: WorkerData, parent: Cell<any>, ended: Ended): LocalActor {
    const { kernel, outside } = this.parts
    const { id: name, behavior } = data
    const actor = new LocalActor(kernel, { name, parent, behavior, outside, ended })
    if (this.supervisors.get(parent.path)?.data.type !== 'dynamic') this.enlist(actor)
    return actor
  }

  private readonly renew = (child: Child, data: ChildData): boolean => {
    if (child instanceof LocalActor && data.type === 'worker') {
      if (child.behavior.protocol !== data.behavior.protocol) return false
      child.adopt(data.behavior)
      return true
    }
    if (child instanceof Supervisor && data.type === child.data.type) {
      child.renew(data)
      return true
    }
    return data.type === 'entities' || data.type === 'singleton'
  }

  private readonly closed = (child: Child | undefined, data: ChildData | undefined): void => {
    if (child instanceof Supervisor) {
      const { path } = child.cell
      if (this.supervisors.get(path) === child) this.supervisors.delete(path)
    }
    if (data?.type !== 'worker') return
    const { kind } = data.behavior
    const known = this.workers.get(kind) ?? []
    dropEnded(known, 0)
    if (known.length === 0) this.workers.delete(kind)
  }

  private enlist(actor: LocalActor): void {
    const known = this.workers.get(actor.kind) ?? []
    dropEnded(known, 0)
    known.push(actor)
    this.workers.set(actor.kind, known)
  }
}

const forgotten = (data: ChildData): ChildData =>
  data.type === 'worker' ? { ...data, behavior: withoutInit(data.behavior) } : data
const forget = (child: Child, data: ChildData): void => {
  if (child instanceof LocalActor && data.type === 'worker') child.behavior = data.behavior
}

const dropEnded = (actors: LocalActor[], least: number): void => {
  for (let last = actors.at(-1); last !== undefined && actors.length > least; last = actors.at(-1)) {
    if (isOpen(last.cell)) return
    actors.pop()
  }
}

const isOpen = ({ status }: Cell<any>): boolean => status === 'running' || status === 'suspended'

const startAnswer = (answer: ChildAnswer, child: Child | undefined): StartAnswer => {
  if (answer.tag === 'ok' && child instanceof LocalActor) return { tag: 'started', actor: child }
  if (answer.tag === 'failed' || answer.tag === 'full' || answer.tag === 'not-running') return answer
  return { tag: 'ignored' }
}
