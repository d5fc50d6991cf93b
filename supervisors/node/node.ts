/** One node: its kernel, its tree, its place in the cluster. What `startNode` resolves with. */
import {
  dataOf,
  entityId,
  kindData,
  kindNotInTree,
  nodeStopped,
  singletonId,
  topicData,
  wrongScope,
} from '../../lib/api/internal.js'
import { notDeclared } from '../../lib/api/misuse.js'
import { AskFailed } from '../../lib/errors.js'
import type {
  AdoptedRef,
  AnyProtocol,
  Down,
  EntitiesCount,
  EntitiesPage,
  EntityEvent,
  FarDown,
  IdOf,
  Kind,
  KindOf,
  Listener,
  ListOptions,
  LocalRef,
  LocalSupervisor,
  MemberStatus,
  MonitorOptions,
  NactRef,
  NodeEvent,
  NodeStatus,
  Ref,
  Spawned,
  RebalanceOptions,
  RebalanceReport,
  StopOptions,
  Subscription,
  Topic,
  TopicScope,
  TreeNode,
  TumenNode,
  WaitForMembersOptions,
  Where,
} from '../../lib/index.js'
import { formatAddress, type NodeId, nodeId } from '../../lib/ids.js'
import { adoptedRef, kindOfAdopted, nactRef } from '../../lib/kernel/nact-ref.js'
import { monitorRef } from '../../lib/kernel/local-self.js'
import type { TopicListener } from '../../lib/pubsub/pubsub.js'
import type { Parts } from './parts.js'
import { RemoteRef, StoppedRef, unsent } from './refs.js'
import { nodeStatus } from './status.js'
import type { EntityListener } from './watches.js'

/** The name of a protocol, if it is one of entities (`id`) or of actors of a node, as it should be. */
const kindIn = (protocol: AnyProtocol, scope: 'id' | 'node', used: string): string => {
  const data = dataOf(protocol)
  if (data.scope !== scope) throw wrongScope(data.kind, data.scope, used)
  return data.kind
}

/** The node as its callers see it, over its parts. */
export class Node implements TumenNode {
  readonly name: string
  readonly #parts: Parts

  constructor(parts: Parts) {
    this.#parts = parts
    this.name = parts.name
  }

  get id(): string {
    return this.#parts.engine?.me ?? this.#parts.lastId ?? nodeId(this.name, 0)
  }

