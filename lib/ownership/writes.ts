/** Reads and writes of shard records, bounded: takeovers first, changes of in-sync sets behind them. */
import type { ShardId } from '../ids.js'
import type { Reached } from '../limits.js'
import type { Created, Latest, Records } from '../records/records.js'
import { recordToBytes, shardChain } from './protocol.js'
import type { Writing } from './state.js'

interface Job {
  readonly shard: ShardId
  readonly run: (done: () => void) => void
}

export interface WritesOptions {
  readonly records: Records
  /** Monotonic milliseconds. */
  readonly now: () => number
  readonly countMax: number
  readonly reached: Pick<Reached, 'recordWritesCountMax'>
  readonly onWritten: (shard: ShardId, nonce: string, outcome: Created) => void
  readonly onLatest: (shard: ShardId, latest: Latest) => void
}

export interface Writes {
  write(shard: ShardId, writing: Writing): void
  read(shard: ShardId): void
  /** Whether an answer about this shard is still to come. */
  isBusy(shard: ShardId): boolean
  readonly waitingCount: number
  /** When the latest question that the store has answered was asked. */
  readonly provenAt: number
  /** Asks it something, unless that is under way. */
  prove(shard: ShardId): void
}

export const createWrites = (options: WritesOptions): Writes => {
  const { records, now, countMax } = options
  const urgent: Job[] = []
  const patient: Job[] = []
  const busy = new Map<ShardId, number>()
  let running = 0
  let provenAt = Number.NEGATIVE_INFINITY
  let isProving = false

  const add = (shard: ShardId, by: 1 | -1): void => {
    const count = (busy.get(shard) ?? 0) + by
    if (count === 0) busy.delete(shard)
    else busy.set(shard, count)
  }
  const pump = (): void => {
    while (running < countMax) {
      const job = urgent.shift() ?? patient.shift()
      if (job === undefined) return
      running++
      job.run(() => {
        running--
        add(job.shard, -1)
        pump()
      })
    }
  }
  const submit = (queue: Job[], job: Job): void => {
    if (running >= countMax) options.reached.recordWritesCountMax++
    add(job.shard, 1)
    queue.push(job)
    pump()
  }
  return {
    write: (shard, writing) =>
      submit(writing.purpose === 'set' ? patient : urgent, {
        shard,
        run: (done) =>
          records.create(shardChain(shard), writing.version, recordToBytes(writing.record), (outcome) => {
            done()
            options.onWritten(shard, writing.record.nonce, outcome)
          }),
      }),
    read: (shard) => {
      if (busy.has(shard)) return
      submit(urgent, {
        shard,
        run: (done) =>
          records.latest(shardChain(shard), (latest) => {
            done()
            options.onLatest(shard, latest)
          }),
      })
    },
    prove: (shard) => {
      if (isProving) return
      isProving = true
      const askedAt = now()
      records.latest(shardChain(shard), (latest) => {
        isProving = false
        if (latest.tag !== 'failed') provenAt = Math.max(provenAt, askedAt)
      })
    },
    get provenAt() {
      return provenAt
    },
    isBusy: (shard) => busy.has(shard),
    get waitingCount() {
      return urgent.length + patient.length
    },
  }
}
