import type { Clock, Timer } from '../std/clock.js'

/** Something with a deadline. The fields belong to `Deadlines`. */
export interface Due {
  due: Slot | undefined
  previous: Due | undefined
  following: Due | undefined
  /** The deadline has passed, at most one step ago. */
  expired(): void
}
interface Slot {
  readonly tick: number
  first: Due | undefined
}

/** Deadlines are noticed at most this much late. */
const stepMs = 10

/**
 * Many deadlines on one timer: asks are set and dropped far more often than they expire.
 *
 * Guarantees: never early, at most one step of 10 ms late; those of one step expire in order of being set.
 * Limits: `set` and `drop` are O(1). The timer stays armed until its time even when everything was dropped.
 */
export class Deadlines {
  private readonly slots = new Map<number, Slot>()
  private timer: Timer | undefined
  private armedTick = Number.POSITIVE_INFINITY

  constructor(private readonly clock: Clock) {}

  set(item: Due, inMs: number): void {
    const tick = Math.ceil((this.clock.monotonic() + inMs) / stepMs)
    let slot = this.slots.get(tick)
    if (slot === undefined) {
      slot = { tick, first: undefined }
      this.slots.set(tick, slot)
      if (tick < this.armedTick) this.arm(tick)
    }
    item.due = slot
    item.previous = undefined
    item.following = slot.first
    if (slot.first !== undefined) slot.first.previous = item
    slot.first = item
  }

  drop(item: Due): void {
    const slot = item.due
    if (slot === undefined) return
    const { previous, following } = item
    if (previous === undefined) slot.first = following
    else previous.following = following
    if (following !== undefined) following.previous = previous
    item.due = undefined
    item.previous = undefined
    item.following = undefined
  }

  /** Forgets everything without expiring it. */
  clear(): void {
    this.timer?.cancel()
    this.timer = undefined
    this.armedTick = Number.POSITIVE_INFINITY
    this.slots.clear()
  }

  private arm(tick: number): void {
    this.timer?.cancel()
    this.armedTick = tick
    this.timer = this.clock.after(tick * stepMs - this.clock.monotonic(), () => this.ring())
  }

  private ring(): void {
    this.timer = undefined
    this.armedTick = Number.POSITIVE_INFINITY
    const now = Math.floor(this.clock.monotonic() / stepMs)
    let next = Number.POSITIVE_INFINITY
    const passed: Slot[] = []
    for (const slot of this.slots.values()) {
      if (slot.tick <= now) passed.push(slot)
      else if (slot.first === undefined) this.slots.delete(slot.tick)
      else if (slot.tick < next) next = slot.tick
    }
    for (const slot of passed.sort((a, b) => a.tick - b.tick)) {
      this.slots.delete(slot.tick)
      this.expire(slot)
    }
    if (next < this.armedTick) this.arm(next)
  }

  private expire(slot: Slot): void {
    const items: Due[] = []
    for (let item = slot.first; item !== undefined; item = item.following) items.push(item)
    for (const item of items.reverse()) {
      if (item.due !== slot) continue
      this.drop(item)
      item.expired()
    }
  }
}
