/** Journals and snapshots in JetStream. */
import * as E from 'fp-ts/lib/Either.js'
import * as t from 'io-ts'
import { ErrorCode, headers, NatsError, type NatsConnection } from 'nats'
import { complaintsOf } from '../api/complaints.js'
import { StartFailed } from '../errors.js'
import { isName } from '../ids.js'
import { apiRequest, isNotReady, JetStreamError, lacksPeers } from '../records/nats-stream.js'
import type { Clock } from '../std/clock.js'
import { type Random, token } from '../std/random.js'
import { systemClock, systemRandom } from '../std/system.js'
import type { NatsOptions } from '../transport/nats-address.js'
import { Connection } from '../transport/nats-connection.js'
import { journalStream } from '../wire/subjects.js'
import { corruptEntry } from './failure.js'
import { ensureJournalStream, findStored, readPage, type Stored } from './nats-stream.js'
import {
  type EventStream,
  type PersistedEvent,
  type PersistedSnapshot,
  type PersistenceEngine,
  SequenceTaken,
} from './protocol.js'

export interface JetStreamEngineOptions extends NatsOptions {
  /** The name of these journals, as of a cluster: it is part of their streams and subjects. */
  readonly name: string
  /** How long one call may wait for a server that is away, in milliseconds. Default 10,000. */
  readonly waitMs?: number
  readonly clock?: Clock
  readonly random?: Random
}

/** An engine with a connection of its own. */
export interface JetStreamEngine extends PersistenceEngine {
  /** Leaves nothing open. Calls under way reject. */
  close(): Promise<void>
}

const sequenceTaken = 10_071
const publishTimeoutMs = 2_000
const retryMs = 100
/** Several servers elect a leader first. */
const clusteredWaitMs = 20_000
const readCountMax = 500
const placesCountMax = 100_000
/** Only the last one is read; the others are for people. */
const snapshotsPerKey = 3

const entryCodec = t.type({
  id: t.string,
  sequence: t.number,
  createdAt: t.number,
  isDeleted: t.boolean,
  tags: t.array(t.string),
  data: t.unknown,
})
const snapshotCodec = t.intersection([
  t.type({ sequence: t.number, createdAt: t.number, data: t.unknown }),
  /** Where the journal had that entry. */
  t.partial({ place: t.number }),
])
type Entry = t.TypeOf<typeof entryCodec>

const parse = <A>(codec: t.Type<A, unknown, unknown>, text: string): E.Either<string, A> => {
  try {
    return E.mapLeft((errors: t.Errors) => complaintsOf(errors).join('; '))(codec.decode(JSON.parse(text)))
  } catch {
    return E.left('it is not JSON')
  }
}

/** Where the entry with this number is in the stream. */
interface Known {
  readonly sequence: number
  readonly place: number
}
const nothing: Known = { sequence: 0, place: 0 }

interface EngineParts {
  readonly connection: Connection
  readonly name: string
  readonly replicas: number
  readonly waitMs: number
  readonly clock: Clock
  readonly random: Random
}

class NatsEngine implements JetStreamEngine {
  readonly #parts: EngineParts
  readonly #journal
  readonly #snapshots
  /** A hint of where journals end: the server decides. */
  readonly #known = new Map<string, Known>()

  constructor(parts: EngineParts) {
    this.#parts = parts
    this.#journal = journalStream(parts.name, 'journal')
    this.#snapshots = journalStream(parts.name, 'snapshots')
  }

  events(key: string, offset: number, limit?: number, tags?: string[]): EventStream {
    const isMeant = (event: PersistedEvent): boolean =>
      tags === undefined || tags.every((tag) => event.tags.includes(tag))
    return {
      reduce: async (fn, initial) => {
        let result = initial
        let index = 0
        for await (const event of this.#read(key, offset)) {
          if (!isMeant(event)) continue
          if (index >= (limit ?? Number.POSITIVE_INFINITY)) break
          result = fn(result, event, index++)
        }
        return result
      },
    }
  }

