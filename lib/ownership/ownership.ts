/**
 * Performs the steps of all shards of one node: reads and writes their records, sends to mirrors, and tells
 * the engine what was released, taken over and given away. Everything is driven by callbacks, on one thread.
 */
import * as E from 'fp-ts/lib/Either.js'
import { kindOfShard, type NodeId, type ShardId } from '../ids.js'
import type { Latest, RecordVersion, Watch } from '../records/records.js'
import type { MirrorEnvelope, Wire } from '../wire/envelope.js'
import { Caretaker, type Place } from './caretaker.js'
import { heard } from './heard.js'
import { Mirrors } from './mirrors.js'
import { flush, onChange, onRead, onRestored, onVoid, tryRelease } from './owner.js'
import {
  mirrorMessageFrom,
  includesNode,
  recordNoticeFrom,
  shardChainPrefix,
  type VersionedRecord,
} from './protocol.js'
import type { OwnershipOptions } from './options.js'
import { observe, onLatest, onWritten } from './record.js'
import { rules as properRules, type Rules } from './rules.js'
import { Shards } from './shards.js'
import { sightingOf } from './sighting.js'
import { type Action, type HeldRead, isOwning, type Shard, type StepContext } from './state.js'
import { createWrites, type Writes } from './writes.js'

const noHolders: readonly string[] = []

export class Ownership {
  readonly #options: OwnershipOptions
  readonly #rules: Rules
  readonly #shards: Shards
  readonly #writes: Writes
  readonly #caretaker: Caretaker
  readonly #watch: Watch
  readonly #mirrors: Mirrors
  readonly #dirty = new Set<Shard>()
  #isLive = false

