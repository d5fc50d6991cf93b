/**
 * What a shard keeps beyond the memory of all nodes: the reminders of its entities, and the ids that come
 * back by themselves. One chain of records per shard, `kept.<shard>`; each version is the whole of it.
 */
import * as E from 'fp-ts/lib/Either.js'
import * as t from 'io-ts'
import type { Due, EntityCopy } from '../entity/copy.js'
import { isReminder } from '../entity/reminder-name.js'
import { decodeWire, encodeWire } from '../wire/codec.js'
import type { Wire } from '../wire/envelope.js'

export const keptChain = (shard: string): string => `kept.${shard}`

/** One reminder. `due.at` is milliseconds since 1970. */
export interface Reminder {
  readonly id: string
  /** As it stands among the timers. */
  readonly name: string
  readonly due: Due
}

export interface Kept {
  /** Of the owner that wrote it. */
  readonly epoch: number
  /** Tells one write from another. */
  readonly nonce: string
  readonly reminders: readonly Reminder[]
  /** Entities that were live, where the kind wants them back. */
  readonly ids: readonly string[]
}

const Row = t.tuple([t.string, t.string, t.number, t.string, t.unknown])
const Body = t.type({ epoch: t.number, nonce: t.string, reminders: t.array(Row), ids: t.array(t.string) })

/** Left: why it cannot be written, in words. */
export const keptToBytes = ({ epoch, nonce, reminders, ids }: Kept): E.Either<string, Uint8Array> =>
  encodeWire({
    epoch,
    nonce,
    reminders: reminders.map(({ id, name, due }) => [id, name, due.at, due.tag, due.payload]),
    ids: [...ids],
  })

export const keptFromBytes = (bytes: Uint8Array): E.Either<string, Kept> => {
  const wire = decodeWire(bytes)
  const body = E.isLeft(wire) ? null : Body.decode(wire.right)
  if (body === null || E.isLeft(body)) return E.left('not what a shard keeps')
  const { epoch, nonce, reminders, ids } = body.right
  const rows = reminders.map(([id, name, at, tag, payload]) => ({
    id,
    name,
    due: { at, tag, payload: payload as Wire },
  }))
  return E.right({ epoch, nonce, reminders: rows, ids })
}

/** What a copy holds of what is kept. */
export const keptOf = (
  entities: Iterable<EntityCopy>,
  isRemembered: boolean,
): Pick<Kept, 'reminders' | 'ids'> => {
  const reminders: Reminder[] = []
  const ids: string[] = []
  for (const { id, life, timers } of entities) {
    if (isRemembered && life === 'live') ids.push(id)
    for (const [name, due] of timers) if (isReminder(name)) reminders.push({ id, name, due })
  }
  return { reminders, ids }
}
