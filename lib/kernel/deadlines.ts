import type { Clock, Timer } from '../std/clock.js'
import { Heap } from '../std/heap.js'

/** Something with a deadline. The fields belong to `Deadlines`. */
export interface Due {
  due: Slot | undefined
  previous: Due | undefined
  following: Due | undefined
  /** The deadline has passed, at most one step ago. */
  expired(): void
}
/** All that is due in one step, in order of being set. */
interface Slot {
  readonly tick: number
  first: Due | undefined
  last: Due | undefined
  isOver: boolean
}

/** So that a sum of fractions does not count as a step later. */
const roundingMs = 1e-6
/** Fewer empty slots than this are left where they are. */
const emptiesKept = 1_000

/**
 * Many deadlines on one timer of the clock: deadlines are set and dropped far more often than they expire.
 *
 * Guarantees: never early, at most one step (default 10 ms) late; those of one step expire in order of
 * being set. Limits: `set` and `drop` are O(1), or O(log n) for the first of its step. The timer stays
 * armed until its time even when everything was dropped.
 */
export class Deadlines {
  private readonly slots = new Map<number, Slot>()
  /** The steps that have, or had, something due. */
  private readonly ticks = new Heap<number>((a, b) => a < b)
  private emptyCount = 0
  private timer: Timer | undefined
  private armedTick = Number.POSITIVE_INFINITY

  constructor(
    private readonly clock: Clock,
    private readonly stepMs = 10,
  ) {}

  set(item: Due, inMs: number): void {
    this.setAt(item, this.clock.monotonic() + inMs)
  }

  /** `atMs` of the monotonic clock; what is past expires as soon as it can. */
  setAt(item: Due, atMs: number): void {
    const tick = Math.ceil((atMs - roundingMs) / this.stepMs)
    let slot = this.slots.get(tick)
    if (slot === undefined) {
      slot = { tick, first: undefined, last: undefined, isOver: false }
      this.slots.set(tick, slot)
      this.ticks.push(tick)
      if (tick < this.armedTick) this.arm(tick)
    } else if (slot.first === undefined) {
      this.emptyCount--
    }
    item.due = slot
    item.following = undefined
    item.previous = slot.last
    if (slot.last === undefined) slot.first = item
    else slot.last.following = item
    slot.last = item
  }

  drop(item: Due): void {
    const slot = item.due
    if (slot === undefined) return
    const { previous, following } = item
    if (previous === undefined) slot.first = following
    else previous.following = following
    if (following === undefined) slot.last = previous
    else following.previous = previous
    item.due = undefined
    item.previous = undefined
    item.following = undefined
    if (slot.first !== undefined || slot.isOver) return
    this.emptyCount++
    if (this.emptyCount > emptiesKept && this.emptyCount * 2 > this.slots.size) this.sweep()
  }

  /** Milliseconds until it expires, 0 or more; 0 when it is not set. */
  remainingMs(item: Due): number {
    if (item.due === undefined) return 0
    return Math.max(0, item.due.tick * this.stepMs - this.clock.monotonic())
  }

  /** Forgets everything without expiring it. */
  clear(): void {
    this.timer?.cancel()
    this.timer = undefined
    this.armedTick = Number.POSITIVE_INFINITY
    this.slots.clear()
    this.ticks.clear()
    this.emptyCount = 0
  }

  private arm(tick: number): void {
    this.timer?.cancel()
    this.armedTick = tick
    this.timer = this.clock.after(tick * this.stepMs - this.clock.monotonic(), () => this.ring())
  }

  private ring(): void {
    this.timer = undefined
    this.armedTick = Number.POSITIVE_INFINITY
    const now = Math.floor((this.clock.monotonic() + roundingMs) / this.stepMs)
    const passed: Slot[] = []
    for (let tick = this.ticks.first; tick !== undefined && tick <= now; tick = this.ticks.first) {
      this.ticks.pop()
      const slot = this.slots.get(tick)
      if (slot === undefined) continue
      this.slots.delete(tick)
      slot.isOver = true
      if (slot.first === undefined) this.emptyCount--
      else passed.push(slot)
    }
    for (const slot of passed) {
      for (let item = slot.first; item !== undefined; item = slot.first) {
        this.drop(item)
        item.expired()
      }
    }
    const next = this.ticks.first
    if (next !== undefined && next < this.armedTick) this.arm(next)
  }

  private sweep(): void {
    this.ticks.clear()
    for (const { tick, first } of this.slots.values()) {
      if (first === undefined) this.slots.delete(tick)
      else this.ticks.push(tick)
    }
    this.emptyCount = 0
  }
}
