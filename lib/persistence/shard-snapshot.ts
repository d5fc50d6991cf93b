/** All entities of one shard as text, for a store that outlives all nodes. */
import * as E from 'fp-ts/lib/Either.js'
import * as t from 'io-ts'
import { complaintsOf } from '../api/complaints.js'
import type { KindData } from '../api/kind.js'
import { addReplies, type EntityCopy, entityFromWire, entityToWire, forgetReplies } from '../entity/copy.js'
import { commandStem } from '../entity/hosting.js'
import type { Shard } from '../ownership/state.js'
import { fromJson, type Json, toJson } from './exact-json.js'

const strings = t.array(t.tuple([t.string, t.unknown]))
const row = t.tuple([t.string, t.number, t.keyof({ live: null, stopped: null }), t.number, t.unknown])
/** What follows in a row: replies, timers, open commands, the last command, what was heard. */
const rest = t.tuple([
  t.array(t.array(t.unknown)),
  strings,
  t.array(t.tuple([t.number, t.unknown])),
  t.number,
  strings,
])

const document = t.type({
  v: t.literal(1),
  shard: t.string,
  /** The record store in which the generation below was written. */
  storeId: t.string,
  gen: t.number,
  entities: t.array(t.array(t.unknown)),
})

export interface ShardSnapshot {
  readonly storeId: string
  readonly gen: number
  readonly entities: readonly EntityCopy[]
  /** Entities that do not fit, with the reason. */
  readonly misfits: readonly string[]
}

/** Commands keep the names under which their receivers know them. */
const named = (shard: Shard, entity: EntityCopy): EntityCopy => {
  const stem = commandStem(shard, entity)
  const outbox = [...entity.outbox].map(
    ([number, command]) => [number, { ...command, reqId: command.reqId ?? `${stem}${number}` }] as const,
  )
  return { ...entity, outbox: new Map(outbox) }
}

export const snapshotText = (shard: Shard, storeId: string): string => {
  const entities = [...(shard.copy?.entities.values() ?? [])]
  return JSON.stringify({
    v: 1,
    shard: shard.id,
    storeId,
    gen: shard.copy?.gen ?? 0,
    entities: entities.map((entity) => toJson(entityToWire(named(shard, entity)))),
  })
}

/** Nothing of it waits for a change of the shard that it comes into. */
const settled = (entity: EntityCopy): EntityCopy => {
  const replies = new Map([...entity.replies].map(([reqId, kept]) => [reqId, { ...kept, seq: 0 }]))
  forgetReplies(entity)
  addReplies(entity, replies)
  return entity
}

const entityFrom = ({ source }: KindData, json: unknown): E.Either<string, EntityCopy> => {
  const wire = fromJson(json as Json) as readonly unknown[]
  const head = row.decode(wire.slice(0, 5))
  const tail = rest.decode(wire.slice(5, 10))
  if (E.isLeft(head) || E.isLeft(tail)) return E.left('it is not in the form of this version')
  const [id, , life, , state] = head.right
  if (life === 'live' && source.type === 'mirrored') {
    const decoded = source.codec.decode(state)
    if (E.isLeft(decoded)) return E.left(`${id}: ${complaintsOf(decoded.left).join('; ')}`)
  }
  return E.right(settled(entityFromWire(wire as never)))
}

/** Of the shard that it was written for; what does not fit is left out and named. */
export const snapshotFrom = (
  shard: string,
  kind: KindData,
  text: string,
): E.Either<string, ShardSnapshot> => {
  try {
    const decoded = document.decode(JSON.parse(text))
    if (E.isLeft(decoded)) return E.left(complaintsOf(decoded.left).join('; '))
    const { storeId, gen, entities } = decoded.right
    if (decoded.right.shard !== shard) return E.left(`it is of ${decoded.right.shard}`)
    const read = entities.map((json) => entityFrom(kind, json))
    const misfits = read.flatMap((one) => (E.isLeft(one) ? [one.left] : []))
    return E.right({
      storeId,
      gen,
      entities: read.flatMap((one) => (E.isRight(one) ? [one.right] : [])),
      misfits,
    })
  } catch (error) {
    return E.left(error instanceof Error ? error.message : String(error))
  }
}
