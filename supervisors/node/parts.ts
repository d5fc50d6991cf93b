/**
 * The parts of one node and how they live together: the kernel and its tree stay,
 * the engine is one incarnation.
 */
import type { EntitiesData, MessageData, SupervisorData } from '../../lib/api/internal.js'
import type { TumenNode } from '../../lib/api/node-types.js'
import type { SideCopies } from '../../lib/available/state.js'
import type { Config } from '../../lib/config.js'
import type { Engine } from '../../lib/engine/engine.js'
import type { LocalAnswer } from '../../lib/engine/options.js'
import { startEngine } from '../../lib/engine/start.js'
import type { EntityBody, EntityCell } from '../../lib/entity/hosting.js'
import { StartFailed } from '../../lib/errors.js'
import { formatAddress, kindOfShard, type NodeId, type ShardId } from '../../lib/ids.js'
import type { View } from '../../lib/membership/membership.js'
import type { Kernel } from '../../lib/kernel/kernel.js'
import { watchLocal } from '../../lib/kernel/local-self.js'
import type { Outside } from '../../lib/kernel/outside.js'
import { Monitors } from '../../lib/monitors/monitors.js'
import type { PersistenceEngine, SnapshotStore } from '../../lib/persistence/protocol.js'
import type { PubSub } from '../../lib/pubsub/pubsub.js'
import type { Clock, Timer } from '../../lib/std/clock.js'
import { watchCopies } from '../../lib/std/copies.js'
import type { Random } from '../../lib/std/random.js'
import type { Session } from '../../lib/transport/transport.js'
import type { AskEnvelope, TellEnvelope, Wire } from '../../lib/wire/envelope.js'
import { entityCells } from './entity-cells.js'
import { copiesEvent, NodeEvents } from './events.js'
import { deliverLocal } from './inbound.js'
import { Inquiries, inquiryKind } from './inquiries.js'
import { Members } from './members.js'
import { type RefHome, RemoteRef } from './refs.js'
import { Singletons } from './singletons.js'
import { singletonsIn, Tree } from './tree.js'
import { Watchers } from './watchers.js'
import { Watches } from './watches.js'

export interface PartsOptions {
  readonly cluster: string
  readonly name: string
  readonly roles: readonly string[]
  readonly weight: number
  readonly config: Config
  readonly clock: Clock
  readonly random: Random
  readonly session: Session
  readonly kernel: Kernel
  readonly pubsub: PubSub
  readonly root: SupervisorData
  readonly kinds: readonly EntitiesData[]
  readonly release: string
  readonly persistence: PersistenceEngine | undefined
  readonly snapshots: SnapshotStore | undefined
  /** Runs when the node has stopped. */
  readonly stopped: () => void
}

const rejoinMs = 200
/** For the whole of a stop, handing over included, when nothing else is said. */
const stopMsMax = 60_000
/** Beside four leases: three that an earlier life of the same name may take, and one to spare. */
const joinMsMax = 10_000

export class Parts {
  readonly cluster: string
  readonly name: string
  readonly config: Config
  readonly kernel: Kernel
  readonly pubsub: PubSub
  readonly session: Session
  readonly kinds: readonly EntitiesData[]
  readonly home: RefHome
  readonly outside: Outside
  readonly tree: Tree
  readonly events: NodeEvents
  readonly inquiries: Inquiries
  readonly watches: Watches
  readonly members: Members
  readonly monitors: Monitors
  readonly singletons: Singletons
  node!: TumenNode
  engine: Engine | null = null
  lastId: NodeId | null = null
  isFrozen = true
  rejoins = 0
  readonly cells = new Map<string, ReturnType<typeof entityCells>>()
  /** What available kinds have on this node only, from one incarnation to the next. */
  readonly #sides: SideCopies = new Map()
  readonly eventCounts: Record<string, number> = {}
  readonly #options: PartsOptions
  readonly #lostShards = new Set<ShardId>()
  /** The members by name, as of one view. */
  readonly #resolved = new Map<string, NodeId>()
  #resolvedIn: View | null = null
  get isStopping(): boolean {
    return this.#isStopping
  }
  readonly #watchers: Watchers
  readonly #forgetCopies: () => void
  #starting: { stop(): void } | null = null
  #rejoining: Timer | null = null
  #isStopping = false
  #stopped: Promise<void> | null = null

