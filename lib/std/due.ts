/** Many deadlines with one timer: things fall due in steps of `stepMs`, never early. */
import type { Clock, Timer } from './clock.js'

export interface DueQueue<T> {
  /** Calls `fall` with `item` when `atMs` of the monotonic clock has come. */
  add(atMs: number, item: T): void
  /** Forgets everything. */
  clear(): void
}

export const createDueQueue = <T>(clock: Clock, stepMs: number, fall: (item: T) => void): DueQueue<T> => {
  const buckets = new Map<number, T[]>()
  let timer: Timer | null = null
  let timerAt = Number.POSITIVE_INFINITY
  let isClosed = false

  const arm = (): void => {
    let next = Number.POSITIVE_INFINITY
    for (const step of buckets.keys()) if (step < next) next = step
    if (next === Number.POSITIVE_INFINITY) return
    timerAt = next
    timer = clock.after(Math.max(0, next * stepMs - clock.monotonic()), run)
  }
  const run = (): void => {
    timer = null
    timerAt = Number.POSITIVE_INFINITY
    const now = clock.monotonic()
    const due = [...buckets.keys()].filter((step) => step * stepMs <= now).sort((a, b) => a - b)
    for (const step of due) {
      const items = buckets.get(step) ?? []
      buckets.delete(step)
      for (const item of items) if (!isClosed) fall(item)
    }
    if (!isClosed && timer === null) arm()
  }
  return {
    add: (atMs, item) => {
      const step = Math.ceil(atMs / stepMs)
      const bucket = buckets.get(step)
      if (bucket === undefined) buckets.set(step, [item])
      else bucket.push(item)
      if (step >= timerAt) return
      timer?.cancel()
      arm()
    },
    clear: () => {
      isClosed = true
      timer?.cancel()
      timer = null
      buckets.clear()
    },
  }
}
