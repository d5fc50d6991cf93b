/**
 * The state of a persistent actor during one life, and its journal: replayed at the start, written ahead of
 * everything that others see.
 */
import * as E from 'fp-ts/lib/Either.js'
import { deepFreeze, freezing } from '../api/diagnostics.js'
import type { AnyCodec } from '../api/spec.js'
import { type Answer, Answers } from './answered.js'
import {
  decodeEntry,
  decodeSnapshot,
  encodeEntry,
  encodeSnapshot,
  type Entry,
  entryBytesMax,
  eventsCountMax,
} from './entry.js'
import {
  corruptEntry,
  corruptSnapshot,
  doesNotFit,
  JournalFailed,
  loadFailed,
  taken,
  tooLarge,
  writeFailed,
} from './failure.js'
import { isSequenceTaken, type PersistedEvent, type PersistenceEngine } from './protocol.js'

export interface JournalParts {
  readonly key: string
  readonly engine: PersistenceEngine
  readonly events: AnyCodec
  readonly state: AnyCodec
  readonly init: () => unknown
  readonly apply: (state: unknown, event: unknown) => unknown
  readonly snapshotEveryCount: number
}

/** Entries that are held in memory at once during a replay. */
const pageCount = 500

const frozen = (state: unknown): unknown => (freezing.on ? deepFreeze(state) : state)
const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

export class Journal {
  readonly #parts: JournalParts
  #state: unknown
  readonly #answers = new Answers()
  /** The last entry that is in the state. */
  #sequence = 0
  /** The last entry for which a snapshot was tried. */
  #snapshotSequence = 0
  #snapshotting: Promise<void> | undefined
  /** Whether a timer for the next snapshot is set. */
  isTimed = false

  private constructor(parts: JournalParts) {
    this.#parts = parts
    this.#state = frozen(parts.init())
  }

  get state(): unknown {
    return this.#state
  }
  /** Entries behind the last snapshot. */
  get unsavedCount(): number {
    return this.#sequence - this.#snapshotSequence
  }

  /** Replays what the engine has: the last snapshot, then every entry behind it. Changes nothing there. */
  static async load(parts: JournalParts): Promise<Journal> {
    const journal = new Journal(parts)
    try {
      await journal.#loadSnapshot()
      let isMore = true
      while (isMore) isMore = await journal.#loadPage()
      return journal
    } catch (error) {
      const { key } = parts
      throw error instanceof JournalFailed ? error : loadFailed({ key, sequence: journal.#sequence }, error)
    }
  }

  /**
   * Decides what the state will be, then writes. The state changes when the engine has confirmed; a write
   * that failed leaves it, and the caller has to end this life, for only a replay can tell what was kept.
   */
  async record(entry: Entry, after: unknown, now: number): Promise<void> {
    const { key, engine } = this.#parts
    const sequence = this.#sequence + 1
    const data = this.#encode(entry, sequence)
    try {
      await engine.persist({
        data,
        sequenceNumber: sequence,
        key,
        createdAt: now,
        isDeleted: false,
        tags: [],
      })
    } catch (error) {
      const at = { key, sequence }
      throw isSequenceTaken(error) ? taken(at, error) : writeFailed(at, error)
    }
    this.#sequence = sequence
    this.#state = after
    if (entry.answer !== undefined) this.#answers.add(entry.answer)
  }

  /** What an ask was answered with, in this life or an earlier one. */
  answered(reqId: string, tag: string): Answer | undefined {
    return this.#answers.find(reqId, tag)
  }

  /** The state after these events. A throw of `apply` comes before anything is written. */
  after(events: readonly unknown[]): unknown {
    let { state } = this
    for (const event of events) state = frozen(this.#parts.apply(state, frozen(event)))
    return state
  }

  get isSnapshotDue(): boolean {
    return this.unsavedCount >= this.#parts.snapshotEveryCount
  }

  /**
   * Writes the present state beside the journal, one at a time, while the actor goes on. When it fails the
   * journal is still whole, so it is only told, and tried again after as many entries.
   */
  takeSnapshot(now: number, failed: (error: unknown) => void): void {
    if (this.#snapshotting !== undefined || this.unsavedCount === 0) return
    const { key, engine, state: codec } = this.#parts
    const sequenceNumber = this.#sequence
    this.#snapshotSequence = sequenceNumber
    const encoded = encodeSnapshot(codec, { state: this.#state, answers: this.#answers.all() })
    if (E.isLeft(encoded)) {
      failed(doesNotFit({ key, sequence: sequenceNumber }, 'The state', encoded.left))
      return
    }
    const data = encoded.right
    const write = async (): Promise<void> => {
      try {
        await engine.takeSnapshot({ data, sequenceNumber, key, createdAt: now })
      } catch (error) {
        failed(error)
      }
      this.#snapshotting = undefined
    }
    this.#snapshotting = write()
  }

  /** Waits for the snapshot that is being written. */
  async settled(): Promise<void> {
    await this.#snapshotting
  }

  #encode(entry: Entry, sequence: number): unknown {
    const at = { key: this.#parts.key, sequence }
    const { events } = entry
    if (events.length > eventsCountMax) throw tooLarge(at, events.length, eventsCountMax, 'events')
    const encoded = encodeEntry(this.#parts.events, entry)
    if (E.isLeft(encoded)) throw doesNotFit(at, 'An event', encoded.left)
    const { data, bytes } = encoded.right
    if (bytes > entryBytesMax) throw tooLarge(at, bytes, entryBytesMax, 'bytes')
    return data
  }

  async #loadSnapshot(): Promise<void> {
    const { key, engine, state: codec } = this.#parts
    const snapshot = (await engine.latestSnapshot(key)) ?? undefined
    if (snapshot === undefined) return
    const at = { key, sequence: snapshot.sequenceNumber }
    if (!Number.isSafeInteger(at.sequence) || at.sequence < 1) {
      throw corruptSnapshot(at, 'sequenceNumber: expected a whole number, 1 or more')
    }
    if (snapshot.key !== key) throw corruptSnapshot(at, 'it is of another key')
    const read = decodeSnapshot(codec, snapshot.data)
    if (E.isLeft(read)) throw corruptSnapshot(at, read.left.join('; '))
    this.#state = frozen(read.right.state)
    for (const answer of read.right.answers) this.#answers.add(answer)
    this.#sequence = at.sequence
    this.#snapshotSequence = at.sequence
  }

  /** False when there was nothing more. */
  async #loadPage(): Promise<boolean> {
    const { key, engine } = this.#parts
    const page = await engine
      .events(key, this.#sequence, pageCount)
      .reduce((all: PersistedEvent[], event) => {
        all.push(event)
        return all
      }, [])
    for (const event of page) this.#replay(event)
    return page.length > 0
  }

  #replay(entry: PersistedEvent): void {
    const { key, events: codec } = this.#parts
    const sequence = this.#sequence + 1
    const at = { key, sequence }
    const { sequenceNumber } = entry
    if (sequenceNumber !== sequence) {
      throw corruptEntry(at, `it is missing; the next one that is there has the number ${sequenceNumber}`)
    }
    if (entry.key !== key) throw corruptEntry(at, 'it is of another key')
    this.#sequence = sequence
    if (entry.isDeleted) return
    const decoded = decodeEntry(codec, entry.data)
    if (E.isLeft(decoded)) throw corruptEntry(at, decoded.left.join('; '))
    try {
      this.#state = this.after(decoded.right.events)
    } catch (error) {
      throw corruptEntry(at, `apply threw: ${textOf(error)}`, error)
    }
    if (decoded.right.answer !== undefined) this.#answers.add(decoded.right.answer)
  }
}
