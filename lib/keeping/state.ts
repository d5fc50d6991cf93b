/**
 * What an owner knows of the kept record of one shard, and what it does next about it. Changed in place by
 * these steps; `keeper.ts` performs what they decide.
 *
 * A change that sets or forgets something kept is held until the record has it. One that handles a reminder
 * is not: the reminder leaves the record only after that change was released, so that after a loss of
 * everything it falls due again rather than never.
 */
import type { Change } from '../entity/copy.js'
import { isReminder } from '../entity/reminder-name.js'
import type { Kept, Reminder } from './protocol.js'

export interface Book {
  /** The latest version of the chain; -1 while it is not known, 0 when there is none. */
  version: number
  /** The record is being read, written, or neither. */
  phase: 'idle' | 'reading' | 'writing'
  /** The lowest change that is not in the write under way; 0 when there is none. */
  waitingFrom: number
  /** The lowest change that is in it. */
  writingFrom: number
  nonce: string
  /** The record has to be written, also when nothing waits for it. */
  isStale: boolean
  /** Reminders whose message was handled by a change that is not released yet. */
  fired: readonly { readonly seq: number; readonly reminder: Reminder }[]
  /** What the shard began with and is not at work yet, and the change after which its mirrors have it. */
  restored: { readonly kept: Pick<Kept, 'reminders' | 'ids'>; readonly seq: number } | null
  /** Ids that are to come back and have not yet. */
  readonly returning: Set<string>
  /** Bytes of the last write. */
  bytes: number
}

export const newBook = (): Book => ({
  version: -1,
  phase: 'idle',
  waitingFrom: 0,
  writingFrom: 0,
  nonce: '',
  isStale: false,
  fired: [],
  restored: null,
  returning: new Set(),
  bytes: 0,
})

/** The lowest change that waits for the record; null when none does. */
export const heldFrom = ({ waitingFrom, writingFrom }: Book): number | null => {
  if (waitingFrom === 0) return writingFrom === 0 ? null : writingFrom
  return writingFrom === 0 ? waitingFrom : Math.min(waitingFrom, writingFrom)
}

/** A change was made. `fell`: the reminder that it handles. True when the record has to be written. */
export const noted = (
  book: Book,
  change: Change,
  { fell, isRemembered }: { readonly fell: Reminder | undefined; readonly isRemembered: boolean },
): boolean => {
  if (fell !== undefined) book.fired = [...book.fired, { seq: change.seq, reminder: fell }]
  const sets = (change.timers ?? []).some(([name]) => isReminder(name) && name !== fell?.name)
  const again = (change.timers ?? []).some(([name, due]) => name === fell?.name && due !== null)
  const lives = isRemembered && change.life !== undefined
  if (lives) book.returning.delete(change.id)
  if (!sets && !again && !lives) return false
  if (book.waitingFrom === 0) book.waitingFrom = change.seq
  book.isStale = true
  return true
}

/**
 * Whether what was kept has to be brought back: nobody of this generation, which began at version `born` of
 * the shard's record, has said that its mirrors have it.
 */
export const isToRestore = (kept: Kept, born: number): boolean => kept.epoch < born

/** Everything up to `released` has left. True when the record has to be written. */
export const releasedTo = (book: Book, released: number): boolean => {
  if (book.fired.length === 0) return false
  const left = book.fired.filter(({ seq }) => seq > released)
  if (left.length === book.fired.length) return false
  book.fired = left
  book.isStale = true
  return true
}

/** What the record is to hold now: what the copy holds, and what was handled without being released. */
export const wanted = (
  book: Book,
  copy: Pick<Kept, 'reminders' | 'ids'>,
): Pick<Kept, 'reminders' | 'ids'> => {
  const ids = book.returning.size === 0 ? copy.ids : [...new Set([...copy.ids, ...book.returning])]
  if (book.fired.length === 0) return { reminders: copy.reminders, ids }
  const isThere = ({ id, name }: Reminder): boolean =>
    copy.reminders.some((other) => other.id === id && other.name === name)
  const unreleased = book.fired.map(({ reminder }) => reminder).filter((one) => !isThere(one))
  return { ids, reminders: [...copy.reminders, ...unreleased] }
}

export const beginWrite = (book: Book, nonce: string): void => {
  book.phase = 'writing'
  book.nonce = nonce
  book.writingFrom = heldFrom(book) ?? 0
  book.waitingFrom = 0
  book.isStale = false
}
export const endWrite = (book: Book, isWritten: boolean): void => {
  book.phase = 'idle'
  if (isWritten) book.version++
  else {
    book.waitingFrom = heldFrom(book) ?? 0
    book.isStale = true
  }
  book.writingFrom = 0
}
