/** A supervisor of a running tree as application code administers it: requests in, answers out. */
import type { ChildData, DynamicData, SupervisorData } from '../../lib/api/child-data.js'
import { dynamic, supervisor as supervisorSpec } from '../../lib/api/child-spec.js'
import { behaviorData, childData, dynamicChild, ignore } from '../../lib/api/internal.js'
import { Misuse, twoProtocols } from '../../lib/api/misuse.js'
import type { LocalRef } from '../../lib/api/refs.js'
import type {
  ChangeAnswer,
  ChildInfo,
  ChildSpecInfo,
  DeleteChildAnswer,
  LocalSupervisor,
  RestartChildAnswer,
  StartChildAnswer,
  SupervisorChange,
  SupervisorFlags,
  TerminateChildAnswer,
} from '../../lib/api/supervision.js'
import { nearestName } from '../../lib/config.js'
import { LocalActor } from '../../lib/kernel/local-actor.js'
import { rulesOf } from './decider.js'
import type { ChildAnswer } from './protocol.js'
import type { Child } from './held-child.js'
import { statusOf, type Supervisor } from './supervisor.js'
import type { LocalTree } from './tree.js'

/** Throws `Misuse` when the tree has no such supervisor, or several of that id. */
export const administration = (tree: LocalTree, idOrPath: string): LocalSupervisor => {
  const found = tree.supervisor(idOrPath)
  if (found !== undefined) return new Administration(tree, found.cell.path)
  throw noSupervisor(tree, idOrPath)
}

/** For a name that is that of no supervisor, or of several. */
export const noSupervisor = (tree: LocalTree, idOrPath: string): Misuse => {
  const paths = tree.supervisorPaths
  const nearest = nearestName(idOrPath, [...new Set(paths.flatMap((path) => [lastOf(path), path]))])
  return new Misuse(
    'KindNotInTree',
    `"${idOrPath}" is no supervisor of this node's tree, or more than one has that id. ` +
      (nearest === undefined || nearest === idOrPath ? '' : `Did you mean "${nearest}"? `) +
      `There are: ${paths.join(', ')}.`,
  )
}
const lastOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1)

class Administration implements LocalSupervisor {
  constructor(
    private readonly tree: LocalTree,
    readonly path: string,
  ) {}

  async startChild<N extends string>(given: object): Promise<StartChildAnswer<N>> {
    const supervisor = this.found()
    if (supervisor === undefined) return gone
    const checked = attempt(() => this.checked(supervisor, given))
    if ('complaint' in checked) return { tag: 'invalid', complaint: checked.complaint }
    const data = checked.value
    const holder = this.holder(data)
    const isElsewhere = supervisor.data.type !== 'dynamic' && holder?.cell.parent !== supervisor.cell
    if (holder !== undefined && isElsewhere)
      return { tag: 'already-started', ref: refOf(holder) } as StartChildAnswer<N>
    const answer = await this.ask((done) => supervisor.startChild(data, done))
    return this.started(supervisor, data.id, answer) as StartChildAnswer<N>
  }

  async restartChild(id: string): Promise<RestartChildAnswer> {
    const supervisor = this.found()
    if (supervisor === undefined) return gone
    const answer = await this.ask((done) => supervisor.restartChild(id, done))
    return this.started(supervisor, id, answer) as RestartChildAnswer
  }

  async terminateChild(child: string | LocalRef<string>): Promise<TerminateChildAnswer> {
    const supervisor = this.found()
    if (supervisor === undefined) return gone
    if (typeof child === 'string') return (await this.terminate(supervisor, child)) as TerminateChildAnswer
    if (supervisor.data.type !== 'dynamic') return { tag: 'not-dynamic' }
    const actor = this.tree.actorOf(child)
    if (actor === undefined) return { tag: 'not-found' }
    // As OTP answers for a process that has died.
    if (actor.cell.status === 'stopped') return { tag: 'ok' }
    if (actor.cell.parent !== supervisor.cell) return { tag: 'not-found' }
    return (await this.terminate(supervisor, actor.cell.name)) as TerminateChildAnswer
  }
  private terminate(supervisor: Supervisor, id: string): Promise<ChildAnswer> {
    return this.ask((done) => supervisor.terminateChild(id, done))
  }

