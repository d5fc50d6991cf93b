/** Waits and deadlines of promises that end together, so that no timer outlives whoever waits. */
import type { Clock, Timer } from './clock.js'

export interface Pauses {
  /** Never settles when `stop` comes first. */
  sleep(delayMs: number): Promise<void>
  /** Rejects when the work has not been done within this time; the work itself goes on. */
  inTime<A>(limitMs: number, work: () => PromiseLike<A>): Promise<A>
  /** Cancels all timers. */
  stop(): void
}

export const createPauses = (clock: Clock): Pauses => {
  const timers = new Set<Timer>()
  const after = (delayMs: number, fn: () => void): Timer => {
    const timer = clock.after(delayMs, () => {
      timers.delete(timer)
      fn()
    })
    timers.add(timer)
    return timer
  }
  return {
    sleep: (delayMs) => new Promise<void>((resolve) => void after(delayMs, resolve)),
    inTime: <A>(limitMs: number, work: () => PromiseLike<A>) =>
      new Promise<A>((resolve, reject) => {
        const late = after(limitMs, () => reject(new Error(`there was no answer within ${limitMs} ms`)))
        const end = (): void => {
          late.cancel()
          timers.delete(late)
        }
        // What throws at once has failed as well.
        Promise.resolve().then(work).then(resolve, reject).finally(end)
      }),
    stop: () => {
      for (const timer of timers) timer.cancel()
      timers.clear()
    },
  }
}
