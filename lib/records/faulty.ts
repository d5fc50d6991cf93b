/** Makes a record store slow, silent or out of reach for one node; part of `transport/faulty.ts`. */
import type { Clock } from '../std/clock.js'
import {
  type Created,
  createValidMs,
  type Latest,
  type Records,
  type RecordVersion,
  type Watch,
} from './records.js'

/** What this file needs of the state of a faulty transport. */
export interface RecordFaults {
  readonly clock: Clock
  readonly faults: {
    readonly recordLoss: number
    readonly recordDelayMsMin: number
    readonly recordDelayMsMax: number
    readonly recordTimeoutMs: number
  }
  readonly counters: { recordAnswersLost: number }
  reachesRecords(node: string): boolean
  /** What it is answered arrives, and what a watch shows. */
  hearsRecords(node: string): boolean
  /** Called when cuts or outages have ended; `isBack` says whether a node reaches the store again. */
  onHeal(listener: (isBack: (node: string) => boolean) => void): () => void
  happens(chance: number): boolean
  between(min: number, max: number): number
  reach(node: string, fn: () => void): void
}

/**
 * One call: the way there may be lost, the way back too; the caller hears `lost` after the timeout at the
 * latest.
 */
const call = <A>(state: RecordFaults, node: string, lost: A, done: (a: A) => void) => {
  let open = true
  const finish = (answer: A): void => {
    if (!open) return
    open = false
    timeout.cancel()
    state.reach(node, () => done(answer))
  }
  const timeout = state.clock.after(state.faults.recordTimeoutMs, () => {
    state.counters.recordAnswersLost++
    finish(lost)
  })
  const later = (fn: () => void): void => {
    const { recordDelayMsMin, recordDelayMsMax, recordLoss } = state.faults
    if (!state.reachesRecords(node) || state.happens(recordLoss)) return
    if (recordDelayMsMax === 0) return fn()
    state.clock.after(state.between(recordDelayMsMin, recordDelayMsMax), fn)
  }
  /** The way back. */
  const back = (answer: A): void =>
    later(() => {
      if (state.hearsRecords(node)) finish(answer)
    })
  return { later, back }
}

/**
 * A watch that shows nothing while its node is cut off, and is opened again, from what is there, after that.
 * What it shows may be late, never out of order.
 */
const faultyWatch = (inner: Records, state: RecordFaults, node: string, shown: Shown): Watch => {
  let stopped = false
  let due = 0
  let watch: Watch | undefined
  const open = (): void => {
    let isCurrent = true
    const show = (fn: () => void): void => {
      const arrive = (): void => {
        if (!isCurrent) return
        if (state.hearsRecords(node)) state.reach(node, () => isCurrent && fn())
      }
      const now = state.clock.monotonic()
      const { recordDelayMsMin, recordDelayMsMax } = state.faults
      due = Math.max(due, now + state.between(recordDelayMsMin, recordDelayMsMax))
      if (due > now) state.clock.after(due - now, arrive)
      else arrive()
    }
    const opened = inner.watch(
      shown.prefix,
      (record) => show(() => shown.onRecord(record)),
      () => show(shown.onLive),
    )
    watch = {
      stop: () => {
        isCurrent = false
        opened.stop()
      },
    }
  }
  const forget = state.onHeal((isBack) => {
    if (stopped || !isBack(node)) return
    watch?.stop()
    open()
  })
  open()
  return {
    stop: () => {
      stopped = true
      forget()
      watch?.stop()
    },
  }
}

interface Shown {
  readonly prefix: string
  readonly onRecord: (record: RecordVersion) => void
  readonly onLive: () => void
}

export const faultyRecords = (inner: Records, state: RecordFaults, node: string): Records => ({
  storeId: inner.storeId,
  create: (chain, version, value, done) => {
    const startedAt = state.clock.monotonic()
    const { later, back } = call<Created>(state, node, 'unknown', (created) => {
      // A node that was paused hears of it too late to trust it.
      done(state.clock.monotonic() - startedAt > createValidMs ? 'unknown' : created)
    })
    later(() => inner.create(chain, version, value, back))
  },
  latest: (chain, done) => {
    const { later, back } = call<Latest>(state, node, { tag: 'failed', why: 'no answer in time' }, done)
    later(() => inner.latest(chain, back))
  },
  watch: (prefix, onRecord, onLive) => faultyWatch(inner, state, node, { prefix, onRecord, onLive }),
})