  async deleteChild(id: string): Promise<DeleteChildAnswer> {
    const supervisor = this.found()
    if (supervisor === undefined) return gone
    return (await this.ask((done) => supervisor.deleteChild(id, done))) as DeleteChildAnswer
  }

  children(): readonly ChildInfo[] {
    const supervisor = this.found()
    return supervisor === undefined ? [] : [...supervisor.children()].map(infoOf).reverse()
  }

  child(child: string | LocalRef<string>): ChildInfo | undefined {
    const supervisor = this.found()
    if (supervisor === undefined) return undefined
    const id = typeof child === 'string' ? child : this.idBelow(supervisor, child)
    const one = id === undefined ? undefined : supervisor.entry(id)
    return one === undefined ? undefined : infoOf(one)
  }
  private idBelow(supervisor: Supervisor, ref: LocalRef<string>): string | undefined {
    const cell = this.tree.actorOf(ref)?.cell
    const isBelow = supervisor.data.type === 'dynamic' && cell?.parent === supervisor.cell
    return isBelow ? cell?.name : undefined
  }

  count(): { specs: number; active: number; supervisors: number; workers: number } {
    const supervisor = this.found()
    const counts = { specs: 0, active: 0, supervisors: 0, workers: 0 }
    if (supervisor === undefined) return counts
    for (const { data, state } of supervisor.children()) {
      counts.specs++
      if (state.status === 'running') counts.active++
      if (data.type === 'worker') counts.workers++
      else counts.supervisors++
    }
    if (supervisor.data.type === 'dynamic') counts.specs = 1
    return counts
  }

  spec(id: string): ChildSpecInfo | undefined {
    const data = this.found()?.entry(id)?.data
    if (data === undefined) return undefined
    const { type, restart, significant, shutdownMs, startMs, backoff } = data
    const known = { id, type, restart, significant, shutdownMs, startMs }
    return { ...known, ...kindOf(data), ...(backoff === undefined ? {} : { backoff }) }
  }

  flags(): SupervisorFlags {
    const { data } = this.tree.supervisor(this.path) ?? this.tree.root
    return { type: data.type, ...rulesOf(data) }
  }

  async change(change: SupervisorChange | object): Promise<ChangeAnswer> {
    const supervisor = this.found()
    if (supervisor === undefined) return gone
    if (change === ignore) return { tag: 'ok' }
    const given: SupervisorChange = change
    const { data } = supervisor
    if (data.type === 'dynamic' && isForNamed(given)) return { tag: 'dynamic' }
    const checked = attempt(() => changed(supervisor, given))
    if ('complaint' in checked) return { tag: 'invalid', complaint: checked.complaint }
    const isOfChildren = given.children !== undefined
    return (await this.ask((done) => supervisor.change(checked.value, isOfChildren, done))) as ChangeAnswer
  }

  kill(): void {
    this.found()?.kill()
  }

  private found(): Supervisor | undefined {
    const supervisor = this.tree.supervisor(this.path)
    return supervisor?.isRunning === true ? supervisor : undefined
  }

  private ask(request: (done: (answer: ChildAnswer) => void) => void): Promise<ChildAnswer> {
    return new Promise(request)
  }

  /** What is to be started, as plain data. Throws `Misuse`. */
  private checked(supervisor: Supervisor, given: object): ChildData {
    const { data } = supervisor
    const child =
      data.type === 'dynamic' ? this.checkedDynamic(supervisor, data, given) : checkedChild(data, given)
    const holder = this.holder(child)
    const isOther = child.type === 'worker' && holder?.behavior.protocol !== child.behavior.protocol
    if (child.type === 'worker' && holder !== undefined && isOther) throw twoProtocols(child.behavior.kind)
    return child
  }
  private checkedDynamic(supervisor: Supervisor, data: DynamicData, given: object): ChildData {
    const behavior = attempt(() => behaviorData(given))
    if ('value' in behavior) {
      return dynamicChild(data, this.tree.nextId(supervisor, behavior.value.kind), behavior.value)
    }
    const child = childData(given)
    if (child.type === 'worker') return dynamicChild(data, child.id, child.behavior)
    throw new Misuse('InvalidDeclaration', `Dynamic supervisor "${data.id}" takes workers only.`)
  }

