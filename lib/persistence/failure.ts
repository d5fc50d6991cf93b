/** Why a persistent actor stopped, in sentences for whoever runs it. */

export type JournalFailureCode =
  /** A snapshot or an entry does not decode, cannot be applied, or is missing. Nothing was changed. */
  | 'Corrupt'
  /** The engine could not be read. */
  | 'LoadFailed'
  /** Somebody else wrote the entry first. Of this actor's step nothing was written. */
  | 'Taken'
  /** The engine did not confirm the write: it may have happened, and the next replay tells. */
  | 'WriteFailed'
  /** An event or a state is not what its codec says, or not JSON. Nothing was written. */
  | 'DoesNotFit'
  /** More events, or more bytes, than one step may write. Nothing was written. */
  | 'TooLarge'

/** What a persistent actor crashes with when its journal, or what it wants to write, is not in order. */
export class JournalFailed extends Error {
  override readonly name = 'JournalFailed'
  readonly code: JournalFailureCode
  readonly key: string
  /** The entry in question; of a snapshot, the last entry in it. */
  readonly sequence: number

  constructor(
    code: JournalFailureCode,
    at: { key: string; sequence: number },
    sentence: string,
    cause?: unknown,
  ) {
    super(sentence, cause === undefined ? undefined : { cause })
    this.code = code
    this.key = at.key
    this.sequence = at.sequence
  }
}

interface Place {
  readonly key: string
  readonly sequence: number
}

const textOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

export const corruptEntry = (at: Place, why: string, cause?: unknown): JournalFailed =>
  new JournalFailed(
    'Corrupt',
    at,
    `Entry ${at.sequence} of the journal "${at.key}" cannot be replayed: ${why}. Nothing was deleted: ` +
      'mend the entry, or the codec so that it reads it, and start the actor again.',
    cause,
  )

export const corruptSnapshot = (at: Place, why: string): JournalFailed =>
  new JournalFailed(
    'Corrupt',
    at,
    `The snapshot of the journal "${at.key}" at entry ${at.sequence} cannot be read: ${why}. Nothing was ` +
      'deleted: mend the codec so that it reads it, or remove this snapshot, and start the actor again.',
  )

export const loadFailed = (at: Place, cause: unknown): JournalFailed =>
  new JournalFailed(
    'LoadFailed',
    at,
    `The journal "${at.key}" could not be read after entry ${at.sequence}: ${textOf(cause)}`,
    cause,
  )

export const taken = (at: Place, cause: unknown): JournalFailed =>
  new JournalFailed(
    'Taken',
    at,
    `Another actor writes the journal "${at.key}": entry ${at.sequence} is there already, so nothing of ` +
      'this step was written. Give each actor a key of its own, or run it in one place only.',
    cause,
  )

export const writeFailed = (at: Place, cause: unknown): JournalFailed =>
  new JournalFailed(
    'WriteFailed',
    at,
    `Entry ${at.sequence} of the journal "${at.key}" may or may not have been written: ${textOf(cause)}`,
    cause,
  )

export const doesNotFit = (at: Place, what: string, complaints: readonly string[]): JournalFailed =>
  new JournalFailed(
    'DoesNotFit',
    at,
    `${what} for entry ${at.sequence} of the journal "${at.key}" does not fit its codec, or is not JSON, ` +
      `so it was not written: ${complaints.join('; ')}.`,
  )

export const tooLarge = (at: Place, count: number, countMax: number, unit: string): JournalFailed =>
  new JournalFailed(
    'TooLarge',
    at,
    `Entry ${at.sequence} of the journal "${at.key}" would have ${count} ${unit}, more than ${countMax}, ` +
      'so it was not written. Do less in one step.',
  )
