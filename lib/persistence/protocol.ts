/**
 * What a journal asks of a store: nact's persistence-engine interface, in types of our own, so that an engine
 * made for nact serves here and ours serve nact's persistent actors.
 */

/** One entry of a journal. Per key the sequence numbers begin with 1 and have no gap. */
export interface PersistedEvent {
  /** What JSON can hold. */
  readonly data: unknown
  readonly sequenceNumber: number
  readonly key: string
  /** Milliseconds since 1970. */
  readonly createdAt: number
  /** Keeps its number and is left out of replays. */
  readonly isDeleted: boolean
  /** In alphabetical order. */
  readonly tags: string[]
}

/** The state after the entry with this number. */
export interface PersistedSnapshot {
  readonly data: unknown
  readonly sequenceNumber: number
  readonly key: string
  /** Milliseconds since 1970. */
  readonly createdAt: number
}

/** An array, or something lazy that calls `fn` for one entry after the other. */
export interface EventStream {
  reduce<A>(fn: (before: A, event: PersistedEvent, index: number) => A, initial: A): A | PromiseLike<A>
}

/**
 * Keeps journals and snapshots.
 *
 * Guarantees that an engine has to give: when `persist` resolves the entry is kept; of two writes of one key
 * and sequence number at most one resolves, and the other rejects with an error whose `code` is
 * `SequenceTaken`, or PostgreSQL's 23505. Any other rejection says nothing about whether the entry was kept.
 */
export interface PersistenceEngine {
  /** Entries of `key` with a number above `offset`, in order, at most `limit` of them. */
  events(key: string, offset: number, limit?: number, tags?: string[]): EventStream
  latestSnapshot(key: string): PromiseLike<PersistedSnapshot | undefined>
  persist(event: PersistedEvent): PromiseLike<unknown>
  takeSnapshot(snapshot: PersistedSnapshot): PromiseLike<unknown>
  /**
   * Not in nact's interface, and an engine may leave it out: entries of `key` below this number are in a
   * snapshot and will not be read again, so they may be removed. Their numbers stay taken, and the entry with
   * this number stays.
   */
  discard?(key: string, below: number): PromiseLike<unknown>
}

/** Where the last owner of a shard leaves what it had. */
export interface SnapshotStore {
  /** In place of what is there under this name. */
  write(name: string, text: string): PromiseLike<void>
  read(name: string): PromiseLike<string | undefined>
  remove(name: string): PromiseLike<void>
  /** Keeps what cannot be used under another name, with this mark in it, and resolves with that name. */
  setAside(name: string, mark: string): PromiseLike<string>
}

/** What an engine of ours rejects with when the entry is there already. */
export class SequenceTaken extends Error {
  override readonly name = 'SequenceTaken'
  readonly code = 'SequenceTaken'
  constructor(
    readonly key: string,
    readonly sequence: number,
  ) {
    super(`Entry ${sequence} of the journal "${key}" is there already.`)
  }
}

const uniqueViolation = '23505'

export const isSequenceTaken = (error: unknown): boolean => {
  const { code } = (error ?? {}) as { readonly code?: unknown }
  return code === 'SequenceTaken' || code === uniqueViolation
}