  /** Who has the worker's protocol on this node. */
  private holder(data: ChildData): LocalActor | undefined {
    const holder = data.type === 'worker' ? this.tree.local(data.behavior.kind) : undefined
    const isOpen = holder?.cell.status === 'running' || holder?.cell.status === 'suspended'
    return isOpen ? holder : undefined
  }

  private started(supervisor: Supervisor, id: string, answer: ChildAnswer): object {
    const child = supervisor.child(id)
    const ref = child instanceof LocalActor ? { ref: refOf(child) } : {}
    if (answer.tag === 'already-started') return { ...answer, ...ref }
    if (answer.tag !== 'ok') return answer
    return { tag: 'started', id, ...ref, ...(answer.info === undefined ? {} : { info: answer.info }) }
  }
}

const gone = { tag: 'not-running' } as const
const refOf = (actor: LocalActor): LocalRef<string> => actor.ref as unknown as LocalRef<string>

const attempt = <A>(check: () => A): { readonly value: A } | { readonly complaint: string } => {
  try {
    return { value: check() }
  } catch (error) {
    if (error instanceof Misuse) return { complaint: error.message }
    throw error
  }
}

const checkedChild = (under: SupervisorData, given: object): ChildData => {
  const child = childData(given)
  refuseEntities(child)
  if (child.significant && under.autoShutdown === 'never') {
    throw new Misuse(
      'InvalidDeclaration',
      `Child "${child.id}" is significant, but supervisor "${under.id}" has autoShutdown: 'never'.`,
    )
  }
  return child
}

/** A node tells the cluster which kinds it runs when it joins. */
const refuseEntities = (data: ChildData): void => {
  if (data.type === 'supervisor') data.children.forEach(refuseEntities)
  if (data.type !== 'entities' && data.type !== 'singleton') return
  throw new Misuse(
    'InvalidDeclaration',
    `${data.type}("${data.id}") belong into the tree given to startNode.`,
  )
}

const isForNamed = ({ strategy, autoShutdown, children }: SupervisorChange): boolean =>
  (strategy ?? 'one_for_one') !== 'one_for_one' ||
  (autoShutdown ?? 'never') !== 'never' ||
  children !== undefined

/** The spec of a supervisor with a change applied. Throws `Misuse`. */
const changed = (supervisor: Supervisor, given: SupervisorChange): SupervisorData | DynamicData => {
  const { data } = supervisor
  if (data.type === 'dynamic') return changedDynamic(data, given)
  const { strategy, intensity, periodMs, autoShutdown, children } = { ...data, ...given }
  const specs = children as Parameters<typeof supervisorSpec>[2]
  const checked = childData(supervisorSpec(data.id, { strategy, intensity, periodMs, autoShutdown }, specs))
  const below = (checked as SupervisorData).children
  for (const child of below) if (supervisor.entry(child.id)?.data.type !== child.type) refuseEntities(child)
  return { ...data, strategy, intensity, periodMs, autoShutdown, children: below }
}

const changedDynamic = (data: DynamicData, given: SupervisorChange): DynamicData => {
  const backoff = given.backoff ?? data.childBackoff
  const checked = childData(
    dynamic(data.id, {
      restart: given.restart ?? data.childRestart,
      intensity: given.intensity ?? data.intensity,
      periodMs: given.periodMs ?? data.periodMs,
      shutdownMs: given.shutdownMs ?? data.childShutdownMs,
      startMs: given.startMs ?? data.childStartMs,
      ...(backoff === undefined ? {} : { backoff }),
      countMax: data.countMax,
    }),
  )
  return checked as DynamicData
}

type Entry = NonNullable<ReturnType<Supervisor['entry']>>

const kindOf = (data: ChildData): { readonly kind?: string } => {
  if (data.type === 'worker') return { kind: data.behavior.kind }
  return data.type === 'entities' || data.type === 'singleton' ? { kind: data.kind.kind } : {}
}

const infoOf = ({ data, state, child }: Entry): ChildInfo => {
  const { id, type } = data
  const status = statusOf(state)
  return { id, type, status, ...kindOf(data), ...refWhen(status === 'running', child) }
}
const refWhen = (isRunning: boolean, child: Child | undefined): { readonly ref?: LocalRef<string> } =>
  isRunning && child instanceof LocalActor ? { ref: refOf(child) } : {}
