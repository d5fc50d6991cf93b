/**
 * Keeps the records of what outlives all nodes: reads what was kept when a shard begins anew, and writes what
 * changes. Each write is a create of the next version, so a former owner that writes late is refused.
 */
import * as E from 'fp-ts/lib/Either.js'
import type { KindData } from '../api/kind.js'
import type { Config } from '../config.js'
import type { Change } from '../entity/copy.js'
import { journalHolder } from '../entity/hosting.js'
import type { NodeId } from '../ids.js'
import type { Ownership } from '../ownership/ownership.js'
import type { Shard } from '../ownership/state.js'
import type { Latest, Records } from '../records/records.js'
import type { Clock, Timer } from '../std/clock.js'
import { type Kept, keptChain, keptFromBytes, keptOf, keptToBytes, type Reminder } from './protocol.js'
import {
  beginWrite,
  type Book,
  endWrite,
  heldFrom,
  isToRestore,
  newBook,
  noted,
  releasedTo,
  wanted,
} from './state.js'

export interface KeeperOptions {
  readonly me: NodeId
  readonly clock: Clock
  readonly config: Config
  readonly records: Records
  readonly kinds: ReadonlyMap<string, KindData>
  readonly ownership: Ownership
  /** What was kept of a shard that began anew becomes part of its copy. */
  restore(shard: Shard, kept: Kept): void
  /** What it has is armed, what is to come back is started, its mail may come. */
  settled(shard: Shard, restored: Pick<Kept, 'reminders' | 'ids'> | null): void
  broken(shard: Shard, what: string): void
}

const againMs = 250
const holder = 'kept'
const holders: readonly string[] = [holder]
const journalHolders: readonly string[] = [journalHolder]
const nobody: readonly string[] = []
/** Who holds the outputs of a new owner of this kind until it knows what was kept. */
export const holdersOf = (kind: KindData | undefined): readonly string[] => {
  if (kind?.source.type === 'persisted') return journalHolders
  return kind?.reminders === true || kind?.remember === true ? holders : nobody
}

export class Keeper {
  readonly #options: KeeperOptions
  readonly #books = new Map<Shard, Book>()
  readonly #timers = new Set<Timer>()
  #nonceCount = 0

  constructor(options: KeeperOptions) {
    this.#options = options
  }

  #keeps(shard: Shard): boolean {
    return holdersOf(this.#options.kinds.get(shard.kind)) === holders
  }

  /** Its mail waits until it is known what was kept of it. */
  took(shard: Shard): void {
    if (!this.#keeps(shard)) return
    const book = newBook()
    this.#books.set(shard, book)
    shard.isLoading = true
    // What was not released yet may not be in the record either.
    book.waitingFrom = (shard.copy?.released ?? 0) + 1
    this.#hold(shard, book)
    this.#read(shard, book)
  }

  lost(shard: Shard): void {
    this.#books.delete(shard)
  }

  /** To be called before what the change lets out may leave. */
  changed(shard: Shard, change: Change, fell: Reminder | undefined): void {
    const book = this.#books.get(shard)
    if (book === undefined) return
    const isRemembered = this.#isRemembered(shard)
    if (!noted(book, change, { fell, isRemembered })) return
    this.#hold(shard, book)
    this.#soon(shard, book)
  }

  released(shard: Shard): void {
    const book = this.#books.get(shard)
    if (book === undefined) return
    if (book.restored !== null) this.#fence(shard, book)
    else if (releasedTo(book, shard.copy?.released ?? 0)) this.#soon(shard, book)
  }

  /** Too much is kept of it for one more change. */
  isFull(shard: Shard): boolean {
    return (this.#books.get(shard)?.bytes ?? 0) > this.#options.config.frameBytesMax / 2
  }

  stop(): void {
    this.#books.clear()
    for (const timer of this.#timers) timer.cancel()
    this.#timers.clear()
  }

  #isRemembered(shard: Shard): boolean {
    return this.#options.kinds.get(shard.kind)?.remember === true
  }
  #isBook(shard: Shard, book: Book): boolean {
    return this.#books.get(shard) === book
  }
  #hold(shard: Shard, book: Book): void {
    this.#options.ownership.hold(shard, holder, heldFrom(book))
  }

