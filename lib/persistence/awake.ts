/**
 * The ids of one shard whose timers or commands must go on by themselves: kept in a journal of their own, so
 * that whoever owns the shard next can wake them without knowing all others.
 */
import * as E from 'fp-ts/lib/Either.js'
import * as t from 'io-ts'
import { backoffMs } from '../std/backoff.js'
import { Line, type Store } from './line.js'

const entryCodec = t.type({ add: t.array(t.string), remove: t.array(t.string) })
const snapshotCodec = t.array(t.string)
/** Entries between two snapshots. */
const snapshotEveryCount = 200
const retries = { firstMs: 100, lastMs: 5_000, factor: 2, jitter: 0.3 }

export class Awake {
  readonly #store: Store
  readonly #key: string
  readonly #isClosed: () => boolean
  /** As it is in the journal. */
  #ids = new Set<string>()
  readonly #wanted = new Map<string, (() => void)[]>()
  readonly #unwanted = new Set<string>()
  #line: Line | null = null
  #isWriting = false
  #entriesCount = 0

  constructor(store: Store, key: string, isClosed: () => boolean) {
    this.#store = store
    this.#key = key
    this.#isClosed = isClosed
  }

  /** The ids; resolves when they could be read. */
  async begin(): Promise<readonly string[]> {
    await this.#read()
    void this.#pump()
    return [...this.#ids]
  }

  has(id: string): boolean {
    return this.#ids.has(id) && !this.#unwanted.has(id)
  }
  ids(): Iterable<string> {
    return this.#ids
  }

  /** Calls `done` when the id is in the journal. */
  add(id: string, done: () => void): void {
    if (this.has(id)) return done()
    const waiting = this.#wanted.get(id) ?? []
    waiting.push(done)
    this.#wanted.set(id, waiting)
    void this.#pump()
  }
  /** At some time; nobody waits for it. */
  remove(id: string): void {
    if (!this.#wanted.has(id)) this.#unwanted.add(id)
    void this.#pump()
  }

  async #read(): Promise<void> {
    const { failed, pauses, random } = this.#store
    for (let failedCount = 0; !this.#isClosed(); failedCount++) {
      const line = new Line(this.#store, this.#key, this.#isClosed)
      const ids = new Set<string>()
      try {
        await line.read({
          snapshot: (is) => {
            for (const id of decoded(snapshotCodec, is)) ids.add(id)
          },
          entry: (is) => {
            const { add, remove } = decoded(entryCodec, is)
            for (const id of remove) ids.delete(id)
            for (const id of add) ids.add(id)
          },
        })
        this.#line = line
        this.#ids = ids
        return
      } catch (error) {
        if (!this.#isClosed()) failed(this.#key, error instanceof Error ? error.message : String(error))
      }
      await pauses.sleep(backoffMs(retries, failedCount, random))
    }
  }

  async #pump(): Promise<void> {
    if (this.#isWriting) return
    this.#isWriting = true
    while (this.#line !== null && this.#needsWriting() && !this.#isClosed()) {
      const add = new Map(this.#wanted)
      this.#wanted.clear()
      for (const id of add.keys()) this.#unwanted.delete(id)
      // Until it is written they are neither in nor out.
      const remove = [...this.#unwanted]
      const written = await this.#line.write({ add: [...add.keys()], remove })
      if (written === 'foreign') {
        // A former owner was still writing: what it wrote comes first, and mine behind it.
        for (const [id, waiting] of add) this.#wanted.set(id, [...(this.#wanted.get(id) ?? []), ...waiting])
        await this.#read()
      } else if (written === 'written') {
        for (const id of remove) if (this.#unwanted.delete(id)) this.#ids.delete(id)
        for (const id of add.keys()) this.#ids.add(id)
        for (const waiting of add.values()) for (const done of waiting) done()
        if (++this.#entriesCount % snapshotEveryCount === 0) await this.#snapshot(this.#line)
      }
    }
    this.#isWriting = false
  }

  /** What is in the journal already needs no entry. */
  #needsWriting(): boolean {
    for (const [id, waiting] of this.#wanted) {
      if (!this.has(id)) continue
      this.#wanted.delete(id)
      for (const done of waiting) done()
    }
    return this.#wanted.size + this.#unwanted.size > 0
  }

  /** Without it the journal is longer, and as good. */
  async #snapshot(line: Line): Promise<void> {
    await line.snapshot([...this.#ids]).catch(() => undefined)
  }
}

const decoded = <A>(codec: t.Type<A, unknown, unknown>, is: unknown): A => {
  const found = codec.decode(is)
  if (E.isRight(found)) return found.right
  throw new TypeError('it does not hold ids')
}
