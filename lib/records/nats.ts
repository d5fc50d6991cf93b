/**
 * The record store on JetStream: one stream per cluster, one subject per version of a record, and the only
 * write is a create with "expected last sequence of this subject: 0". That expectation is checked where the
 * write is applied, so it holds with one server and with three, from 2.9.10 on.
 */
import { headers, NatsError } from 'nats'
import type { Clock } from '../std/clock.js'
import { apiSubjects, chainSubjects, parseRecordSubject, recordSubject } from '../wire/subjects.js'
import * as E from 'fp-ts/lib/Either.js'
import { type Created, createValidMs, type Latest, type Records, type Watch } from './records.js'
import { Purger } from './nats-purger.js'
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

const sequenceTaken = 10_071
const noMessageFound = 10_037
const knownCountMax = 1_000_000
/** Records over one connection; `close` ends its watches and timers. */
export class NatsRecords implements Records {
  readonly #o: NatsRecordsOptions
  readonly #purger: Purger
  readonly #watches = new Set<Watch>()
  readonly #mustBeNew = headers()
  /** A version of each chain that this node has heard of: a hint, never an answer. */
  readonly #known = new Map<string, number>()
  #created: string

  constructor(options: NatsRecordsOptions) {
    this.#o = options
    this.#created = options.stream.created
    this.#mustBeNew.set('Nats-Expected-Last-Subject-Sequence', '0')
    this.#purger = new Purger(options.clock, (chain, sequence) =>
      apiRequest(options.connection.nc, apiSubjects(options.cluster).streamPurge, {
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
        if (answer !== 'unknown') this.#noteVersion(chain, version)
        if (typeof answer !== 'number') return done(answer)
        if (version > 1) this.#purger.add(chain, answer)
        done(clock.monotonic() - startedAt > createValidMs ? 'unknown' : 'created')
      },
      () => done('unknown'),
    )
  }

  latest(chain: string, done: (latest: Latest) => void): void {
    const { clock, connection } = this.#o
    if (connection.status() !== 'up')
      return clock.defer(() => done({ tag: 'failed', why: 'NATS is not connected' }))
    this.#findLatest(chain).then(done, (error: unknown) => {
      const why = error instanceof NatsError || error instanceof JetStreamError ? error.message : 'no answer'
      done({ tag: 'failed', why })
    })
  }

  watch: Records['watch'] = (prefix, onRecord, onLive) => {
    const { connection, cluster, clock } = this.#o
    const refresh = async (): Promise<string> => {
      this.#created = (await ensureStream(connection.nc, cluster, this.#o.stream.replicas)).created
      return this.#created
    }
    const show: typeof onRecord = (record) => {
      this.#noteVersion(record.chain, record.version)
      onRecord(record)
    }
    const watch = watchStream({ connection, cluster, clock, prefix, onRecord: show, onLive, refresh })
    this.#watches.add(watch)
    return {
      stop: () => {
        this.#watches.delete(watch)
        watch.stop()
      },
    }
  }

  /** A version that exists or existed. */
  #noteVersion(chain: string, version: number): void {
    if ((this.#known.get(chain) ?? 0) >= version) return
    if (this.#known.size >= knownCountMax) this.#known.clear()
    this.#known.set(chain, version)
  }

  /**
   * The server looks through all records for the last of a chain, but finds one version at once. So the
   * version that is known is looked up together with the next one: when that is not there, it is the last.
   */
  async #findLatest(chain: string): Promise<Latest> {
    const { cluster } = this.#o
    for (;;) {
      const version = this.#known.get(chain)
      if (version === undefined) break
      const [known, next] = await Promise.all([
        this.#find(recordSubject(cluster, chain, version)),
        this.#find(recordSubject(cluster, chain, version + 1)),
      ])
      if (next.tag === 'none' && known.tag === 'found') return known
      if (next.tag !== 'found') break
      this.#noteVersion(chain, version + 1)
    }
    const found = await this.#find(chainSubjects(cluster, chain))
    if (found.tag === 'found') this.#known.set(chain, found.record.version)
    return found
  }

  /** Answered by the leader of the stream: direct gets, which any replica answers, are not allowed on it. */
  async #find(subject: string): Promise<Latest> {
    const { cluster, connection } = this.#o
    try {
      return latestOf(
        cluster,
        await apiRequest(connection.nc, apiSubjects(cluster).messageGet, { last_by_subj: subject }),
      )
    } catch (error) {
      if (error instanceof JetStreamError && error.code === noMessageFound) return { tag: 'none' }
      throw error
    }
  }

  close(): void {
    this.#purger.stop()
    for (const watch of this.#watches) watch.stop()
    this.#watches.clear()
  }
}

const jsonOf = (data: Uint8Array): unknown => {
  try {
    return JSON.parse(Buffer.from(data).toString())
  } catch {
    return {}
  }
}

/** The sequence in the stream, or why there is none. */
const publishAnswer = (data: Uint8Array): number | Created => {
  const answer = jsonOf(data) as { seq?: number; error?: { err_code?: number } }
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
