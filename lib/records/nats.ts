/**
 * The record store on JetStream: one stream per cluster, one subject per version of a record, and the only
 * write is a create with "expected last sequence of this subject: 0". That expectation is checked where the
 * write is applied, so it holds with one server and with three, from 2.9.10 on.
 */
import { headers, NatsError } from 'nats'
import type { Clock, Timer } from '../std/clock.js'
import { apiSubjects, chainSubjects, parseRecordSubject, recordSubject } from '../wire/subjects.js'
import * as E from 'fp-ts/lib/Either.js'
import {
  type Created,
  createValidMs,
  type Latest,
  purgeAfterMs,
  type Records,
  type Watch,
} from './records.js'
import { watchStream } from './nats-watch.js'
import {
  apiRequest,
  ensureStream,
  JetStreamError,
  type RecordsConnection,
  type StreamFacts,
} from './nats-stream.js'

interface NatsRecordsOptions {
  readonly connection: RecordsConnection
  readonly cluster: string
  readonly clock: Clock
  readonly stream: StreamFacts
}

interface Superseded {
  readonly chain: string
  /** Everything of the chain before this sequence of the stream is superseded. */
  readonly sequence: number
  readonly dueAt: number
}

const sequenceTaken = 10_071
const noMessageFound = 10_037
const purgeEveryMs = 1_000
/** Chains purged per `purgeEveryMs`: after a takeover of thousands the store has other things to do. */
const purgesAtOnceMax = 50
const supersededCountMax = 100_000

/** An ordered list of what is to be purged; a chain's newest due entry stands for its older ones. */
class Purger {
  #waiting: Superseded[] = []
  #timer: Timer | undefined
  #stopped = false

  constructor(
    readonly clock: Clock,
    readonly purge: (chain: string, sequence: number) => Promise<unknown>,
  ) {}

  add(chain: string, sequence: number): void {
    // What is left out here is purged with the chain's next version.
    if (this.#stopped || this.#waiting.length >= supersededCountMax) return
    this.#waiting.push({ chain, sequence, dueAt: this.clock.monotonic() + purgeAfterMs })
    this.#arm(purgeAfterMs)
  }

  stop(): void {
    this.#stopped = true
    this.#waiting = []
    this.#timer?.cancel()
  }

  #arm(delayMs: number): void {
    this.#timer ??= this.clock.after(delayMs, () => {
      this.#timer = undefined
      void this.#run()
    })
  }

  async #run(): Promise<void> {
    const now = this.clock.monotonic()
    const due = new Map<string, number>()
    let count = 0
    for (const { chain, sequence, dueAt } of this.#waiting) {
      if (dueAt > now || (due.size >= purgesAtOnceMax && !due.has(chain))) break
      due.set(chain, sequence)
      count++
    }
    this.#waiting.splice(0, count)
    for (const [chain, sequence] of due) {
      if (this.#stopped) return
      await this.purge(chain, sequence)
    }
    const next = this.#waiting[0]
    if (next !== undefined && !this.#stopped)
      this.#arm(Math.max(purgeEveryMs, next.dueAt - this.clock.monotonic()))
  }
}

/** Records over one connection; `close` ends its watches and timers. */
export class NatsRecords implements Records {
  readonly #o: NatsRecordsOptions
  readonly #purger: Purger
  readonly #watches = new Set<Watch>()
  readonly #mustBeNew = headers()
  #created: string

  constructor(options: NatsRecordsOptions) {
    this.#o = options
    this.#created = options.stream.created
    this.#mustBeNew.set('Nats-Expected-Last-Subject-Sequence', '0')
    const { nc } = options.connection
    this.#purger = new Purger(options.clock, (chain, sequence) =>
      apiRequest(nc, apiSubjects(options.cluster).streamPurge, {
        filter: chainSubjects(options.cluster, chain),
        seq: sequence,
      }).catch(() => undefined),
    )
  }

  get storeId(): string {
    return String(Date.parse(this.#created))
  }

  create(chain: string, version: number, value: Uint8Array, done: (outcome: Created) => void): void {
    const { clock, connection, cluster } = this.#o
    const startedAt = clock.monotonic()
    if (connection.status() !== 'up') return clock.defer(() => done('unknown'))
    const options = { timeout: createValidMs, headers: this.#mustBeNew }
    connection.nc.request(recordSubject(cluster, chain, version), value, options).then(
      ({ data }) => {
        const answer = publishAnswer(data)
        if (typeof answer !== 'number') return done(answer)
        if (version > 1) this.#purger.add(chain, answer)
        done(clock.monotonic() - startedAt > createValidMs ? 'unknown' : 'created')
      },
      () => done('unknown'),
    )
  }

  latest(chain: string, done: (latest: Latest) => void): void {
    const { clock, connection, cluster } = this.#o
    if (connection.status() !== 'up')
      return clock.defer(() => done({ tag: 'failed', why: 'NATS is not connected' }))
    // Answered by the leader of the stream: direct gets, which any replica answers, are not allowed on it.
    apiRequest(connection.nc, apiSubjects(cluster).messageGet, {
      last_by_subj: chainSubjects(cluster, chain),
    }).then(
      (answer) => done(latestOf(cluster, answer)),
      (error: unknown) => done(latestError(error)),
    )
  }

  watch: Records['watch'] = (prefix, onRecord, onLive) => {
    const { connection, cluster, clock } = this.#o
    const refresh = async (): Promise<string> => {
      this.#created = (await ensureStream(connection.nc, cluster, this.#o.stream.replicas)).created
      return this.#created
    }
    const watch = watchStream({ connection, cluster, clock, prefix, onRecord, onLive, refresh })
    this.#watches.add(watch)
    return {
      stop: () => {
        this.#watches.delete(watch)
        watch.stop()
      },
    }
  }

  close(): void {
    this.#purger.stop()
    for (const watch of this.#watches) watch.stop()
    this.#watches.clear()
  }
}

/** The sequence in the stream, or why there is none. */
const publishAnswer = (data: Uint8Array): number | Created => {
  const answer = JSON.parse(Buffer.from(data).toString()) as { seq?: number; error?: { err_code?: number } }
  if (answer.error === undefined && typeof answer.seq === 'number') return answer.seq
  return answer.error?.err_code === sequenceTaken ? 'taken' : 'unknown'
}

const latestOf = (cluster: string, answer: unknown): Latest => {
  const { message } = answer as { message?: { subject?: string; data?: string } }
  const named = parseRecordSubject(cluster, message?.subject ?? '')
  if (E.isLeft(named)) return { tag: 'failed', why: named.left }
  const value = new Uint8Array(Buffer.from(message?.data ?? '', 'base64'))
  return { tag: 'found', record: { ...named.right, value } }
}

const latestError = (error: unknown): Latest => {
  if (error instanceof JetStreamError && error.code === noMessageFound) return { tag: 'none' }
  const why = error instanceof NatsError || error instanceof JetStreamError ? error.message : 'no answer'
  return { tag: 'failed', why }
}
