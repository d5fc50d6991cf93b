import { assert } from '../std/assert.js'
import type { Clock, Timer } from '../std/clock.js'

/** The timers of one actor: each rings once, and all die with the incarnation that set them. */
export class Timers {
  private readonly armed = new Map<string | number, Timer>()
  private unnamed = 0

  constructor(
    private readonly clock: Clock,
    private readonly countMax: number,
  ) {}

  get count(): number {
    return this.armed.size
  }

  /** A timer of the same name is replaced. */
  set(delayMs: number, name: string | undefined, ring: () => void): void {
    const key = name ?? this.unnamed++
    this.armed.get(key)?.cancel()
    this.armed.delete(key)
    assert(this.armed.size < this.countMax, 'an actor has more timers than timersCountMax; cancel or name them', {
      timersCountMax: this.countMax,
    })
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
