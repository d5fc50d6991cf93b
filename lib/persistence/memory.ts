/** Journals in memory: for tests, and for actors whose history may end with their process. */
import {
  type EventStream,
  type PersistedEvent,
  type PersistedSnapshot,
  type PersistenceEngine,
  SequenceTaken,
} from './protocol.js'

export interface MemoryEngineOptions {
  /** Entries of all journals together; more are refused. Default 1,000,000. */
  readonly entriesCountMax?: number
}

/** An entry as text, so that nobody shares what was written. */
interface Kept {
  readonly sequence: number
  readonly text: string
}

/**
 * An engine that keeps everything in memory. Ends with the process.
 *
 * Guarantees: those of `PersistenceEngine`. Limits: `entriesCountMax`; a write beyond it rejects.
 */
export const memoryEngine = ({
  entriesCountMax = 1_000_000,
}: MemoryEngineOptions = {}): PersistenceEngine => {
  /** Each in order of its sequence numbers. */
  const journals = new Map<string, Kept[]>()
  const snapshots = new Map<string, string>()
  /** Below these numbers entries were discarded. */
  const floors = new Map<string, number>()
  let count = 0

  const events = (key: string, offset: number, limit?: number, tags?: string[]): EventStream => {
    const found: PersistedEvent[] = []
    for (const { sequence, text } of journals.get(key) ?? []) {
      if (found.length >= (limit ?? Number.POSITIVE_INFINITY)) break
      if (sequence <= offset) continue
      const event = JSON.parse(text) as PersistedEvent
      if (tags === undefined || tags.every((tag) => event.tags.includes(tag))) found.push(event)
    }
    return found
  }

  const persist = async (event: PersistedEvent): Promise<void> => {
    const { key, sequenceNumber: sequence } = event
    const journal = journals.get(key) ?? []
    const before = journal.findLastIndex((kept) => kept.sequence <= sequence)
    const isDiscarded = sequence < (floors.get(key) ?? 0)
    if (isDiscarded || journal[before]?.sequence === sequence) throw new SequenceTaken(key, sequence)
    if (count >= entriesCountMax)
      throw new Error(`${count} entries are all that this engine keeps in memory.`)
    journals.set(key, journal)
    journal.splice(before + 1, 0, { sequence, text: JSON.stringify(event) })
    count++
  }

  return {
    events,
    persist,
    latestSnapshot: async (key) => {
      const kept = snapshots.get(key)
      return kept === undefined ? undefined : (JSON.parse(kept) as PersistedSnapshot)
    },
    takeSnapshot: async (snapshot) => {
      snapshots.set(snapshot.key, JSON.stringify(snapshot))
    },
    discard: async (key, below) => {
      const journal = journals.get(key) ?? []
      const kept = journal.filter(({ sequence }) => sequence >= below)
      count -= journal.length - kept.length
      journals.set(key, kept)
      floors.set(key, Math.max(below, floors.get(key) ?? 0))
    },
  }
}
