/**
 * Keeps the available kinds of one node serving while the owners of their shards are out of reach: from side
 * copies, which are handed to whoever is in reach again and by record the owner.
 */
import type { KindData, Winner } from '../api/kind.js'
import { Entities } from '../entity/entities.js'
import type { Output } from '../entity/copy.js'
import { formatAddress, type NodeId, type ShardId } from '../ids.js'
import { isOwning, type Shard } from '../ownership/state.js'
import type { Timer } from '../std/clock.js'
import { token } from '../std/random.js'
import type { AskEnvelope, TellEnvelope } from '../wire/envelope.js'
import { HandOvers } from './hand-overs.js'
import { mergeTag } from './protocol.js'
import type { AvailableOptions } from './options.js'
import { Reach } from './reach.js'
import { beginSide, deputyOf, keepAll, type SideCopy } from './state.js'

type Mail = AskEnvelope | TellEnvelope

const tendMs = 100
/** Beside what else is in the frame. */
const frameRestBytes = 4_096

export class Available {
  readonly counts = { sideCopies: 0, merged: 0, notMerged: 0 }
  readonly #options: AvailableOptions
  readonly #reach: Reach
  readonly #entities: Entities
  readonly #handOvers: HandOvers
  #timer: Timer | null = null
  #isTending = false
  #isStopped = false

