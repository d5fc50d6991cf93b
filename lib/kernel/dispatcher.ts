import type { Clock } from '../std/clock.js'
import { RingBuffer } from '../std/ring-buffer.js'
import type { Ledger } from './ledger.js'
import type { KernelLimits } from './limits.js'

/** What the dispatcher drives: a cell with something to do. */
export interface Runnable {
  readonly path: string
  /**
   * Handles at most `countMax` messages and says how many it did. Lines up again by itself when some are
   * left.
   */
  run(countMax: number): number
}

const windowCountMax = 64
/**
 * A window quicker than this may hold more messages next time; one slower than four times this holds fewer.
 */
const windowMs = 0.25
/**
 * After the loop was blocked, this many turns are timed one by one, so that the next time there is one
 * suspect.
 */
const exactTurnsCount = 1_000

/**
 * Drives all cells of a kernel: one line of those that have mail, drained in turns of the event loop.
 *
 * Reading the clock costs about as much as a whole message, so it is read once per *window*: a number of
 * messages that shrinks to one when handlers are slow and grows to 64 when they are quick.
 */
export class Dispatcher {
  /** The cell that runs, so that what it sends is known to be its own; undefined outside of its code. */
  current: Runnable | undefined = undefined
  private readonly line = new RingBuffer<Runnable>()
  private readonly window: Runnable[] = []
  private windowCount = 1
  private exactLeft = 0
  private isScheduled = false
  private scheduledAt = 0
  /** When the event loop last gave this dispatcher a turn. */
  private turnAt = Number.NEGATIVE_INFINITY

  constructor(
    private readonly clock: Clock,
    private readonly limits: KernelLimits,
    private readonly ledger: Ledger,
  ) {}

  /** Puts a cell in line. The cell sees to it that it stands there once. */
  enqueue(cell: Runnable): void {
    this.line.push(cell)
    if (!this.isScheduled) this.schedule()
  }

  /**
   * A turn of the event loop costs more than an ask, so within `turnMs` of the last one the line is drained
   * without waiting for the next; then timers, input and output get theirs.
   */
  private schedule(): void {
    const { clock } = this
    this.isScheduled = true
    this.scheduledAt = clock.monotonic()
    if (clock.soon === undefined || this.scheduledAt - this.turnAt >= this.limits.turnMs)
      clock.defer(this.turn)
    else clock.soon(this.drain)
  }

  private readonly turn = (): void => {
    this.turnAt = this.clock.monotonic()
    this.drain()
  }

  private readonly drain = (): void => {
    const { clock, line, window } = this
    const { turnMs, turnCountMax, blockedLoopMs } = this.limits
    const start = clock.monotonic()
    // Nothing of ours ran in between: it was a host program, or an actor's code after an await.
    if (start - this.scheduledAt > blockedLoopMs) this.reportBlocked(start - this.scheduledAt, 0)
    let since = start
    let seen = 0
    let left = this.windowCount
    // Time does not pass on a virtual clock, so the turn is bounded by count as well.
    let turnsLeft = 10_000
    for (let cell = line.shift(); cell !== undefined; cell = line.shift()) {
      window[seen++] = cell
      this.current = cell
      const handled = cell.run(left < turnCountMax ? left : turnCountMax)
      if (handled >= turnCountMax) this.ledger.reached.turnCountMax++
      left -= handled
      if (left > 0 && seen < windowCountMax) continue
      const now = clock.monotonic()
      if (now - since > blockedLoopMs) this.reportBlocked(now - since, seen)
      this.adapt(now - since)
      since = now
      seen = 0
      left = this.windowCount
      if (now - start >= turnMs || --turnsLeft === 0) break
    }
    this.current = undefined
    if (seen > 0) {
      const now = clock.monotonic()
      if (now - since > blockedLoopMs) this.reportBlocked(now - since, seen)
    }
    if (line.size > 0) {
      this.scheduledAt = clock.monotonic()
      clock.defer(this.turn)
    } else {
      this.isScheduled = false
    }
  }

  private adapt(tookMs: number): void {
    if (this.exactLeft > 0) {
      this.exactLeft--
      return
    }
    if (tookMs > 4 * windowMs) this.windowCount = Math.max(1, this.windowCount >> 1)
    else if (tookMs < windowMs) this.windowCount = Math.min(windowCountMax, this.windowCount * 2)
  }

  private reportBlocked(blockedMs: number, seen: number): void {
    this.windowCount = 1
    this.exactLeft = exactTurnsCount
    if (!this.ledger.isHeard) return
    const suspects = [...new Set(this.window.slice(0, seen))].map((cell) => cell.path)
    this.ledger.emit({ tag: 'LoopBlocked', suspects, blockedMs })
  }
}
