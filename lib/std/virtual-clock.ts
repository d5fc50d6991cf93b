import { assert } from './assert.js'
import type { Clock, Timer } from './clock.js'
import { Heap } from './heap.js'
import { RingBuffer } from './ring-buffer.js'

interface Entry extends Timer {
  readonly due: number
  readonly order: number
  fn: (() => void) | undefined
}

/** By due time, then by order of calls. */
const isBefore = (a: Entry, b: Entry): boolean => a.due < b.due || (a.due === b.due && a.order < b.order)

export interface VirtualClockOptions {
  /** What the wall clock shows at monotonic time 0; default 1 January 2026, 00:00 UTC. */
  readonly startMs?: number
  /**
   * More callbacks than this at one moment mean that the program goes round in a circle; default 10 million.
   */
  readonly callbacksPerMomentCountMax?: number
}

/**
 * A clock driven by hand: no time passes unless a test, or a simulation, says so.
 *
 * Guarantees: timers run by due time, those of one moment in order of calls; what was deferred runs before
 * the next timer. The same calls give the same run. Time never goes back, and a
 * callback sees exactly its due time.
 *
 * Limits: `after` and each timer run cost O(log n); a cancelled timer is forgotten when its time comes.
 */
export class VirtualClock implements Clock {
  private startMs: number
  private readonly perMomentMax: number
  private readonly heap = new Heap(isBefore)
  private readonly deferred = new RingBuffer<() => void>()
  private time = 0
  private order = 0
  private cancelled = 0
  private atMoment = 0

  constructor(options: VirtualClockOptions = {}) {
    this.startMs = options.startMs ?? Date.UTC(2026, 0, 1)
    this.perMomentMax = options.callbacksPerMomentCountMax ?? 10_000_000
  }

  now(): number {
    return this.startMs + Math.floor(this.time)
  }

  /** Moves the wall clock alone, forwards or back, as somebody who sets it does. */
  jump(ms: number): void {
    this.startMs += ms
  }

  monotonic(): number {
    return this.time
  }

  after(delayMs: number, fn: () => void): Timer {
    const entry: Entry = {
      due: this.time + Math.max(0, delayMs),
      order: this.order++,
      fn,
      cancel: () => {
        if (entry.fn === undefined) return
        entry.fn = undefined
        this.cancelled++
      },
    }
    this.heap.push(entry)
    return entry
  }

  defer(fn: () => void): void {
    this.deferred.push(fn)
  }

  /** How many timers and deferred calls still wait. */
  get pendingCount(): number {
    return this.heap.size - this.cancelled + this.deferred.size
  }

  /**
   * The monotonic time of the next thing to run; the present when something is deferred; undefined when idle.
   */
  nextDue(): number | undefined {
    if (this.deferred.size > 0) return this.time
    this.forgetCancelled()
    return this.heap.first?.due
  }

  /** Lets `ms` pass, running everything that falls due on the way, also what that starts. */
  advance(ms: number): void {
    assert(ms >= 0, 'time does not go back', { ms })
    const target = this.time + ms
    for (let due = this.nextDue(); due !== undefined && due <= target; due = this.nextDue()) this.step()
    this.moveTo(target)
  }

  /** Runs the one next thing, moving the time to it. False when nothing waits. */
  step(): boolean {
    const fn = this.deferred.shift()
    if (fn !== undefined) {
      this.countOne()
      fn()
      return true
    }
    this.forgetCancelled()
    const entry = this.heap.pop()
    if (entry === undefined) return false
    this.moveTo(entry.due)
    this.countOne()
    const ring = entry.fn
    entry.fn = undefined
    ring?.()
    return true
  }

  /**
   * Runs until nothing waits, or until the next thing lies more than `withinMs` from now; gives the time that
   * passed. Without `withinMs` a program with a repeating timer would never be
   * idle, so it has a default: one hour.
   */
  runUntilIdle(withinMs = 3_600_000): number {
    const start = this.time
    const last = start + withinMs
    for (let due = this.nextDue(); due !== undefined && due <= last; due = this.nextDue()) this.step()
    return this.time - start
  }

  private forgetCancelled(): void {
    while (this.heap.first !== undefined && this.heap.first.fn === undefined) {
      this.heap.pop()
      this.cancelled--
    }
  }

  private moveTo(time: number): void {
    if (time > this.time) {
      this.time = time
      this.atMoment = 0
    }
  }

  private countOne(): void {
    this.atMoment++
    const { atMoment, time } = this
    if (atMoment <= this.perMomentMax) return
    assert(false, 'callbacks at one moment never end', { atMoment, time })
  }
}