  async persist(event: PersistedEvent): Promise<void> {
    const { key, sequenceNumber: sequence, createdAt, isDeleted, tags, data } = event
    const entry: Entry = { id: token(this.#parts.random, 16), sequence, createdAt, isDeleted, tags, data }
    const body = JSON.stringify(entry)
    /** Behind which place it was tried to be written. */
    let triedBehind: number | undefined
    await this.#retrying(async (nc) => {
      if (triedBehind !== undefined) {
        const winner = await this.#after(nc, key, triedBehind)
        if (winner?.id === entry.id) return this.#note(key, winner)
      }
      const last = await this.#lastBefore(nc, key, sequence)
      if (last.sequence >= sequence) throw new SequenceTaken(key, sequence)
      triedBehind = last.place
      this.#known.delete(key)
      const place = await publish(nc, this.#journal.subject(key), { body, behind: last.place })
      // Several servers before 2.9.21 may accept two writes behind one place: then the first one counts.
      if (this.#parts.replicas > 1 && (await this.#after(nc, key, last.place))?.id !== entry.id) {
        throw new SequenceTaken(key, sequence)
      }
      this.#note(key, { sequence, place })
    })
  }

  async latestSnapshot(key: string): Promise<PersistedSnapshot | undefined> {
    const wish = { last_by_subj: this.#snapshots.subject(key) }
    const stored = await this.#retrying((nc) => findStored(nc, this.#snapshots, wish))
    if (stored === undefined) return undefined
    const snapshot = parse(snapshotCodec, stored.text)
    if (E.isLeft(snapshot)) throw new Error(`the snapshot of "${key}" is none: ${snapshot.left}`)
    const { sequence, createdAt, data, place } = snapshot.right
    if (place !== undefined) this.#note(key, { sequence, place })
    return { data, sequenceNumber: sequence, key, createdAt }
  }

  async takeSnapshot({ data, sequenceNumber: sequence, key, createdAt }: PersistedSnapshot): Promise<void> {
    const known = this.#known.get(key)
    const place = known?.sequence === sequence ? { place: known.place } : {}
    const body = JSON.stringify({ sequence, createdAt, ...place, data })
    await this.#retrying(async (nc) => {
      const bytesMax = nc.info?.max_payload ?? Number.POSITIVE_INFINITY
      const bytes = Buffer.byteLength(body)
      if (bytes > bytesMax)
        throw new Error(`the snapshot has ${bytes} bytes, more than the ${bytesMax} that NATS takes`)
      await publish(nc, this.#snapshots.subject(key), { body })
    })
  }

  /** The entry with this number stays, because the next one is written behind it. */
  async discard(key: string, below: number): Promise<void> {
    const known = this.#known.get(key)
    if (known === undefined) return
    const wish = { subject: this.#journal.subject(key), from: 1, countMax: readCountMax }
    const { clock } = this.#parts
    let place = known.place
    if (known.sequence > below) {
      const page = await this.#retrying((nc) => readPage(nc, this.#journal, { wish, clock }))
      const first = page.find((stored) => this.#entry(key, stored).sequence >= below)
      if (first === undefined) return
      place = first.place
    }
    const filter = this.#journal.subject(key)
    await this.#retrying((nc) => apiRequest(nc, this.#journal.streamPurge, { filter, seq: place }))
  }

  close(): Promise<void> {
    return this.#parts.connection.close()
  }

  /** The entries above `offset`, in pages. */
  async *#read(key: string, offset: number): AsyncGenerator<PersistedEvent> {
    const { clock, replicas } = this.#parts
    const known = this.#known.get(key)
    let { sequence, place } = known !== undefined && known.sequence <= offset ? known : nothing
    const wish = { last_by_subj: this.#journal.subject(key) }
    const end = (await this.#retrying((nc) => findStored(nc, this.#journal, wish)))?.place ?? 0
    let isMore = end > place
    while (isMore) {
      const more = { subject: this.#journal.subject(key), from: place + 1, countMax: readCountMax }
      const page = await this.#retrying((nc) => readPage(nc, this.#journal, { wish: more, clock }))
      for (const stored of page) {
        const entry = this.#entry(key, stored, sequence)
        place = stored.place
        if (replicas > 1 && entry.sequence <= sequence) continue
        sequence = entry.sequence
        if (sequence > offset) yield eventOf(key, entry)
      }
      isMore = page.length > 0 && place < end
    }
    if (end > 0 && place >= end) this.#note(key, { sequence, place })
  }

  /** What is known to be the last before `sequence`, or the last one that there is. */
  async #lastBefore(nc: NatsConnection, key: string, sequence: number): Promise<Known> {
    const known = this.#known.get(key)
    return known?.sequence === sequence - 1 ? known : this.#last(nc, key)
  }

  async #last(nc: NatsConnection, key: string): Promise<Known> {
    const stored = await findStored(nc, this.#journal, { last_by_subj: this.#journal.subject(key) })
    if (stored === undefined) return nothing
    return { sequence: this.#entry(key, stored).sequence, place: stored.place }
  }

  /** The first entry behind a place. */
  async #after(
    nc: NatsConnection,
    key: string,
    place: number,
  ): Promise<(Known & { id: string }) | undefined> {
    const wish = { seq: place + 1, next_by_subj: this.#journal.subject(key) }
    const stored = await findStored(nc, this.#journal, wish)
    if (stored === undefined) return undefined
    const { id, sequence } = this.#entry(key, stored)
    return { id, sequence, place: stored.place }
  }

  #entry(key: string, { place, text }: Stored, before?: number): Entry {
    const entry = parse(entryCodec, text)
    if (E.isRight(entry)) return entry.right
    const why = `message ${place} of the stream ${this.#journal.stream} is no entry: ${entry.left}`
    throw corruptEntry({ key, sequence: (before ?? 0) + 1 }, why)
  }

  #note(key: string, known: Known): void {
    if (this.#known.size >= placesCountMax) this.#known.clear()
    this.#known.set(key, { sequence: known.sequence, place: known.place })
  }

  /** Again and again while the server is away or not ready, for at most `waitMs`. */
  async #retrying<A>(work: (nc: NatsConnection) => Promise<A>): Promise<A> {
    const { clock, connection, waitMs } = this.#parts
    const startedAt = clock.monotonic()
    for (;;) {
      try {
        if (connection.status() !== 'up')
          throw new NotConnected(`NATS at ${connection.where} is not connected`)
        return await work(connection.nc)
      } catch (error) {
        const isOver = connection.status() === 'closed' || clock.monotonic() - startedAt > waitMs
        if (isOver || !mayComeBack(error)) throw error
      }
      await new Promise<void>((resolve) => void clock.after(retryMs, resolve))
    }
  }
}

class NotConnected extends Error {}

/** Whether the same may succeed a little later. */
const mayComeBack = (error: unknown): boolean =>
  error instanceof NotConnected ||
  (error instanceof NatsError && error.code !== ErrorCode.MaxPayloadExceeded) ||
  isNotReady(error) ||
  (error instanceof JetStreamError && error.code === sequenceTaken)

const eventOf = (key: string, entry: Entry): PersistedEvent => ({
  data: entry.data,
  sequenceNumber: entry.sequence,
  key,
  createdAt: entry.createdAt,
  isDeleted: entry.isDeleted,
  tags: entry.tags,
})

const answerCodec = t.partial({
  seq: t.number,
  error: t.partial({ err_code: t.number, description: t.string }),
})

/** Writes one message and resolves with its place; `behind`: only if the last of its subject is there. */
const publish = async (
  nc: NatsConnection,
  subject: string,
  { body, behind }: { readonly body: string; readonly behind?: number },
): Promise<number> => {
  const expecting = headers()
  if (behind !== undefined) expecting.set('Nats-Expected-Last-Subject-Sequence', String(behind))
  const { data } = await nc.request(subject, Buffer.from(body), {
    timeout: publishTimeoutMs,
    headers: expecting,
  })
  const answer = answerCodec.decode(JSON.parse(Buffer.from(data).toString()))
  if (E.isLeft(answer)) throw new Error('JetStream answered in an unknown form')
  const { seq, error } = answer.right
  if (error === undefined && seq !== undefined) return seq
  throw new JetStreamError(error?.err_code ?? 0, error?.description ?? '')
}

/**
 * Opens an engine on JetStream, with a connection of its own.
 *
 * One stream has the entries of all journals of this name, one subject per key; a second stream has the last
 * three snapshots of each key. The fence is JetStream's "expected last sequence of this subject".
 *
 * Guarantees: those of `PersistenceEngine`. A write whose answer was lost is looked up and, if need be,
 * written again, so a server that comes back within `waitMs` is not noticed by an actor. Nothing is ever
 * deleted.
 *
 * Limits: an entry, and a snapshot, is at most what the server takes in one message, by default 1 MB. A
 * journal is read in pages of 500 entries. As with every JetStream stream, an acknowledged write is in the
 * server's file, and on its disk only after the server's next sync: give it three replicas against a loss
 * of power.
 *
 * Errors: rejects with `StartFailed`: `NoNats` or `NatsNotUsable`, as a node does.
 */
export const jetStreamEngine = async (options: JetStreamEngineOptions): Promise<JetStreamEngine> => {
  const { name, waitMs = 10_000, clock = systemClock, random = systemRandom } = options
  if (!isName(name)) {
    throw new StartFailed('InvalidConfig', 'name: expected 1 to 63 letters, digits, "-" and "_".')
  }
  const connection = await Connection.open({
    options,
    name: `tumen ${name} journals`,
    cluster: name,
    clock,
    random,
  })
  const startedAt = clock.monotonic()
  const openMs = connection.nc.info?.cluster === undefined ? waitMs : Math.max(waitMs, clusteredWaitMs)
  for (;;) {
    try {
      const wanted = options.replicas ?? (connection.nc.info?.cluster === undefined ? 1 : 3)
      const streams = [
        ['journal', -1],
        ['snapshots', snapshotsPerKey],
      ] as const
      let replicas = 1
      for (const [part, keptPerKey] of streams) {
        const wish = { replicas: wanted, keptPerKey }
        const found = await ensureJournalStream(connection.nc, journalStream(name, part), wish)
        if (part === 'journal') replicas = found
      }
      return new NatsEngine({ connection, name, replicas, waitMs, clock, random })
    } catch (error) {
      if (clock.monotonic() - startedAt > openMs || !(isNotReady(error) || lacksPeers(error))) {
        await connection.close()
        throw notUsable(connection.where, error)
      }
    }
    await new Promise<void>((resolve) => void clock.after(retryMs, resolve))
  }
}

const notUsable = (where: string, error: unknown): StartFailed => {
  const text = error instanceof Error ? error.message : String(error)
  return new StartFailed(
    'NatsNotUsable',
    `JetStream at ${where} cannot keep journals (${text}): start nats-server with -js, and see that its ` +
      'user may use JetStream.',
    error,
  )
}
