/**
 * The journals of the persisted entities of one owned shard: one per id, read when the entity is spoken to,
 * written in order. Changes that come while an entry is being written go into the next one together.
 */
import * as E from 'fp-ts/lib/Either.js'
import * as t from 'io-ts'
import { changeFromWire, changeToWire, isChangeRow } from '../entity/change-row.js'
import {
  addReplies,
  applyChange,
  type Change,
  type EntityCopy,
  entityFromWire,
  entityToWire,
  forgetReplies,
} from '../entity/copy.js'
import type { LoadedEntity, ShardJournals, ShardJournalsEvents } from '../entity/hosting.js'
import { formatAddress } from '../ids.js'
import type { Wire } from '../wire/envelope.js'
import { sizeOf } from '../wire/size.js'
import { Awake } from './awake.js'
import { fromJson, type Json, toJson } from './exact-json.js'
import { Line, type Store } from './line.js'

/** What goes into one entry with others; a longer change has an entry of its own. */
const batchBytes = 128 * 1024
/** The longest change: what JetStream takes in one message, less what encoding adds. */
const changeBytesMax = 640 * 1024

export interface EntityJournalsOptions {
  readonly kind: string
  /** Its number, as part of the key of what is awake. */
  readonly index: number
  readonly store: Store
  readonly snapshotEveryCount: number
  readonly repliesCountMax: number
  readonly on: ShardJournalsEvents
}

interface Pending {
  readonly seq: number
  readonly row: Wire
  readonly bytes: number
  readonly needsWaking: boolean
}

interface EntityJournal {
  readonly line: Line
  pending: Pending[]
  /** Those of the entry that is being written. */
  writing: readonly Pending[]
  isWriting: boolean
  entity: EntityCopy | null
  unsavedCount: number
}

const needsWaking = ({ timers, outbox }: EntityCopy): boolean => timers.size + outbox.size > 0
const rows = t.array(t.unknown)

export class EntityJournals implements ShardJournals {
  readonly #options: EntityJournalsOptions
  readonly #journals = new Map<string, EntityJournal>()
  readonly #awake: Awake
  #isClosed = false

  constructor(options: EntityJournalsOptions) {
    this.#options = options
    const { kind, index, store, on } = options
    this.#awake = new Awake(store, `$awake/${kind}/${index}`, () => this.#isClosed)
    void this.#awake.begin().then((ids) => {
      if (!this.#isClosed) on.awake(ids)
    })
  }

  async load(id: string): Promise<LoadedEntity> {
    const { kind, store, repliesCountMax } = this.#options
    const line = new Line(store, formatAddress(kind, id), () => this.#isClosed)
    const entities = new Map<string, EntityCopy>()
    let unsavedCount = 0
    await line.read({
      snapshot: (is) => {
        entities.set(id, settled(entityFromWire(fromJson(is as Json))))
      },
      entry: (is) => {
        for (const row of changesIn(is)) {
          unsavedCount++
          applyChange(entities, { ...changeFromWire(row), id, seq: 0 }, repliesCountMax)
        }
      },
    })
    const entity = entities.get(id) ?? null
    const fresh = { pending: [], writing: [], isWriting: false }
    const begin = (): void => {
      this.#journals.set(id, { line, entity, unsavedCount, ...fresh })
      if (entity !== null && needsWaking(entity)) this.#awake.add(id, () => undefined)
    }
    return { entity, begin }
  }

  fits(change: Change): boolean {
    return sizeOf(rowOf(change)) <= changeBytesMax
  }

  append(entity: EntityCopy, change: Change): void {
    const journal = this.#journals.get(entity.id)
    if (journal === undefined) throw new TypeError(`${entity.id} is written before it was read`)
    const row = rowOf(change)
    journal.entity = entity
    const { seq } = change
    journal.pending.push({ seq, row, bytes: sizeOf(row), needsWaking: needsWaking(entity) })
    if (!journal.isWriting) void this.#pump(entity.id, journal)
  }

  unload(id: string): boolean {
    const journal = this.#journals.get(id)
    if (journal?.isWriting === true || this.#awake.has(id)) return false
    this.#journals.delete(id)
    return true
  }

  sweep(): void {
    for (const id of this.#awake.ids()) {
      const journal = this.#journals.get(id)
      if (journal === undefined || journal.isWriting || !this.#awake.has(id)) continue
      if (journal.entity === null || !needsWaking(journal.entity)) this.#awake.remove(id)
    }
  }

  close(): void {
    this.#isClosed = true
  }

  async #pump(id: string, journal: EntityJournal): Promise<void> {
    journal.isWriting = true
    while (journal.pending.length > 0 && !this.#isClosed) {
      if (journal.pending.some((one) => one.needsWaking) && !this.#awake.has(id))
        await new Promise<void>((resolve) => this.#awake.add(id, resolve))
      const batch = takeBatch(journal)
      const snapshot = this.#snapshotAfter(journal, batch.length)
      const written = await journal.line.write(batch.map(({ row }) => toJson(row)))
      if (this.#isClosed) return
      if (written === 'foreign') return this.#isForeign(id, journal)
      journal.unsavedCount += batch.length
      this.#options.on.written(batch.map(({ seq }) => seq))
      journal.writing = []
      if (snapshot !== undefined) await this.#save(journal, snapshot)
    }
    journal.isWriting = false
  }

  /** What is kept here is not what the journal has: it is read again before the entity goes on. */
  #isForeign(id: string, journal: EntityJournal): void {
    this.#journals.delete(id)
    this.#options.on.foreign(
      id,
      [...journal.writing, ...journal.pending].map(({ seq }) => seq),
    )
  }

  /** The copy is what it will be after this entry only while nothing else waits. */
  #snapshotAfter({ pending, entity, unsavedCount }: EntityJournal, count: number): Json | undefined {
    const isDue = unsavedCount + count >= this.#options.snapshotEveryCount
    return isDue && pending.length === 0 && entity !== null ? toJson(entityToWire(entity)) : undefined
  }

  /** When it fails the journal is still whole: it is tried again after as many changes. */
  async #save(journal: EntityJournal, snapshot: Json): Promise<void> {
    journal.unsavedCount = 0
    await journal.line.snapshot(snapshot).catch((error: unknown) => {
      this.#options.store.failed(journal.line.key, error instanceof Error ? error.message : String(error))
    })
  }
}

/** Outputs leave when the change is written; nobody sends them again from here. */
const rowOf = (change: Change): Wire => changeToWire({ ...change, outputs: [] })

const takeBatch = (journal: EntityJournal): readonly Pending[] => {
  let bytes = 0
  const first = journal.pending.findIndex((one) => {
    bytes += one.bytes
    return bytes > batchBytes
  })
  const count = first < 0 ? journal.pending.length : Math.max(1, first)
  journal.writing = journal.pending.slice(0, count)
  journal.pending = journal.pending.slice(count)
  return journal.writing
}

const changesIn = (is: unknown): readonly Wire[] => {
  const found = rows.decode(is)
  if (E.isLeft(found)) throw new TypeError('it does not hold changes')
  const changes = found.right.map((row) => fromJson(row as Json))
  if (!changes.every(isChangeRow)) throw new TypeError('it does not hold changes')
  return changes
}

/** Everything in it is written, so nothing of it waits for a change of this shard. */
const settled = (entity: EntityCopy): EntityCopy => {
  const replies = new Map([...entity.replies].map(([reqId, kept]) => [reqId, { ...kept, seq: 0 }]))
  forgetReplies(entity)
  addReplies(entity, replies)
  return entity
}