  constructor(options: PartsOptions) {
    this.#options = options
    this.cluster = options.cluster
    this.name = options.name
    this.config = options.config
    this.kernel = options.kernel
    this.events = new NodeEvents(options.kernel)
    this.pubsub = options.pubsub
    this.session = options.session
    this.kinds = options.kinds
    const parts = this
    this.home = {
      config: options.config,
      reached: options.kernel.ledger.reached,
      name: options.name,
      get isStopped() {
        return parts.engine === null && parts.isStopping
      },
      engine: () => this.engine,
      resolve: (node) => this.#resolve(node),
      deadLetter: (address, _reason, message) => this.kernel.deadLetter(address, 'stopped', message),
    }
    const { clock } = options
    this.inquiries = new Inquiries(this.home)
    this.watches = new Watches({ clock, engine: () => this.engine })
    this.#watchers = new Watchers({ clock, engine: () => this.engine })
    this.members = new Members({ clock, members: () => this.node.members() })
    this.outside = {
      get node() {
        return parts.node
      },
      tell: (to, message) => this.#tell(to, message),
      publish: (topic, payload) => this.pubsub.publish(topic, payload),
      subscribe: (topic, listener) => this.pubsub.subscribe(topic, listener),
    }
    this.singletons = new Singletons({
      kernel: this.kernel,
      config: options.config,
      all: singletonsIn(options.root),
      engine: () => this.engine,
    })
    this.tree = new Tree({
      singletons: this.singletons,
      kernel: this.kernel,
      random: options.random,
      outside: this.outside,
      root: options.root,
      countOf: (kind) => this.liveCount(kind),
      // Without its tree a node is of no use to the cluster.
      ended: () => void this.stop(this.config.drainMs),
    })
    this.monitors = new Monitors({
      clock: options.clock,
      config: options.config,
      reached: options.kernel.ledger.reached,
      engine: () => this.engine,
      runs: (kind) => this.cells.has(kind) || this.singletons.has(kind),
      isSingleton: (kind) => this.singletons.has(kind),
      lives: (kind) => this.tree.local(kind)?.bonds() !== undefined,
      resolve: (node) => this.#resolve(node),
      watchActor: (kind, tell) => watchLocal(this.lastId ?? '', this.tree.local(kind), tell),
    })
    this.#forgetCopies = watchCopies((copies) => {
      this.#count('TwoCopies')
      this.events.ofProcess(copiesEvent(copies))
    })
    for (const spec of options.kinds) {
      const { mailboxCountMax } = options.config
      const cellsOptions = { kernel: this.kernel, random: options.random, mailboxCountMax }
      this.cells.set(
        spec.kind.kind,
        entityCells(cellsOptions, spec, () => this.tree.cellOf(spec.kind.kind)),
      )
    }
  }

  /** Joins; resolves when this node is a ready member. */
  join(): Promise<void> {
    const { clock, config } = this.#options
    return new Promise((resolve, reject) => {
      const failed = (why: string): void => {
        late.cancel()
        reject(new StartFailed(codeOf(why), why))
      }
      const limitMs = joinMsMax + 4 * config.leaseMs
      const late = clock.after(limitMs, () => {
        failed(
          `The node did not become a member within ${limitMs / 1_000} s, because the records of the cluster do not ` +
            'answer: look at the log of nats-server, and whether most of its servers run.',
        )
      })
      const ready = (): void => {
        late.cancel()
        resolve()
      }
      this.#join(ready, failed)
    })
  }

  #join(ready: () => void, failed: (why: string) => void): void {
    const { clock, random, config, session, name, roles, weight, release } = this.#options
    let wasReady = false
    const { storeId } = session.records
    const on: Parameters<typeof startEngine>[0]['on'] = {
      ready: (engine) => {
        wasReady = true
        this.engine = engine
        this.lastId = engine.me
        this.singletons.allChanged()
        this.watches.joined()
        this.members.changed()
        ready()
      },
      lost: (why) => {
        if (session.records.storeId !== storeId) this.#noteLost()
        this.engine = null
        this.monitors.disconnected()
        this.singletons.allChanged()
        this.#starting = null
        this.#watchers.clear()
        if (!wasReady) failed(why)
        else this.#rejoin()
      },
      frozen: (isFrozen) => {
        this.isFrozen = isFrozen
        this.singletons.allChanged()
      },
      changed: () => {
        this.monitors.membersChanged()
        this.watches.membersChanged()
        this.members.changed()
      },
      local: (envelope, from, answer) => {
        if (envelope.kind === inquiryKind) this.#inquired(envelope, from, answer)
        else deliverLocal(this, envelope, answer)
      },
      lived: (kind, id, life) => {
        if (this.#watchers.has(kind)) this.#watchers.tell(kind, [life === 'live' ? 's' : 'e', id])
        if (life === 'stopped') this.monitors.entityEnded(kind, id)
      },
      shardLeft: (shard, owner) => {
        this.monitors.shardLeft(shard, owner)
        this.singletons.changed(kindOfShard(shard))
      },
      shardChanged: (kind) => this.singletons.changed(kind),
      isBusy: (kind) => this.singletons.actor(kind) !== undefined,
      leaving: (go) => this.singletons.leave(go),
      published: (topic, payload, origin) => this.pubsub.arrived(topic, payload, origin),
      control: (envelope, from) => {
        const { verb, body } = envelope
        if (verb === 'lives') this.watches.heard(body, from)
        else if (verb === 'unwatch') this.#watchers.remove(kindIn(body), from)
        else this.monitors.received(envelope, from)
      },
      event: (event) => {
        this.#count(event.tag)
        this.events.ofEngine(event)
        if (event.tag === 'Owned' || event.tag === 'StateLost') this.#tellMoved(event)
      },
    }
    this.#starting = startEngine({
      session,
      clock,
      random,
      config,
      reached: this.kernel.ledger.reached,
      name,
      roles,
      weight,
      release,
      kinds: [...this.kinds, ...singletonsIn(this.#options.root)].map((spec) => spec.kind),
      openCell: (body) => this.#openCell(body),
      persistence: this.#options.persistence,
      snapshots: this.#snapshotsHere(),
      lostShards: this.#lostShards,
      sides: this.#sides,
      on,
    })
  }

  /** Declared dead while it lived: it comes back as a new incarnation, with empty hands. */
  #rejoin(): void {
    if (this.#isStopping) return
    this.rejoins++
    const again = (): void => {
      if (this.#isStopping) return
      this.#join(
        () => undefined,
        () => {
          this.#rejoining = this.#options.clock.after(5 * rejoinMs, again)
        },
      )
    }
    this.#rejoining = this.#options.clock.after(rejoinMs, again)
  }

  /** The records were lost with all that they named: who begins a shard anew says so. */
  #noteLost(): void {
    for (const { id, record } of this.engine?.ownership.shards.values() ?? [])
      if (record !== null) this.#lostShards.add(id)
  }

  #snapshotsHere(): { readonly store: SnapshotStore; readonly cluster: string } | undefined {
    const { snapshots: store, cluster } = this.#options
    return store === undefined ? undefined : { store, cluster }
  }

  #openCell(body: EntityBody): EntityCell {
    const nowhere = { post: () => false, mailCount: 0, close: () => undefined }
    return this.cells.get(body.kind.kind)?.open(body) ?? nowhere
  }

  #tell(to: { kind: string; id: string; node?: string }, message: MessageData): void {
    const isHere = to.node !== undefined && (to.node === this.engine?.me || to.node === this.name)
    const local = isHere ? this.tree.local(to.kind) : undefined
    if (local !== undefined) local.ref.tell(message)
    else new RemoteRef(this.home, to.kind, to.id, to.node).tell(message)
  }

  #resolve(node: string): NodeId | null {
    if (node.includes('#')) return node
    if (this.engine === null) return null
    const view = this.engine.membership.view()
    if (view !== this.#resolvedIn) {
      this.#resolvedIn = view
      this.#resolved.clear()
      for (const [id, { name }] of view.members) this.#resolved.set(name, id)
    }
    return this.#resolved.get(node) ?? null
  }

  /** What nodes ask each other of themselves. */
  #inquired(envelope: AskEnvelope | TellEnvelope, from: NodeId, answer: LocalAnswer): void {
    if (envelope.tag === 'watch') answer('reply', this.#watchers.add(kindIn(envelope.payload), from))
    else if (!this.inquiries.answer(envelope, answer))
      answer('error', { tag: 'NoRecipient', address: formatAddress(inquiryKind, this.name) })
  }

  /** A shard is owned here now: with its entities, or without any that it had. */
  #tellMoved({ tag, shard }: { readonly tag: string; readonly shard: ShardId }): void {
    const kind = kindOfShard(shard)
    if (!this.#watchers.has(kind)) return
    if (tag === 'StateLost') this.#watchers.tell(kind, ['l', ''])
    for (const { id, life } of this.engine?.ownership.get(shard)?.copy?.entities.values() ?? [])
      if (life === 'live') this.#watchers.tell(kind, ['m', id])
  }

  /** Entities of a kind that live here. */
  liveCount(kind: string): number {
    return this.engine?.entities.liveCount(kind) ?? 0
  }

  #count(tag: string): void {
    this.eventCounts[tag] = (this.eventCounts[tag] ?? 0) + 1
  }

  /** Counts a message from outside that nobody here takes. */
  bury(kind: string, id: string, message: unknown): void {
    this.kernel.deadLetter(formatAddress(kind, id), 'unhandled', message)
  }

  /** Hands over and leaves, then stops the tree, the kernel and the connection. */
  stop(drainMs: number, limitMs = stopMsMax): Promise<void> {
    this.#stopped ??= this.#stop(drainMs, limitMs)
    return this.#stopped
  }

  /** In order; what has not ended after `limitMs` is ended by force. */
  async #stop(drainMs: number, limitMs: number): Promise<void> {
    this.#isStopping = true
    let late: Timer | undefined
    const passed = new Promise<void>((resolve) => {
      late = this.#options.clock.after(limitMs, resolve)
    })
    await Promise.race([this.#stopInOrder(drainMs), passed])
    late?.cancel()
    this.#starting?.stop()
    this.engine = null
    this.watches.stop()
    this.members.changed()
    this.monitors.stop()
    this.singletons.stop()
    this.tree.kill()
    this.kernel.kill()
    this.#options.stopped()
  }

  async #stopInOrder(drainMs: number): Promise<void> {
    this.#forgetCopies()
    this.#rejoining?.cancel()
    const engine = this.engine
    if (engine !== null && drainMs > 0) await new Promise<void>((resolve) => engine.leave(drainMs, resolve))
    this.#starting?.stop()
    this.engine = null
    await this.tree.stop()
    await new Promise<void>((resolve) => this.kernel.stop(resolve))
    await this.session.close()
  }
}

const kindIn = (body: Wire): string => {
  const { kind } = (body ?? {}) as { readonly kind?: unknown }
  return typeof kind === 'string' ? kind : ''
}

/** Why joining failed, as a code of `StartFailed`. */
const codeOf = (why: string): 'Incompatible' | 'NameTaken' | 'StartTimeout' => {
  if (/is taken/.test(why)) return 'NameTaken'
  return /need the same|wire versions/.test(why) ? 'Incompatible' : 'StartTimeout'
}
