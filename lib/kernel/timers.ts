import { assert } from '../std/assert.js'
import type { Clock, Timer } from '../std/clock.js'

/** Timers of one actor at a time; one more is a programmer error. */
const timersCountMax = 1_000

/** The timers of one actor: each rings once, and all die with the incarnation that set them. */
export class Timers {
  private readonly armed = new Map<string | number, Timer>()
  private unnamed = 0

  constructor(private readonly clock: Clock) {}

  get count(): number {
    return this.armed.size
  }

  /** A timer of the same name is replaced. */
  set(delayMs: number, name: string | undefined, ring: () => void): void {
    const key = name ?? this.unnamed++
    this.armed.get(key)?.cancel()
    this.armed.delete(key)
    const isFree = this.armed.size < timersCountMax
    assert(isFree, 'an actor has too many timers; give them names, or cancel them', { timersCountMax })
    const timer = this.clock.after(delayMs, () => {
      if (this.armed.get(key) !== timer) return
      this.armed.delete(key)
      ring()
    })
    this.armed.set(key, timer)
  }

  /** Not an error when there is none of that name: it may just have rung. */
  cancel(name: string): void {
    this.armed.get(name)?.cancel()
    this.armed.delete(name)
  }

  clear(): void {
    for (const timer of this.armed.values()) timer.cancel()
    this.armed.clear()
  }
}
