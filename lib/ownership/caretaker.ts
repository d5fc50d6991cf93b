/**
 * Looks after shards from time to time: orphans find an owner, owners find
 * mirrors, what hangs is asked again.
 */
import type { Config } from '../config.js'
import { kindOfShard, type NodeId, type ShardId } from '../ids.js'
import type { Reached } from '../limits.js'
import type { View } from '../membership/state.js'
import type { Clock, Timer } from '../std/clock.js'
import { claim } from './mirror.js'
import { give, move, tickGive } from './give.js'
import { keepMirrors, type Others, tickOwner } from './owner.js'
import { type Place, Places, type Placing, siblingsOf } from './places.js'
import { includesNode, type ShardRecord } from './protocol.js'
import type { Shards } from './shards.js'
import { isOwning, isQuiet, type Shard } from './state.js'
import { found } from './write.js'
import type { Writes } from './writes.js'

export type { Place }

const tickMs = 50
/** What is lost has to wait for leases to end: a look now and then is enough. */
const orphanTicks = 5

export interface CaretakerOptions {
  readonly me: NodeId
  readonly clock: Clock
  readonly config: Config
  readonly reached: Reached
  readonly shards: Shards
  readonly writes: Writes
  readonly membership: {
    view(): View
    leaseHolds(): boolean
    isGone(node: NodeId): boolean
    leaseIsOver(node: NodeId): boolean
  }
  readonly copiesOf: (kind: string) => number
  readonly placingOf: (kind: string) => Placing | undefined
  /** All records that were there at the start have been seen. */
  readonly isLive: () => boolean
}

export class Caretaker {
  readonly #options: CaretakerOptions
  readonly #places: Places
  /** Shards that may have no owner, as far as this node has seen. */
  readonly #orphans = new Set<ShardId>()
  #hasNewMembers = false
  #ticks = 0
  #fillsCount = 0
  #timer: Timer

  constructor(options: CaretakerOptions) {
    this.#options = options
    this.#places = new Places(() => options.membership.view(), options.placingOf)
    this.#timer = options.clock.after(tickMs, () => this.#tick())
  }

  stop(): void {
    this.#timer.cancel()
  }

  /** The order of the ready members that run this kind. */
  rankingOf(kind: string): Place {
    return this.#places.of(kind)
  }

