/** The only file that touches the machine's time and chance. */
import { randomFillSync } from 'node:crypto'
import type { Clock, Timer } from './clock.js'
import type { Random } from './random.js'

/** `setTimeout` takes 31 bits; longer delays are chained. */
const delayMsMax = 2 ** 31 - 1

class SystemTimer implements Timer {
  private handle: NodeJS.Timeout | undefined
  constructor(
    private readonly due: number,
    private fn: (() => void) | undefined,
  ) {
    this.arm()
  }
  cancel(): void {
    clearTimeout(this.handle)
    this.handle = undefined
    this.fn = undefined
  }
  private arm(): void {
    const remaining = Math.max(0, Math.ceil(this.due - performance.now()))
    this.handle = setTimeout(() => this.ring(), Math.min(remaining, delayMsMax))
  }
  private ring(): void {
    // libuv rounds to whole milliseconds and may ring a little early; leases must not.
    if (performance.now() < this.due) return this.arm()
    const fn = this.fn
    this.handle = undefined
    this.fn = undefined
    fn?.()
  }
}

const settled = Promise.resolve()

/**
 * The machine's clock. A timer never fires before its delay has passed on the monotonic clock, may be as long
 * as wanted, and keeps the process alive until it fires or is cancelled.
 */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (delayMs, fn) => new SystemTimer(performance.now() + Math.max(0, delayMs), fn),
  defer: (fn) => {
    setImmediate(fn)
  },
  // A third of the cost of queueMicrotask, which keeps an async resource for each call.
  soon: (fn) => {
    void settled.then(fn)
  },
}

const pool = new Uint32Array(512)
let next = pool.length

/** The machine's cryptographic random numbers, 53 bits each, fetched in blocks. */
export const systemRandom: Random = {
  next: () => {
    if (next >= pool.length) {
      randomFillSync(pool)
      next = 0
    }
    const high = (pool[next] ?? 0) >>> 5
    const low = (pool[next + 1] ?? 0) >>> 6
    next += 2
    return (high * 0x4000000 + low) / 0x20000000000000
  },
}
