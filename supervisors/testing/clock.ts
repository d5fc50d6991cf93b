/**
 * The clocks of a test cluster: one time for all nodes, and for each node a view of it that can be frozen.
 */
import type { Clock, Timer } from '../../lib/std/clock.js'
import { systemClock } from '../../lib/std/system.js'
import { VirtualClock } from '../../lib/std/virtual-clock.js'

/** The rest of the present turn and the promises in it. */
const turn = (): Promise<void> => new Promise((resolve) => systemClock.defer(resolve))

/**
 * A virtual clock that runs by itself what is due at this moment, so that `await ref.ask(…)` needs nobody to
 * push. Time passes only in `pass`.
 */
export class TestClock extends VirtualClock {
  #isPumping = false
  #passing: Promise<void> = Promise.resolve()

  override defer(fn: () => void): void {
    super.defer(fn)
    this.#pump()
  }

  override after(delayMs: number, fn: () => void): Timer {
    const timer = super.after(delayMs, fn)
    if (delayMs <= 0) this.#pump()
    return timer
  }

  /** Runs what is due now, also what that starts and what waits for its promises. */
  async settle(): Promise<void> {
    do {
      this.#runPresent()
      await turn()
    } while (this.#isDue())
  }

  /** Lets time pass, from one timer to the next, and lets promises keep up. One call after the other. */
  pass(ms: number): Promise<void> {
    const passed = this.#passing.then(() => this.#pass(ms))
    this.#passing = passed.catch(() => undefined)
    return passed
  }

  async #pass(ms: number): Promise<void> {
    const until = this.monotonic() + ms
    await this.settle()
    for (let due = this.nextDue(); due !== undefined && due <= until; due = this.nextDue()) {
      this.step()
      await this.settle()
    }
    this.advance(until - this.monotonic())
  }

  #isDue(): boolean {
    const due = this.nextDue()
    return due !== undefined && due <= this.monotonic()
  }

  #runPresent(): void {
    while (this.#isDue()) this.step()
  }

  #pump(): void {
    if (this.#isPumping) return
    this.#isPumping = true
    systemClock.defer(() => {
      this.#isPumping = false
      this.#runPresent()
    })
  }
}

/**
 * One node's clock. While it is frozen nothing of it runs; what fell due
 * meanwhile runs when it is thawed, in order.
 */
export class NodeClock implements Clock {
  #waiting: (() => void)[] | undefined

  constructor(readonly inner: Clock) {}

  now(): number {
    return this.inner.now()
  }
  monotonic(): number {
    return this.inner.monotonic()
  }
  after(delayMs: number, fn: () => void): Timer {
    let isOver = false
    const timer = this.inner.after(delayMs, () =>
      this.#run(() => {
        if (!isOver) fn()
      }),
    )
    return {
      cancel: () => {
        isOver = true
        timer.cancel()
      },
    }
  }
  defer(fn: () => void): void {
    this.inner.defer(() => this.#run(fn))
  }

  freeze(): void {
    this.#waiting ??= []
  }
  thaw(): void {
    const waiting = this.#waiting ?? []
    this.#waiting = undefined
    for (const fn of waiting) this.inner.defer(() => this.#run(fn))
  }

  #run(fn: () => void): void {
    if (this.#waiting === undefined) fn()
    else this.#waiting.push(fn)
  }
}