  constructor(options: AvailableOptions) {
    const { clock, config, session, membership } = options
    this.#options = options
    this.#reach = new Reach({
      clock,
      session,
      probeMs: config.probeMs,
      isGone: membership.isGone,
      changed: () => this.poke(),
    })
    this.#entities = this.#makeEntities()
    this.#handOvers = this.#makeHandOvers()
  }

  /** Goes on with what an earlier incarnation of this node began. */
  resume(): void {
    for (const { shard } of this.#options.sides.values()) this.#entities.took(shard)
    this.#arm()
  }

  get sidesCount(): number {
    return this.#options.sides.size
  }

  /** Where a message for this shard goes now. */
  targetOf(shard: ShardId): NodeId | null {
    const { me, ownership, membership, config, clock } = this.#options
    const owner = ownership.ownerOf(shard)
    if (owner === null || owner === me) return owner
    const since = this.#reach.outSince(owner)
    if (since === Infinity) return owner
    const deputy = deputyOf(me, ownership.rankOf(shard), (node) => this.#reach.outSince(node) === Infinity)
    // A node that may write records waits a moment for those that will.
    const patienceMs = membership.leaseHolds() ? config.sideCopyAfterMs : 0
    return clock.monotonic() - since < patienceMs ? owner : deputy
  }

  /** True when a side copy here has taken it. */
  takes(shard: ShardId, envelope: Mail, from: NodeId): boolean {
    if (this.#isStopped) return false
    const { config, me } = this.#options
    const target = this.targetOf(shard)
    const isStuck = target !== me && envelope.hops >= config.deliveryHopsMax && this.#isOwnerOut(shard)
    if (!isStuck && !this.#serves(shard, target)) return false
    const side = this.#sideOf(shard)
    if (side === undefined || (envelope.type === 'ask' && envelope.tag === mergeTag && from === me))
      this.#options.giveUp(envelope)
    else this.#entities.post(side.shard, envelope, from)
    return true
  }

  /** A frozen owner has something to do: its side copy goes on with it. */
  frozenWork({ id, kind }: Shard): void {
    if (this.#options.kinds.get(kind)?.consistency !== 'available') return
    if (this.#serves(id, this.targetOf(id))) this.#sideOf(id)
  }

  /** The lease, the connection, a record or a member has changed. */
  poke(): void {
    this.#tendSoon()
    if (!this.#isStopped) this.#options.wayChanged()
  }

  membersGone(nodes: readonly NodeId[]): void {
    if (this.#options.sides.size === 0) for (const node of nodes) this.#reach.forget(node)
    this.poke()
  }

  /** Leaves nothing running. What only this node has is kept for its next incarnation. */
  stop(): void {
    const { ownership, kinds, sides, owned } = this.#options
    this.#isStopped = true
    this.#reach.isStopped = true
    this.#timer?.cancel()
    for (const side of sides.values()) this.#keepStates(side, this.#entities)
    this.#entities.stop()
    for (const shard of ownership.shards.values()) {
      const kind = kinds.get(shard.kind)
      if (kind?.consistency !== 'available' || shard.copy === null || shard.copy.entities.size === 0) continue
      const known = sides.get(shard.id)
      if (known === undefined && sides.size >= this.#options.config.sideCopiesCountMax) continue
      const side = known ?? this.#begin(shard.id)
      side.isOpen = false
      const isAlone = kind.source.type !== 'mirrored' || shard.record?.insync.length === 0
      // What is on other nodes too is handed over only if it turns out that they have lost it.
      if (!isOwning(shard) || !isAlone) continue
      keepAll(side)
      this.#keepStates(side, owned())
    }
  }

  /** States without a codec are nowhere but in their cells. */
  #keepStates({ shard, states }: SideCopy, entities: Pick<Entities, 'statesOf'>): void {
    if (this.#options.kinds.get(shard.kind)?.source.type === 'mirrored') return
    for (const [id, state] of entities.statesOf(shard.id)) if (!states.has(id)) states.set(id, state)
  }

  #makeEntities(): Entities {
    return new Entities({
      ...this.#options.entities,
      ownership: {
        mayServe: (shard) => this.#options.sides.get(shard.id)?.isOpen === true,
        takesNew: () => true,
        change: (shard, change) => {
          const side = this.#options.sides.get(shard.id)
          if (side === undefined || shard.copy === null) return
          shard.copy.seq = change.seq
          shard.copy.released = change.seq
          side.changed.set(change.id, change.seq)
          for (const output of change.outputs) this.#release(shard, change.id, output)
        },
        read: (_shard, read) => read.send(),
        // For journals, which available kinds have none of.
        hold: () => undefined,
        undone: () => undefined,
        doubt: () => undefined,
      },
      isLost: () => false,
      seed: (shard, id) => {
        const states = this.#options.sides.get(shard.id)?.states
        const state = states?.get(id)
        states?.delete(id)
        return state
      },
      cellName: (id) => `${id}~`,
    })
  }

  #release(shard: Shard, id: string, output: Output): void {
    if (output.to === 'command') this.#entities.sendCommand(shard, id, output.number)
    else this.#options.release(shard, id, output)
  }

  #makeHandOvers(): HandOvers {
    const { me, clock, config, random, reached, kinds, ownership, ask } = this.#options
    const stem = `${me}/~${token(random, 8)}.`
    let count = 0
    return new HandOvers({
      me,
      countMax: config.mergesCountMax,
      bytesMax: config.frameBytesMax / 2 - frameRestBytes,
      timeoutMs: config.askTimeoutMs,
      againMs: config.commandResendMs,
      reached,
      kinds,
      ask,
      now: () => clock.monotonic(),
      freshReqId: () => `${stem}${++count}`,
      winnerOf: ({ shard, epoch }): Winner | null => {
        const node = this.targetOf(shard.id) ?? me
        const now = ownership.get(shard.id)?.record?.epoch ?? 0
        return node === me && now === epoch ? null : { node, epoch: now }
      },
      stateOf: (side, id) => this.#stateOf(side, id),
      conclude: (side, id, winner) => this.#entities.conclude(side.shard, id, { type: 'conflict', winner }),
      ended: (side, id, end) => this.#ended(formatAddress(side.shard.kind, id), end),
    })
  }

  #stateOf(side: SideCopy, id: string): unknown {
    const { kind, id: shard } = side.shard
    if (this.#options.kinds.get(kind)?.source.type === 'mirrored') return undefined
    for (const [name, state] of this.#entities.statesOf(shard)) if (name === id) return state
    return side.states.get(id)
  }

  #ended(address: string, { winner, problem }: { winner: Winner | null; problem?: string }): void {
    const { event } = this.#options
    if (problem !== undefined) {
      this.counts.notMerged++
      event({ tag: 'NotMerged', address, reason: problem })
      return
    }
    this.counts.merged++
    if (winner !== null) event({ tag: 'NameConflict', address, winner: winner.node, epoch: winner.epoch })
    this.#tendSoon()
  }

  #tendSoon(): void {
    if (this.#isTending || this.#isStopped) return
    this.#isTending = true
    this.#options.clock.defer(() => {
      this.#isTending = false
      if (!this.#isStopped) this.#tend()
    })
  }

  #isOwnerOut(shard: ShardId): boolean {
    const owner = this.#options.ownership.ownerOf(shard)
    return owner !== null && owner !== this.#options.me && this.#reach.outSince(owner) !== Infinity
  }

  #serves(id: ShardId, target: NodeId | null): boolean {
    const { me, ownership, membership } = this.#options
    if (target !== me) return false
    const shard = ownership.get(id)
    if (shard === undefined || shard.record === null) return !membership.leaseHolds()
    return shard.record.owner !== me || !ownership.mayServe(shard)
  }

  /** Undefined when there are too many. */
  #sideOf(id: ShardId): SideCopy | undefined {
    const { sides, config, reached, event } = this.#options
    const known = sides.get(id)
    if (known !== undefined) {
      this.#open(known)
      return known
    }
    if (sides.size >= config.sideCopiesCountMax) {
      reached.sideCopiesCountMax++
      return undefined
    }
    const side = this.#begin(id)
    this.#keepStates(side, this.#options.owned())
    side.isTold = true
    this.counts.sideCopies++
    event({ tag: 'SideCopyBegun', shard: id, entities: side.base.size })
    this.#entities.took(side.shard)
    this.#arm()
    return side
  }

  #begin(id: ShardId): SideCopy {
    const { ownership, random, sides } = this.#options
    const from = ownership.get(id) ?? null
    // Far above the generations of records.
    const gen = 2 ** 40 + Math.floor(random.next() * 2 ** 20) * 2 ** 20 + Math.floor(random.next() * 2 ** 20)
    const side = beginSide({ id, gen, epoch: from?.record?.epoch ?? 0, from })
    sides.set(id, side)
    return side
  }

  #open(side: SideCopy): void {
    if (side.isOpen) return
    side.isOpen = true
    side.openings++
    this.#handOvers.reopened(side)
  }

  #arm(): void {
    if (this.#timer !== null || this.#isStopped || this.#options.sides.size === 0) return
    this.#timer = this.#options.clock.after(tendMs, () => {
      this.#timer = null
      this.#tend()
    })
  }

  #tend(): void {
    const { ownership, sides, event } = this.#options
    for (const side of [...sides.values()]) {
      const { id } = side.shard
      if (this.#serves(id, this.targetOf(id))) this.#open(side)
      else if (ownership.isLive) {
        side.isOpen = false
        const gen = ownership.get(id)?.record?.gen ?? 0
        if (gen !== side.recordGen) keepAll(side)
        side.recordGen = gen
        if (!this.#handOvers.proceed(side)) continue
        sides.delete(id)
        this.#entities.lost(side.shard)
        if (side.isTold) event({ tag: 'SideCopyEnded', shard: id })
      }
    }
    this.#arm()
  }
}

/** Whether a node runs kinds that need this at all. */
export const hasAvailable = (kinds: readonly KindData[]): boolean =>
  kinds.some(({ consistency }) => consistency === 'available')
