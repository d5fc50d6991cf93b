/**
 * Moves shards to where they should live now that the members are others: on request, one node after the
 * other, or by itself in small rounds. Nothing moves while a member is suspected or two releases are present.
 */
import type { KindData } from '../api/kind.js'
import type { RebalanceOptions, RebalanceReport } from '../api/node-types.js'
import type { Config } from '../config.js'
import type { NodeId } from '../ids.js'
import type { Reached } from '../limits.js'
import type { Membership } from '../membership/membership.js'
import type { Ownership } from '../ownership/ownership.js'
import { ofNewestRelease } from '../placement/release.js'
import type { Clock, Timer } from '../std/clock.js'
import type { Wire } from '../wire/envelope.js'
import { runMoves, type Wish } from './moves.js'

export interface RebalancerOptions {
  readonly me: NodeId
  readonly clock: Clock
  readonly config: Config
  readonly reached: Reached
  readonly kinds: ReadonlyMap<string, KindData>
  readonly ownership: Ownership
  readonly membership: Pick<Membership, 'view' | 'isGone' | 'leaseHolds' | 'hasSuspects'>
  send(to: NodeId, verb: string, body: Wire): boolean
}

export const rebalanceVerb = 'rebalance'
export const rebalancedVerb = 'rebalanced'
const timeoutMsDefault = 300_000
/** How often it looks whether the node that was asked is still there. */
const pollMs = 100

type Done = (report: RebalanceReport) => void

export class Rebalancer {
  readonly #options: RebalancerOptions
  readonly #asked = new Map<number, Done>()
  #waiting: Done[] = []
  #end: (() => void) | null = null
  #lastNumber = 0
  #slow: Timer | null = null
  #isStopped = false

  constructor(options: RebalancerOptions) {
    this.#options = options
    if (options.config.rebalanceMode === 'slow') this.#rest()
  }

  /** Every node in turn, this one included. */
  all(given: RebalanceOptions, done: Done): void {
    const { clock, membership, me } = this.#options
    const startedAt = clock.monotonic()
    const nodes = membership.view().ready.map(({ node }) => node)
    let moved = 0
    let left = 0
    const next = (): void => {
      const node = nodes.shift()
      if (node === undefined || this.#isStopped) {
        done({ moved, left, tookMs: Math.round(clock.monotonic() - startedAt) })
        return
      }
      const add: Done = (report) => {
        moved += report.moved
        left += report.left
        next()
      }
      const spentMs = clock.monotonic() - startedAt
      const rest = { ...given, timeoutMs: Math.max(0, (given.timeoutMs ?? timeoutMsDefault) - spentMs) }
      if (node === me) this.here(rest, add)
      else this.#ask(node, rest, add)
    }
    next()
  }

  /** Only what this node owns. One at a time: a second request gets the report of the first. */
  here(given: RebalanceOptions, done: Done): void {
    this.#waiting.push(done)
    if (this.#end !== null) return
    const { clock, config, ownership } = this.#options
    let isOver = false
    const end = runMoves(
      {
        clock,
        ownership,
        wishes: () => this.misplaced(),
        roundCountMax: given.roundCountMax ?? config.rebalanceRoundCountMax,
        movesCountMax: given.movesCountMax ?? config.rebalanceMovesCountMax,
        pauseMs: given.pauseMs ?? config.rebalancePauseMs,
        timeoutMs: given.timeoutMs ?? timeoutMsDefault,
        mayGoOn: () => !this.#isStopped && this.mayMove(),
        reached: (bound) => this.#noteBound(bound),
      },
      (report) => {
        isOver = true
        this.#end = null
        const waiting = this.#waiting
        this.#waiting = []
        for (const one of waiting) one(report)
      },
    )
    if (!isOver) this.#end = end
  }

  /** Shards of this node that another ready member should own. */
  *misplaced(): Iterable<Wish> {
    const { me, ownership, membership, kinds } = this.#options
    for (const shard of ownership.owned) {
      if (shard.role !== 'owner' || shard.moveTo !== null) continue
      const kind = kinds.get(shard.kind)
      // A disposable entity has nothing that could move with it.
      if (kind?.rebalance === 'never' || kind?.source.type === 'disposable') continue
      const place = ownership.placeOf(shard.kind)
      if (place.placing.strategy.isRebalanced === false) continue
      const owner = place.owner(shard.id)
      if (owner !== undefined && owner !== me && !membership.isGone(owner)) yield [shard, owner]
    }
  }

  mayMove(): boolean {
    const { membership } = this.#options
    const { ready } = membership.view()
    return membership.leaseHolds() && !membership.hasSuspects() && ofNewestRelease(ready) === ready
  }

  onRequest(body: Wire, from: NodeId): void {
    const { number, given } = (body ?? {}) as { number?: number; given?: RebalanceOptions }
    if (typeof number !== 'number') return
    this.here(given ?? {}, (report) => this.#options.send(from, rebalancedVerb, { number, ...report }))
  }
  onReport(body: Wire): void {
    const { number, moved, left, tookMs } = (body ?? {}) as Partial<RebalanceReport> & { number?: number }
    if (number === undefined) return
    const done = this.#asked.get(number)
    this.#asked.delete(number)
    done?.({ moved: moved ?? 0, left: left ?? 0, tookMs: tookMs ?? 0 })
  }

  stop(): void {
    this.#isStopped = true
    this.#slow?.cancel()
    this.#end?.()
    const waiting = [...this.#waiting, ...this.#asked.values()]
    this.#waiting = []
    this.#asked.clear()
    for (const one of waiting) one({ moved: 0, left: 0, tookMs: 0 })
  }

  #ask(node: NodeId, given: RebalanceOptions, done: Done): void {
    const { clock, membership, send } = this.#options
    const number = ++this.#lastNumber
    const none: RebalanceReport = { moved: 0, left: 0, tookMs: 0 }
    const until = clock.monotonic() + (given.timeoutMs ?? timeoutMsDefault) + 10_000
    if (!send(node, rebalanceVerb, { number, given: { ...given } as Wire })) return done(none)
    this.#asked.set(number, done)
    const look = (): void => {
      if (!this.#asked.has(number)) return
      if (membership.isGone(node) || clock.monotonic() >= until) this.onReport({ number })
      else clock.after(pollMs, look)
    }
    clock.after(pollMs, look)
  }

  #noteBound(bound: 'round' | 'moves'): void {
    const { reached } = this.#options
    if (bound === 'round') reached.rebalanceRoundCountMax++
    else reached.rebalanceMovesCountMax++
  }

  /** The slow mode: one round, then the pause. */
  #rest(): void {
    const { clock, config } = this.#options
    this.#slow = clock.after(Math.max(1, config.rebalancePauseMs), () => {
      if (this.#isStopped) return
      if (this.#end === null && this.mayMove())
        this.here({ timeoutMs: config.rebalancePauseMs }, () => this.#rest())
      else this.#rest()
    })
  }
}