  ref<P extends AnyProtocol>(protocol: P, id: IdOf<P>): Ref<KindOf<P>> {
    const kind = kindIn(protocol, 'id', 'node.ref')
    return new RemoteRef(this.#parts.home, kind, entityId(kind, id)) as unknown as Ref<KindOf<P>>
  }

  async spawn<N extends string, I>(kind: Kind<N, I>, id: I): Promise<Spawned<N>> {
    const data = kindData(kind)
    const engine = this.#parts.engine
    const name = entityId(data.kind, id)
    const address = formatAddress(data.kind, name)
    if (engine === null) throw new AskFailed(unsent(this.#parts.home, address))
    const outcome = await new Promise<'started' | 'already-started'>((resolve, reject) => {
      engine.spawn(data.kind, name, this.#parts.config.askTimeoutMs, (result) => {
        if (result.tag === 'reply') resolve(result.payload === 'started' ? 'started' : 'already-started')
        else if (result.tag === 'error') reject(new AskFailed(result.error))
        else reject(new AskFailed({ tag: 'Malformed', address, complaints: ['a spawn is not refused'] }))
      })
    })
    const ref = new RemoteRef(this.#parts.home, data.kind, name) as unknown as Ref<N>
    return { ref, outcome }
  }

  async terminate<N extends string, I>(kind: Kind<N, I>, id: I): Promise<'stopped' | 'not-found'> {
    const data = kindData(kind)
    const name = entityId(data.kind, id)
    const { engine } = this.#parts
    if (engine === null) throw new AskFailed(unsent(this.#parts.home, formatAddress(data.kind, name)))
    return new Promise((resolve, reject) => {
      engine.end(data.kind, name, this.#parts.config.askTimeoutMs, (result) => {
        if (result.tag === 'reply') resolve('stopped')
        else if (result.tag === 'error' && result.error.tag === 'NoRecipient') resolve('not-found')
        else if (result.tag === 'error') reject(new AskFailed(result.error))
      })
    })
  }

  entities<N extends string, I>(kind: Kind<N, I>, options: ListOptions = {}): Promise<EntitiesPage<I>> {
    // Ids are strings of a brand, which only whoever has the kind can name.
    return this.#parts.inquiries.entities(kindData(kind).kind, options) as Promise<
      EntitiesPage<unknown>
    > as Promise<EntitiesPage<I>>
  }

  count<N extends string, I>(
    kind: Kind<N, I>,
    options: Pick<ListOptions, 'timeoutMs'> = {},
  ): Promise<EntitiesCount> {
    return this.#parts.inquiries.count(kindData(kind).kind, options)
  }

  watchEntities<N extends string, I>(
    kind: Kind<N, I>,
    listener: (event: EntityEvent<I>) => void,
  ): Subscription {
    if (typeof listener !== 'function') throw notDeclared('a function for node.watchEntities')
    return { unsubscribe: this.#parts.watches.add(kindData(kind).kind, listener as EntityListener) }
  }

  members(): readonly MemberStatus[] {
    return nodeStatus(this.#parts).members
  }

  waitForMembers(count: number, options: WaitForMembersOptions = {}): Promise<readonly MemberStatus[]> {
    const parts = this.#parts
    return parts.members.wait(count, options, () => parts.isStopping)
  }

  local<P extends AnyProtocol>(protocol: P): LocalRef<KindOf<P>> {
    const kind = kindIn(protocol, 'node', 'node.local')
    const actor = this.#parts.tree.local(kind)
    if (actor !== undefined) return actor.ref as unknown as LocalRef<KindOf<P>>
    if (!this.#parts.isStopping) throw kindNotInTree(kind, this.#parts.tree.kinds)
    return new StoppedRef(this.#parts.home, kind, this.id as NodeId) as unknown as LocalRef<KindOf<P>>
  }

  remote<P extends AnyProtocol>(node: string, protocol: P): Ref<KindOf<P>> {
    const kind = kindIn(protocol, 'node', 'node.remote')
    return new RemoteRef(this.#parts.home, kind, '', node) as unknown as Ref<KindOf<P>>
  }

  singleton<P extends AnyProtocol>(protocol: P): Ref<KindOf<P>> {
    const kind = kindIn(protocol, 'node', 'node.singleton')
    return new RemoteRef(this.#parts.home, kind, singletonId) as unknown as Ref<KindOf<P>>
  }

  start<N extends string>(under: string, behavior: { readonly kind: N }): Promise<LocalRef<N>> {
    if (this.#parts.isStopping) {
      const stopped = { tag: 'NodeStopped', address: under, node: this.name } as const
      return Promise.reject(new AskFailed(stopped))
    }
    return this.#parts.tree.start(under, behavior) as Promise<unknown> as Promise<LocalRef<N>>
  }

  publish<A, S extends TopicScope>(topic: Topic<string, A, S>, payload: NoInfer<A>): void {
    this.#parts.pubsub.publish(topicData(topic), payload)
  }

  subscribe<A, S extends TopicScope>(topic: Topic<string, A, S>, handle: Listener<A, S>): Subscription {
    return { unsubscribe: this.#parts.pubsub.subscribe(topicData(topic), handle as TopicListener) }
  }

  listen(listener: (event: NodeEvent) => void): Subscription {
    return { unsubscribe: this.#parts.events.listen(listener) }
  }

  monitor(ref: Ref<string>, listener: (down: never) => void, options: MonitorOptions = {}): Subscription {
    if (!(ref instanceof RemoteRef)) return monitorRef(ref, listener as (down: Down) => void)
    const tell = listener as (down: FarDown) => void
    const { monitors } = this.#parts
    return { unsubscribe: monitors.watch(ref.address, tell, options.moves === true) }
  }

  adopted(id: string): AdoptedRef {
    const kind = kindOfAdopted(id)
    const actor = this.#parts.tree.local(kind)
    if (actor !== undefined) return adoptedRef(actor.ref)
    if (this.#parts.isStopping) throw nodeStopped(this.name, `adopted actor "${id}"`)
    throw kindNotInTree(kind, this.#parts.tree.kinds)
  }

  nact(ref: object): NactRef {
    return nactRef(this.#parts.kernel, ref)
  }

  status(): NodeStatus {
    return nodeStatus(this.#parts)
  }

  supervisor(idOrPath: string): LocalSupervisor {
    const { tree, isStopping } = this.#parts
    if (isStopping && !tree.hasSupervisor(idOrPath)) throw nodeStopped(this.name, `supervisor "${idOrPath}"`)
    return tree.supervisor(idOrPath)
  }

  tree(): TreeNode {
    return this.#parts.tree.status()
  }

  where<P extends AnyProtocol>(protocol: P, id?: IdOf<P>): Where {
    const isAlone = id === undefined && dataOf(protocol).scope === 'node'
    const kind = kindIn(protocol, isAlone ? 'node' : 'id', 'node.where')
    const name = isAlone ? singletonId : entityId(kind, id)
    const engine = this.#parts.engine
    if (engine === null) return { kind, id: name, shard: '', epoch: 0, mirrors: [], isHere: false }
    const { shard, owner, epoch, insync, isRecorded } = engine.where(kind, name)
    return {
      kind,
      id: name,
      shard,
      ...(owner === null || !isRecorded ? {} : { owner }),
      epoch,
      mirrors: insync,
      isHere: owner === engine.me,
    }
  }

  rebalance(options: RebalanceOptions = {}): Promise<RebalanceReport> {
    const { engine, home } = this.#parts
    if (engine === null) return Promise.reject(new AskFailed(unsent(home, this.name)))
    return new Promise((resolve) => engine.rebalancer.all(options, resolve))
  }

  stop(options: StopOptions = {}): Promise<void> {
    return this.#parts.stop(options.drainMs ?? this.#parts.config.drainMs, options.limitMs)
  }
}
