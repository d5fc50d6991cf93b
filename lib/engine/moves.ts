/** Moves shards of this node to others, in rounds, so many at a time; what one of them needs it waits for. */
import type { RebalanceReport } from '../api/node-types.js'
import type { NodeId } from '../ids.js'
import type { Ownership } from '../ownership/ownership.js'
import { isOwning, type Shard } from '../ownership/state.js'
import type { Clock } from '../std/clock.js'

/** A shard and the node that it should move to. */
export type Wish = readonly [shard: Shard, to: NodeId]

export interface MovesOptions {
  readonly clock: Clock
  readonly ownership: Ownership
  /** What there is to move now. */
  readonly wishes: () => Iterable<Wish>
  /** Shards of one round, and of those at one time. */
  readonly roundCountMax: number
  readonly movesCountMax: number
  readonly pauseMs: number
  readonly timeoutMs: number
  /** False ends it after what is under way. */
  readonly mayGoOn: () => boolean
  /** A bound was reached. */
  readonly reached?: (bound: 'round' | 'moves') => void
}

const stepMs = 20
/** A shard that could not move twice stays where it is. */
const triesMax = 2

/** Calls `done` once. The returned function ends it; what is under way goes on by itself. */
export const runMoves = (options: MovesOptions, done: (report: RebalanceReport) => void): (() => void) => {
  const { clock, ownership, wishes, roundCountMax, movesCountMax } = options
  const startedAt = clock.monotonic()
  const underWay = new Set<Shard>()
  const tries = new Map<Shard, number>()
  let moved = 0
  let isOver = false
  let inRound = 0
  let pausedUntil = startedAt

  const settle = (): void => {
    for (const shard of underWay) {
      if (isOwning(shard) && (shard.moveTo !== null || shard.role === 'giving')) continue
      underWay.delete(shard)
      if (!isOwning(shard)) moved++
    }
  }
  const open = (): Wish[] => [...wishes()].filter(([shard]) => (tries.get(shard) ?? 0) < triesMax)
  const begin = (): void => {
    for (const [shard, to] of open()) {
      if (inRound >= roundCountMax) return options.reached?.('round')
      if (underWay.size >= movesCountMax) return options.reached?.('moves')
      if (underWay.has(shard) || !ownership.move(shard, to)) continue
      tries.set(shard, (tries.get(shard) ?? 0) + 1)
      underWay.add(shard)
      inRound++
    }
  }
  const end = (): void => {
    isOver = true
    done({ moved, left: [...wishes()].length, tookMs: Math.round(clock.monotonic() - startedAt) })
  }
  const step = (): void => {
    if (isOver) return
    const now = clock.monotonic()
    settle()
    const mayGoOn = options.mayGoOn() && now - startedAt < options.timeoutMs
    if (inRound >= roundCountMax && underWay.size === 0) {
      inRound = 0
      pausedUntil = now + options.pauseMs
    }
    if (mayGoOn && now >= pausedUntil) begin()
    if (underWay.size === 0 && (!mayGoOn || open().length === 0)) end()
    else clock.after(stepMs, step)
  }
  step()
  return () => {
    isOver = true
  }
}