  /** Who should begin a shard that has no record: beside the others of its group, if they have an owner. */
  beginnerOf(id: ShardId): NodeId | undefined {
    const place = this.rankingOf(kindOfShard(id))
    for (const sibling of siblingsOf(place.placing, id)) {
      const owner = this.#options.shards.records.get(sibling)?.owner
      if (owner !== undefined && this.#stays(owner) && place.rank(id).includes(owner)) return owner
    }
    return place.beginner(id)
  }

  /** The members are others; `gone` never come back. */
  membersChanged(gone: readonly NodeId[]): void {
    const { shards } = this.#options
    for (const node of gone) for (const id of shards.records.ownedBy(node)) this.#orphans.add(id)
    // Who came, and who is about to leave, can wait for the next tick: many do at the same time.
    this.#hasNewMembers = true
    if (gone.length === 0) return
    this.#findShort()
    this.#helpOrphans()
  }

  #findShort(): void {
    const { shards } = this.#options
    this.#hasNewMembers = false
    for (const shard of shards.owned) if (this.#isShort(shard)) shards.busy.add(shard)
  }

  /** Something about it has changed. */
  care(shard: Shard): void {
    if (this.#helpOrphan(shard) || this.#isShort(shard)) this.#options.shards.busy.add(shard)
  }

  /** A record was seen. */
  noted(id: ShardId, owner: NodeId): void {
    if (this.#options.membership.view().members.has(owner)) this.#orphans.delete(id)
    else this.#orphans.add(id)
  }

  /** Claims those that this node mirrors, and begins those anew of which nothing is left. */
  #helpOrphans(): void {
    const { membership, shards } = this.#options
    for (const id of this.#orphans) {
      const record = shards.records.get(id)
      if (record === null || membership.view().members.has(record.owner)) this.#orphans.delete(id)
      else if (this.#isForMe(id, record)) this.care(shards.get(id))
    }
  }

  /** Begins a shard without a record, or one of which every copy is gone. */
  begin(shard: Shard): void {
    const { me, membership, copiesOf, shards, isLive } = this.#options
    if (shard.writing !== null || !membership.leaseHolds() || !isLive()) return
    const kind = shard.kind
    const copies = copiesOf(kind)
    const order = this.rankingOf(kind).rank(shard.id, copies + 1)
    const insync = order.filter((node) => node !== me && !membership.isGone(node)).slice(0, copies)
    shards.step(shard, (context) => found(shard, insync, context))
  }

  #tick(): void {
    const { clock, shards, writes } = this.#options
    this.#timer = clock.after(tickMs, () => this.#tick())
    this.#fillsCount = 0
    if (this.#hasNewMembers) this.#findShort()
    for (const shard of shards.busy) if (shard.joiner !== null) this.#fillsCount++
    for (const shard of [...shards.busy]) {
      const isOrphan = this.#helpOrphan(shard)
      if (shard.writing !== null && !writes.isBusy(shard.id)) writes.read(shard.id)
      // Most were busy for a moment since the last tick and need nothing.
      if (isOwning(shard) && !(isQuiet(shard) && !this.#isShort(shard))) this.#tickOwner(shard)
      if (!isOrphan && isQuiet(shard) && !this.#isShort(shard)) shards.busy.delete(shard)
    }
    if (this.#ticks++ % orphanTicks === 0) this.#helpOrphans()
  }

  #othersOf(shard: Shard): Others {
    return {
      choose: () => this.#chooseMirror(shard),
      stays: (node) => this.#stays(node),
      best: (nodes, count) => this.#best(shard, nodes, count),
    }
  }

  #tickOwner(shard: Shard): void {
    const others = this.#othersOf(shard)
    this.#options.shards.step(shard, (context) => {
      tickGive(shard, others, context)
      tickOwner(shard, others, context)
    })
  }

  give(shard: Shard, to: NodeId): boolean {
    let isGiving = false
    this.#options.shards.step(shard, (context) => {
      isGiving = give(shard, to, context)
    })
    return isGiving
  }

  move(shard: Shard, to: NodeId): boolean {
    if (!move(shard, to)) return false
    this.#options.shards.busy.add(shard)
    this.hurry(shard)
    return true
  }

  /**
   * A shard that moves need not wait for the next tick. Nothing is sent again here: this runs for each
   * acknowledgement, and would have the next one come at once.
   */
  hurry(shard: Shard): void {
    if (!isOwning(shard) || (shard.moveTo === null && shard.role !== 'giving')) return
    const others = this.#othersOf(shard)
    this.#options.shards.step(shard, (context) => {
      tickGive(shard, others, context)
      if (context.leaseHolds) keepMirrors(shard, others, context)
    })
  }

  #best(shard: Shard, nodes: readonly NodeId[], count: number): readonly NodeId[] {
    const order = this.rankingOf(shard.kind).rank(shard.id)
    const placeOf = (node: NodeId): number => {
      const place = order.indexOf(node)
      return place < 0 ? order.length : place
    }
    return nodes.toSorted((a, b) => placeOf(a) - placeOf(b)).slice(0, count)
  }

  #stays(node: NodeId): boolean {
    const { membership } = this.#options
    const member = membership.view().members.get(node)
    if (member !== undefined && member.status === 'leaving') return false
    return !membership.isGone(node)
  }

  #chooseMirror(shard: Shard): NodeId | 'none' | 'later' {
    const { config, me, membership, reached } = this.#options
    if (this.#fillsCount >= config.fillsCountMax) {
      reached.fillsCountMax++
      return 'later'
    }
    const insync = shard.record?.insync ?? []
    const { rank } = this.rankingOf(shard.kind)
    const isFree = (node: NodeId): boolean =>
      node !== me && !insync.includes(node) && !membership.isGone(node)
    const node = rank(shard.id, insync.length + 2).find(isFree) ?? rank(shard.id).find(isFree)
    if (node === undefined) return 'none'
    this.#fillsCount++
    return node
  }

  /** A mirror of it goes, or one more could be had. */
  #isShort(shard: Shard): boolean {
    const { me, copiesOf } = this.#options
    const record = shard.record
    if (record === null || shard.role !== 'owner') return false
    if (!record.insync.every((node) => this.#stays(node))) return true
    const kind = shard.kind
    if (record.insync.length >= copiesOf(kind)) return false
    const order = this.rankingOf(kind).rank(shard.id, record.insync.length + 2)
    return order.some((node) => node !== me && !record.insync.includes(node))
  }

  /** True for a shard whose owner is gone: its first living in-sync mirror claims it, or it begins anew. */
  #helpOrphan(shard: Shard): boolean {
    const { me, membership, shards } = this.#options
    const record = shard.record
    if (record === null || record.owner === me || !membership.isGone(record.owner)) return false
    // Whoever is not in the in-sync set is stopped by the claim itself.
    const before = record.insync.slice(0, Math.max(0, record.insync.indexOf(me)))
    if (record.insync.every((node) => membership.isGone(node))) {
      if (this.#isFree(record) && this.#isFirst(shard.id)) this.begin(shard)
    } else if (before.every((node) => membership.isGone(node)))
      shards.step(shard, (context) => claim(shard, context))
    return true
  }
  #isFirst(id: ShardId): boolean {
    return this.beginnerOf(id) === this.#options.me
  }
  /** A mirror of it may claim it; who has none begins it, when nobody has. */
  #isForMe(id: ShardId, record: ShardRecord): boolean {
    const { me, membership } = this.#options
    if (includesNode(record.insync, me)) return membership.isGone(record.owner)
    const isLost = membership.isGone(record.owner) && record.insync.every((node) => membership.isGone(node))
    return isLost && this.#isFree(record) && this.#isFirst(id)
  }
  /**
   * Nobody has a copy, and nobody acts on one: without a mirror to refuse it, an owner that was declared dead
   * by mistake goes on until its lease is over.
   */
  #isFree({ owner, insync }: ShardRecord): boolean {
    return [owner, ...insync].every((node) => this.#options.membership.leaseIsOver(node))
  }
}