  /** At the end of the turn: what else changes in it goes into the same write. */
  #soon(shard: Shard, book: Book): void {
    this.#options.clock.defer(() => this.#advance(shard, book))
  }
  #later(shard: Shard, book: Book): void {
    const timer = this.#options.clock.after(againMs, () => {
      this.#timers.delete(timer)
      this.#advance(shard, book)
    })
    this.#timers.add(timer)
  }

  #advance(shard: Shard, book: Book): void {
    if (!this.#isBook(shard, book) || book.phase !== 'idle') return
    if (book.version < 0) this.#read(shard, book)
    else if (book.isStale) this.#write(shard, book)
  }

  #read(shard: Shard, book: Book): void {
    book.phase = 'reading'
    this.#options.records.latest(keptChain(shard.id), (latest) => {
      if (!this.#isBook(shard, book)) return
      book.phase = 'idle'
      if (latest.tag === 'failed') this.#later(shard, book)
      else if (this.#wasMine(latest, book)) this.#written(shard, book)
      else this.#found(shard, book, latest)
    })
  }

  /** A write whose answer was lost or late had come through. */
  #wasMine(latest: Latest, book: Book): boolean {
    if (latest.tag !== 'found' || book.nonce === '') return false
    const kept = keptFromBytes(latest.record.value)
    if (E.isLeft(kept) || kept.right.nonce !== book.nonce) return false
    book.version = latest.record.version - 1
    return true
  }
  #written(shard: Shard, book: Book): void {
    endWrite(book, true)
    this.#settle(shard, book)
    this.#hold(shard, book)
    this.#advance(shard, book)
  }

  #found(shard: Shard, book: Book, latest: Exclude<Latest, { readonly tag: 'failed' }>): void {
    if (book.writingFrom > 0) endWrite(book, false)
    const kept = latest.tag === 'found' ? keptFromBytes(latest.record.value) : null
    if (kept !== null && E.isLeft(kept)) {
      this.#options.broken(shard, kept.left)
      return
    }
    if (kept !== null && kept.right.epoch > shard.epoch) {
      // A later owner has written: what waits here is never released.
      this.#options.ownership.doubt(shard)
      this.#later(shard, book)
      return
    }
    book.version = latest.tag === 'found' ? latest.record.version : 0
    if (kept === null) {
      if (this.#isNothing(shard)) book.waitingFrom = 0
      else book.isStale = true
      this.#settle(shard, book)
    } else if (
      book.restored === null &&
      shard.isLoading &&
      isToRestore(kept.right, shard.record?.born ?? 0)
    ) {
      this.#restore(shard, book, kept.right)
      return
    } else {
      // A version of mine: from here on a former owner cannot write any more.
      book.isStale = true
      if (book.restored === null) this.#settle(shard, book)
    }
    this.#hold(shard, book)
    this.#advance(shard, book)
  }

  /** First into the mirrors, then a version that says so, then to work: so it is never lost in between. */
  #restore(shard: Shard, book: Book, kept: Kept): void {
    book.waitingFrom = 0
    this.#hold(shard, book)
    for (const id of kept.ids) book.returning.add(id)
    this.#options.restore(shard, kept)
    book.restored = { kept, seq: shard.copy?.seq ?? 0 }
    this.#fence(shard, book)
  }
  #fence(shard: Shard, book: Book): void {
    if (book.restored === null || (shard.copy?.released ?? 0) < book.restored.seq || book.isStale) return
    book.isStale = true
    this.#soon(shard, book)
  }
  #settle(shard: Shard, book: Book): void {
    if (!shard.isLoading) return
    shard.isLoading = false
    const restored = book.restored?.kept ?? null
    book.restored = null
    this.#options.settled(shard, restored)
  }

  #isNothing(shard: Shard): boolean {
    const { reminders, ids } = this.#wanted(shard, newBook())
    return reminders.length === 0 && ids.length === 0
  }
  #wanted(shard: Shard, book: Book): Pick<Kept, 'reminders' | 'ids'> {
    return wanted(book, keptOf(shard.copy?.entities.values() ?? [], this.#isRemembered(shard)))
  }

  #write(shard: Shard, book: Book): void {
    const { me, records } = this.#options
    const nonce = `${me}/kept/${++this.#nonceCount}`
    const bytes = keptToBytes({ epoch: shard.epoch, nonce, ...this.#wanted(shard, book) })
    if (E.isLeft(bytes)) {
      this.#options.broken(shard, bytes.left)
      return
    }
    book.bytes = bytes.right.byteLength
    beginWrite(book, nonce)
    records.create(keptChain(shard.id), book.version + 1, bytes.right, (outcome) => {
      if (!this.#isBook(shard, book) || book.nonce !== nonce) return
      if (outcome === 'created') this.#written(shard, book)
      else this.#read(shard, book)
    })
  }
}
