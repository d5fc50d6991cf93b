/**
 * One journal as its only writer keeps it: read once, then one entry behind the other. A write is repeated
 * until the store has said yes, or has said that somebody else wrote the entry.
 */
import * as E from 'fp-ts/lib/Either.js'
import * as t from 'io-ts'
import { causeAsText } from '../errors.js'
import { type Backoff, backoffMs } from '../std/backoff.js'
import type { Clock } from '../std/clock.js'
import type { Pauses } from '../std/pauses.js'
import type { Random } from '../std/random.js'
import { corruptEntry, corruptSnapshot } from './failure.js'
import { isSequenceTaken, type PersistedEvent, type PersistenceEngine } from './protocol.js'

const retries: Backoff = { firstMs: 100, lastMs: 5_000, factor: 2, jitter: 0.3 }
const pageCount = 500

/** What all journals of a node share. */
export interface Store {
  readonly engine: PersistenceEngine
  readonly clock: Clock
  readonly random: Random
  readonly pauses: Pauses
  /** A name that no other writer has, for the entries of this one. */
  entryName(): string
  /** One call to the engine: when there is room for it, and at most so long. */
  call<A>(work: () => PromiseLike<A>): Promise<A>
  failed(key: string, cause: string): void
}

const entryCodec = t.type({ v: t.literal(1), by: t.string, is: t.unknown })
const snapshotCodec = t.type({ v: t.literal(1), is: t.unknown })

/** How a write ended. `foreign`: the entry is there, and somebody else wrote it. */
export type Written = 'written' | 'foreign' | 'closed'

export interface Reader {
  snapshot(is: unknown): void
  entry(is: unknown): void
}

export class Line {
  readonly #store: Store
  readonly #isClosed: () => boolean
  /** The last entry that was read or written. */
  #sequence = 0

  constructor(
    store: Store,
    readonly key: string,
    isClosed: () => boolean,
  ) {
    this.#store = store
    this.#isClosed = isClosed
  }

  /** Everything that has not been read yet. Rejects when the store does, or has what cannot be read. */
  async read(reader: Reader): Promise<void> {
    const { engine, call } = this.#store
    const { key } = this
    if (this.#sequence === 0) {
      const snapshot = await call(() => engine.latestSnapshot(key))
      if (snapshot !== undefined && snapshot !== null) {
        const { sequenceNumber: sequence, data } = snapshot
        attempt(
          () => reader.snapshot(decoded(snapshotCodec, data).is),
          (why) => corruptSnapshot({ key, sequence }, why),
        )
        this.#sequence = sequence
      }
    }
    for (;;) {
      const page = await call(() => this.#page(pageCount))
      for (const event of page) this.#take(event, reader)
      if (page.length < pageCount) return
    }
  }

  /** Resolves when it is known how it ended, however long that takes. */
  async write(is: unknown): Promise<Written> {
    const { engine, clock, random, pauses, call, failed, entryName } = this.#store
    const by = entryName()
    const entry: PersistedEvent = {
      data: { v: 1, by, is },
      sequenceNumber: this.#sequence + 1,
      key: this.key,
      createdAt: clock.now(),
      isDeleted: false,
      tags: [],
    }
    for (let failedCount = 0; !this.#isClosed(); failedCount++) {
      try {
        const writer = await this.#tryWrite(() => call(() => engine.persist(entry)))
        if (writer !== 'me' && writer !== by) return 'foreign'
        this.#sequence++
        return 'written'
      } catch (error) {
        if (!this.#isClosed()) failed(this.key, causeAsText(error))
      }
      await pauses.sleep(backoffMs(retries, failedCount, random))
    }
    return 'closed'
  }

  /** The state behind the entry that was written last. What it stands for may then be given away. */
  async snapshot(is: unknown): Promise<void> {
    const { engine, clock, call } = this.#store
    const { key } = this
    const sequenceNumber = this.#sequence
    await call(() => engine.takeSnapshot({ data: { v: 1, is }, sequenceNumber, key, createdAt: clock.now() }))
    const { discard } = engine
    if (discard !== undefined) await call(() => discard.call(engine, key, sequenceNumber))
  }

  /** Who wrote the next entry. Rejects when nobody can say. */
  async #tryWrite(persist: () => Promise<unknown>): Promise<string> {
    try {
      await persist()
      return 'me'
    } catch (error) {
      if (!isSequenceTaken(error)) throw error
      const [found] = await this.#store.call(() => this.#page(1))
      if (found?.sequenceNumber !== this.#sequence + 1) return 'somebody'
      const entry = entryCodec.decode(found.data)
      return E.isRight(entry) ? entry.right.by : 'somebody'
    }
  }

  async #page(countMax: number): Promise<readonly PersistedEvent[]> {
    return await this.#store.engine
      .events(this.key, this.#sequence, countMax)
      .reduce((all: PersistedEvent[], event) => {
        all.push(event)
        return all
      }, [])
  }

  #take({ sequenceNumber, isDeleted, data }: PersistedEvent, reader: Reader): void {
    const sequence = this.#sequence + 1
    const at = { key: this.key, sequence }
    if (sequenceNumber !== sequence)
      throw corruptEntry(at, `it is missing; the next one that is there has the number ${sequenceNumber}`)
    if (!isDeleted)
      attempt(
        () => reader.entry(decoded(entryCodec, data).is),
        (why) => corruptEntry(at, why),
      )
    this.#sequence = sequence
  }
}

const decoded = <A>(codec: t.Type<A, unknown, unknown>, data: unknown): A => {
  const found = codec.decode(data)
  if (E.isRight(found)) return found.right
  throw new TypeError('it is not in the form of this version')
}
const attempt = (run: () => void, failure: (why: string) => Error): void => {
  try {
    run()
  } catch (error) {
    throw failure(causeAsText(error))
  }
}
