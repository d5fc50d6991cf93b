/** What follows when this node takes, gives, or loses a shard, and when outputs of one are released. */
import type { KindData } from '../api/kind.js'
import type { Change } from '../entity/copy.js'
import type { Entities } from '../entity/entities.js'
import type { NodeId } from '../ids.js'
import type { Keeper } from '../keeping/keeper.js'
import type { OwnershipEvents } from '../ownership/options.js'
import type { Ownership } from '../ownership/ownership.js'
import type { Shard } from '../ownership/state.js'
import type { Asks } from '../routing/asks.js'
import type { Router } from '../routing/router.js'
import type { Wire } from '../wire/envelope.js'
import type { EngineCounts, EngineEvents, EngineOptions } from './options.js'
import type { Outgoing } from './outgoing.js'
import type { Snapshots } from './snapshots.js'

export interface OwnedOptions {
  readonly me: NodeId
  readonly on: EngineEvents
  readonly counts: EngineCounts
  readonly kinds: ReadonlyMap<string, KindData>
  readonly lostShards: EngineOptions['lostShards']
  readonly out: Outgoing
  readonly entities: () => Entities
  readonly ownership: () => Ownership
  readonly keeper: () => Keeper
  readonly router: () => Router
  readonly asks: () => Asks
  readonly snapshots: () => Snapshots
  readonly isStopped: () => boolean
}

export class Owned {
  readonly #options: OwnedOptions

  constructor(options: OwnedOptions) {
    this.#options = options
  }

  events(): OwnershipEvents {
    const { on } = this.#options
    return {
      released: (shard, change) => this.#released(shard, change),
      took: (shard, how) => {
        on.event({ tag: 'Owned', shard: shard.id, epoch: shard.epoch, how })
        if (!this.#options.snapshots().mayHave(shard, how)) return this.#begin(shard)
        const { epoch } = shard
        shard.isLoading = true
        this.#options.snapshots().restore(shard, () => {
          if (
            this.#options.isStopped() ||
            !this.#options.ownership().owned.has(shard) ||
            shard.epoch !== epoch
          )
            return
          shard.isLoading = false
          this.#begin(shard)
        })
      },
      steppedDown: (shard, dropped) => {
        this.#options.entities().lost(shard)
        this.#options.keeper().lost(shard)
        on.shardLeft?.(shard.id, shard.record?.owner ?? null)
        const { owner: winner = '', epoch = 0 } = shard.record ?? {}
        on.event({ tag: 'SteppedDown', shard: shard.id, outputsDropped: dropped.length, winner, epoch })
      },
      giving: (shard) => {
        this.#options.counts.handoffsStarted++
        on.shardChanged?.(shard.kind)
      },
      gave: (shard, to) => {
        this.#options.counts.handoffsFinished++
        const record = shard.record as unknown as Wire
        this.#options.out.send(to, { type: 'control', verb: 'record', body: { shard: shard.id, record } })
      },
      giveFailed: (shard) => {
        this.#options.counts.handoffsFailed++
        this.#options.router().settled(shard.id)
      },
      recordChanged: (shard, owner, before) => {
        if (owner === this.#options.me && before !== null && before !== owner)
          this.#options.router().given(shard, before)
        this.#options.router().settled(shard)
        // Among many nodes most of what is seen concerns nobody here.
        if (owner === before || this.#options.asks().count === 0) return
        // A shard that began where it should began because of the asks that are there already.
        const isBegun = before === null && owner === this.#options.ownership().beginnerOf(shard)
        if (!isBegun) this.#options.asks().hurry(({ given }) => given.shard === shard)
      },
      broken: (shard, what) => on.event({ tag: 'Broken', what: `${shard.id}: ${what}` }),
    }
  }

  /** It is owned here, with all that there is of it. */
  #begin(shard: Shard): void {
    const { on } = this.#options
    if (this.isLost(shard)) on.event({ tag: 'StateLost', shard: shard.id, gen: shard.copy?.gen ?? 0 })
    this.#options.entities().took(shard)
    this.#options.keeper().took(shard)
    on.shardChanged?.(shard.kind)
    this.#options.router().settled(shard.id)
  }

  /** A mirrored generation began because nobody had a copy, or a record, of the one before any more. */
  isLost(shard: Shard): boolean {
    const isFirst = (shard.record?.gen ?? 1) <= 1 && this.#options.lostShards?.has(shard.id) !== true
    if (isFirst || shard.copy?.isWhole === true) return false
    const source = this.#options.kinds.get(shard.kind)?.source
    return source?.type === 'mirrored'
  }

  #released(shard: Shard, { id, seq, life, outputs }: Change): void {
    const { epoch } = shard
    const gen = shard.copy?.gen ?? 0
    outputs.forEach((output, part) => {
      this.#options.out.release(shard, id, output, { shard: shard.id, gen, seq, part, epoch })
    })
    if (this.#options.kinds.get(shard.kind)?.reminders === true) this.#options.keeper().released(shard)
    // Last, so that what it told somebody is there before the news of its end.
    if (life === 'live' || life === 'stopped') this.#options.on.lived?.(shard.kind, id, life)
  }
}