  constructor(options: OwnershipOptions) {
    const { me, clock, config, reached, membership, records, copiesOf } = options
    this.#options = options
    this.#rules = options.rules ?? properRules
    this.#mirrors = new Mirrors(options.send, options.frameBytesMax ?? config.frameBytesMax)
    this.#shards = new Shards({
      me,
      clock,
      config,
      rules: this.#rules,
      isGone: membership.isGone,
      leaseHolds: membership.leaseHolds,
      provenAt: () => this.#writes.provenAt,
      hasMail: options.hasMail,
      copiesOf,
      isDisposable: options.isDisposable ?? (() => false),
      holdersOf: options.holdersOf ?? (() => noHolders),
      perform: (shard, action) => this.#perform(shard, action),
    })
    this.#writes = createWrites({
      records,
      now: () => clock.monotonic(),
      countMax: config.recordWritesCountMax,
      reached,
      onWritten: (id, nonce, outcome) => {
        const shard = this.#shards.get(id)
        this.#note(shard, (context) => onWritten(shard, nonce, outcome, context))
      },
      onLatest: (id, latest: Latest) => {
        const shard = this.#shards.get(id)
        this.#note(shard, (context) => onLatest(shard, latest, context))
      },
    })
    const isLive = (): boolean => this.#isLive
    const [shards, writes] = [this.#shards, this.#writes]
    this.#caretaker = new Caretaker({
      me,
      clock,
      config,
      reached,
      shards,
      writes,
      membership,
      copiesOf,
      placingOf: options.placingOf ?? (() => undefined),
      isLive,
    })
    this.#watch = records.watch(
      shardChainPrefix,
      (record) => this.#recordSeen(record),
      () => {
        this.#isLive = true
      },
    )
  }

  /** Those that this node has to do with. */
  get shards(): ReadonlyMap<ShardId, Shard> {
    return this.#shards.all
  }
  /** Those of them that it owns, or is giving away. */
  get owned(): ReadonlySet<Shard> {
    return this.#shards.owned
  }
  /** All records that were there at the start have been seen. */
  get isLive(): boolean {
    return this.#isLive
  }
  get(id: ShardId): Shard | undefined {
    return this.#shards.find(id)
  }

  /** Every record of a kind that this node has seen, by the index of its shard. */
  recordsOf(kind: string): Iterable<readonly [index: number, record: VersionedRecord]> {
    return this.#shards.records.ofKind(kind)
  }

  /** Who owns it by record, else who should. */
  ownerOf(id: ShardId): NodeId | null {
    return this.get(id)?.record?.owner ?? this.#caretaker.beginnerOf(id) ?? null
  }

  /** The ready members that run this kind, in the order in which they should own a shard of it. */
  rankOf(id: ShardId): readonly NodeId[] {
    return this.#caretaker.rankingOf(kindOfShard(id)).rank(id)
  }

  /** Who begins it while nobody has it. */
  beginnerOf(id: ShardId): NodeId | undefined {
    return this.#caretaker.beginnerOf(id)
  }

  /** Begins the shard here if it has no record and this node is the one that should. */
  ensure(id: ShardId): void {
    const shard = this.#shards.get(id)
    if (shard.record === null && this.#caretaker.beginnerOf(id) === this.#options.me)
      this.#caretaker.begin(shard)
  }

  /** This node is the owner and its lease holds: it may act. */
  mayServe(shard: Shard): boolean {
    return isOwning(shard) && this.#rules.mayAct(this.#options.membership.leaseHolds())
  }
  /** The shard is not being given away. */
  takesNew(shard: Shard): boolean {
    return this.#rules.takesNew(shard.role) && !shard.isLoading
  }

  /** Nothing from this change on is released until `who` holds a later one, or none. */
  hold(shard: Shard, who: string, seq: number | null): void {
    if (seq === null) shard.holds.delete(who)
    else shard.holds.set(who, seq)
    this.#shards.step(shard, (context) => tryRelease(shard, context))
  }
  /** Somebody else may own it: its record is looked up. */
  doubt(shard: Shard): void {
    this.#writes.read(shard.id)
  }

  /** A step has been applied to the copy. */
  change(shard: Shard, change: Parameters<typeof onChange>[1]): void {
    this.#shards.step(shard, (context) => {
      onChange(shard, change, context)
      tryRelease(shard, context)
    })
    this.#touch(shard)
  }

  /** A shard that has begun empty gets what the generation before had; false when it has gone on. */
  begun(shard: Shard, entities: Parameters<typeof onRestored>[1]): boolean {
    let isDone = false
    this.#shards.step(shard, (context) => {
      isDone = onRestored(shard, entities, context)
    })
    return isDone
  }
  /** These changes never were. */
  undone(shard: Shard, seqs: readonly number[]): void {
    onVoid(shard, seqs)
  }

  read(shard: Shard, read: HeldRead): void {
    this.#shards.step(shard, (context) => onRead(shard, read, context))
    if (shard.reads.length > 0) this.#touch(shard)
  }

  /** False for a message whose fields do not fit. */
  onMirror(from: NodeId, envelope: MirrorEnvelope): boolean {
    const message = mirrorMessageFrom(envelope.verb, envelope.body)
    if (E.isLeft(message)) return false
    if (message.right.verb === 'ack') this.#shards.noteEcho(from, message.right.t0)
    const shard = this.#shards.get(envelope.shard)
    this.#shards.step(shard, (context) => heard(shard, from, message.right, context))
    if (shard.moveTo !== null || shard.giveTo !== null) this.#caretaker.hurry(shard)
    return true
  }

  onNotice(body: Wire): void {
    const notice = recordNoticeFrom(body)
    if (E.isLeft(notice)) return
    const shard = this.#shards.get(notice.right.shard)
    this.#note(shard, (context) => observe(shard, notice.right.record, context))
  }

  /** `gone` never come back. */
  membersChanged(gone: readonly NodeId[]): void {
    this.#caretaker.membersChanged(gone)
  }

  /** Begins to hand a shard over to one of its mirrors; false when it cannot be now. */
  give(shard: Shard, to: NodeId): boolean {
    return this.#caretaker.give(shard, to)
  }

  /**
   * Begins to move a shard to a node that need not be a mirror yet, and then to hand it over. False when it
   * cannot be now. While it moves its `moveTo` is that node; afterwards another node owns it, or it failed.
   */
  move(shard: Shard, to: NodeId): boolean {
    return this.#caretaker.move(shard, to)
  }

  /** Where a shard should live by the members of now, and whether a rebalance may put it there. */
  placeOf(kind: string): Place {
    return this.#caretaker.rankingOf(kind)
  }

  /** Shards whose record still names this node. */
  namedCount(): number {
    return this.#shards.named.size
  }

  stop(): void {
    this.#shards.isStopped = true
    this.#caretaker.stop()
    this.#watch.stop()
  }

  #recordSeen(seen: RecordVersion): void {
    const { id, kind, index, record: decoded } = sightingOf(seen)
    if (E.isLeft(decoded)) {
      this.#options.on.broken(this.#shards.get(id), decoded.left)
      return
    }
    const record = decoded.right
    const { me } = this.#options
    const isMine = record.owner === me || includesNode(record.insync, me)
    const known = isMine ? this.#shards.get(id) : this.#shards.all.get(id)
    if (known !== undefined) {
      if (known.record === null || known.record.version < seen.version)
        this.#note(known, (context) => observe(known, record, context))
      return
    }
    const before = this.#shards.records.take(kind, index, record)
    if (before === undefined) return
    const { owner } = record
    if (before?.owner !== owner) this.#caretaker.noted(id, owner)
    this.#options.on.recordChanged(id, owner, before?.owner ?? null)
  }

  /** A step after which the record may be another. */
  #note(shard: Shard, run: (context: StepContext) => void): void {
    const before = shard.record
    this.#shards.step(shard, run)
    const after = shard.record
    if (after === before || after === null) return
    this.#shards.noteRecord(shard, after)
    this.#caretaker.noted(shard.id, after.owner)
    this.#options.on.recordChanged(shard.id, after.owner, before?.owner ?? null)
    this.#caretaker.care(shard)
    this.#caretaker.hurry(shard)
  }

  /** Appends leave at the end of the turn, all changes of the turn in one. */
  #touch(shard: Shard): void {
    if (this.#dirty.size === 0) this.#options.flushSoon()
    this.#dirty.add(shard)
  }
  /** Sends to the mirrors what they lack; to be called before a turn's frames leave. */
  flush(): void {
    if (this.#dirty.size === 0) return
    const dirty = [...this.#dirty]
    this.#dirty.clear()
    for (const shard of dirty)
      this.#shards.step(shard, (context) => flush(shard, context, shard.reads.length > 0))
  }

  #perform(shard: Shard, action: Action): void {
    const { on } = this.#options
    switch (action.do) {
      case 'send':
        return this.#mirrors.send(shard, action.to, action.message)
      case 'fill':
        return this.#mirrors.fill(shard, action.to, this.#options.clock.monotonic())
      case 'write':
        return this.#writes.write(shard.id, action.writing)
      case 'read-record':
        return this.#writes.read(shard.id)
      case 'prove-hearing':
        return this.#writes.prove(shard.id)
      case 'release':
        return on.released(shard, action.change)
      case 'answer':
        return action.read.send()
      case 'took':
        return on.took(shard, action.how)
      case 'stepped-down':
        return on.steppedDown(shard, action.dropped)
      case 'giving':
        return on.giving(shard)
      case 'gave':
        return on.gave(shard, action.to)
      case 'give-failed':
        return on.giveFailed(shard)
      case 'broken':
        return on.broken(shard, action.what)
    }
  }
}
