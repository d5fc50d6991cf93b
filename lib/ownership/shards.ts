/** The shards that a node has to do with, and the performing of their steps: each, then its actions. */
import type { Config } from '../config.js'
import type { NodeId, ShardId } from '../ids.js'
import type { Clock } from '../std/clock.js'
import { RecordCache } from './cache.js'
import { includesNode, type VersionedRecord } from './protocol.js'
import type { Rules } from './rules.js'
import { type Action, isOwning, isQuiet, newShard, type Shard, type StepContext } from './state.js'

export interface ShardsOptions {
  readonly me: NodeId
  readonly clock: Clock
  readonly config: Config
  readonly rules: Rules
  readonly isGone: (node: NodeId) => boolean
  readonly leaseHolds: () => boolean
  readonly provenAt: () => number
  readonly hasMail: (shard: Shard) => boolean
  readonly copiesOf: (kind: string) => number
  readonly isDisposable: (kind: string) => boolean
  readonly holdersOf: (kind: string) => readonly string[]
  readonly perform: (shard: Shard, action: Action) => void
}

export class Shards {
  /** Those that this node has to do with. */
  readonly all = new Map<ShardId, Shard>()
  /** Those that it owns, or is giving away. */
  readonly owned = new Set<Shard>()
  /** Those whose record names it. */
  readonly named = new Set<Shard>()
  /** Of all shards. */
  readonly records: RecordCache
  /** Those with something under way: the tick looks after them. */
  readonly busy = new Set<Shard>()
  isStopped = false
  /** Of each node, the greatest `t0` that it has acknowledged. */
  readonly #echoes = new Map<NodeId, number>()
  readonly #options: ShardsOptions
  readonly #context: { -readonly [K in keyof StepContext]: StepContext[K] } & {
    limits: { copies: number; isDisposable: boolean; holders: readonly string[] }
  }
  #queue: { shard: Shard; action: Action }[] = []
  #isPerforming = false
  #stepping: Shard | null = null
  #nonceCount = 0

  constructor(options: ShardsOptions) {
    this.#options = options
    const { me, config, rules } = options
    this.records = new RecordCache(config.shardCount)
    const { mirrorLateMs, mirrorResendMs, readLeaseMs, handoffMs, repliesCountMax } = config
    this.#context = {
      me,
      now: 0,
      leaseHolds: false,
      rules,
      limits: {
        mirrorLateMs,
        mirrorResendMs,
        readLeaseMs,
        handoffMs,
        repliesCountMax,
        copies: 0,
        isDisposable: false,
        holders: [],
      },
      isGone: options.isGone,
      echoOf: (node) => this.#echoes.get(node) ?? -1,
      provenAt: options.provenAt,
      hasMail: options.hasMail,
      nonce: () => `${me}/${++this.#nonceCount}`,
      act: (action) => {
        if (this.#stepping !== null) this.#queue.push({ shard: this.#stepping, action })
      },
    }
  }

  get(id: ShardId): Shard {
    const known = this.all.get(id)
    if (known !== undefined) return known
    const shard = newShard(id)
    const record = this.records.get(id)
    shard.record = record
    shard.fence = record?.epoch ?? 0
    this.all.set(id, shard)
    return shard
  }

  /** One of which anything is known. */
  find(id: ShardId): Shard | undefined {
    return this.all.get(id) ?? (this.records.get(id) === null ? undefined : this.get(id))
  }

  /** A node has acknowledged what was sent to it at `t0`, by this node's monotonic clock. */
  noteEcho(node: NodeId, t0: number): void {
    if (t0 > (this.#echoes.get(node) ?? -1)) this.#echoes.set(node, t0)
  }
  forgetGone(): void {
    for (const node of this.#echoes.keys()) if (this.#options.isGone(node)) this.#echoes.delete(node)
  }

  /** Runs one step and then performs what it decided; nested calls queue behind the one that runs. */
  step(shard: Shard, run: (context: StepContext) => void): void {
    if (this.isStopped) return
    const before = this.#stepping
    const context = this.#context
    context.now = this.#options.clock.monotonic()
    context.leaseHolds = this.#options.leaseHolds()
    context.limits.copies = this.#options.copiesOf(shard.kind)
    context.limits.isDisposable = this.#options.isDisposable(shard.kind)
    context.limits.holders = this.#options.holdersOf(shard.kind)
    this.#stepping = shard
    const { role } = shard
    run(context)
    this.#stepping = before
    if (shard.role !== role) this.#roleChanged(shard)
    if (!isQuiet(shard)) this.busy.add(shard)
    this.#performAll()
  }

  /** Its record is another. */
  noteRecord(shard: Shard, record: VersionedRecord): void {
    const { me } = this.#options
    this.records.set(shard.id, record)
    if (record.owner === me || includesNode(record.insync, me)) this.named.add(shard)
    else this.named.delete(shard)
  }

  #roleChanged(shard: Shard): void {
    if (isOwning(shard)) this.owned.add(shard)
    else this.owned.delete(shard)
  }

  #performAll(): void {
    if (this.#isPerforming) return
    this.#isPerforming = true
    while (this.#queue.length > 0) {
      const actions = this.#queue
      this.#queue = []
      for (const { shard, action } of actions) this.#options.perform(shard, action)
    }
    this.#isPerforming = false
  }
}
