/** What owners and mirrors of a shard say to each other, and what the record of a shard holds. */
import * as E from 'fp-ts/lib/Either.js'
import * as t from 'io-ts'
import type { Change } from '../entity/copy.js'
import { changeFromWire, changeToWire, isChangeRow } from '../entity/change-row.js'
import type { NodeId } from '../ids.js'
import type { Wire } from '../wire/envelope.js'

/** The record of a shard, as one version of its chain. */
export const ShardRecord = t.readonly(
  t.type({
    owner: t.string,
    /** The version at which the present owner took over. */
    epoch: t.number,
    insync: t.readonlyArray(t.string),
    /** Grows only when state was lost and the shard began empty. */
    gen: t.number,
    /** The version at which this generation began: its in-sync members began with an empty copy. */
    born: t.number,
    /** Who wrote it, and which of its writes it was. */
    nonce: t.string,
  }),
)
export type ShardRecord = t.TypeOf<typeof ShardRecord>

export interface VersionedRecord extends ShardRecord {
  readonly version: number
}

const utf8 = { encode: new TextEncoder(), decode: new TextDecoder() }
export const recordToBytes = (record: ShardRecord): Uint8Array =>
  utf8.encode.encode(
    JSON.stringify({
      owner: record.owner,
      epoch: record.epoch,
      insync: record.insync,
      gen: record.gen,
      born: record.born,
      nonce: record.nonce,
    }),
  )

/**
 * Made field by field: copied with `...`, each one would have a hidden class of its own, and they are looked
 * at for each message.
 */
export const versioned = (
  { owner, epoch, insync, gen, born, nonce }: ShardRecord,
  version: number,
): VersionedRecord => ({ owner, epoch, insync, gen, born, nonce, version })

export const recordFromBytes = (version: number, bytes: Uint8Array): E.Either<string, VersionedRecord> => {
  try {
    const decoded = ShardRecord.decode(JSON.parse(utf8.decode.decode(bytes)))
    return E.isRight(decoded) ? E.right(versioned(decoded.right, version)) : E.left('not a shard record')
  } catch {
    return E.left('not a shard record')
  }
}

export const shardChainPrefix = 'shard'
export const shardChain = (shard: string): string => `${shardChainPrefix}.${shard}`
export const shardOfChain = (chain: string): string => chain.slice(shardChainPrefix.length + 1)

/** Owner to mirror: the changes after the last ones sent, perhaps none. */
export interface Append {
  readonly epoch: number
  readonly session: number
  /** The owner's monotonic clock when it sent this. */
  readonly t0: number
  readonly released: number
  readonly entries: readonly Change[]
}
/**
 * Owner to mirror: the whole copy in parts; it counts when the last part of one session has come, in order.
 */
export interface Fill {
  readonly epoch: number
  readonly session: number
  readonly t0: number
  readonly released: number
  readonly seq: number
  readonly gen: number
  readonly part: number
  readonly isLast: boolean
  readonly isWhole?: boolean
  readonly entities: readonly Wire[]
  readonly log: readonly Change[]
}
/** Mirror to owner. It also grants a read lease, counted from `t0`. */
export interface Ack {
  readonly epoch: number
  readonly session: number
  readonly t0: number
  readonly seq: number
}
/** Mirror to owner: your epoch is over (`known` is the higher one), or your changes do not fit my copy. */
export interface Refuse {
  readonly epoch: number
  readonly session: number
  readonly known: number
  readonly why: 'stale' | 'fill'
}
/** Owner to a node that is no longer a mirror. */
export interface Drop {
  readonly epoch: number
  readonly session: number
}

export type MirrorMessage =
  | ({ readonly verb: 'append' } & Append)
  | ({ readonly verb: 'fill' } & Fill)
  | ({ readonly verb: 'ack' } & Ack)
  | ({ readonly verb: 'refuse' } & Refuse)
  | ({ readonly verb: 'drop' } & Drop)

const count = t.number
const bodies = {
  fill: t.type({
    epoch: count,
    session: count,
    t0: count,
    released: count,
    seq: count,
    gen: count,
    part: count,
    isLast: t.boolean,
    entities: t.array(t.unknown),
    log: t.array(t.unknown),
  }),
  refuse: t.type({ epoch: count, session: count, known: count, why: t.keyof({ stale: null, fill: null }) }),
  drop: t.type({ epoch: count, session: count }),
}

/** Appends and acknowledgements come with each change: they are checked by hand, and are rows. */
const hasCounts = (row: readonly unknown[], countsCount: number): boolean => {
  for (let i = 0; i < countsCount; i++) if (typeof row[i] !== 'number') return false
  return true
}
const appendFrom = (body: Wire): MirrorMessage | undefined => {
  if (!Array.isArray(body) || !hasCounts(body, 4)) return undefined
  const [epoch, session, t0, released, rows] = body as unknown as [number, number, number, number, unknown]
  if (!Array.isArray(rows) || !rows.every(isChangeRow)) return undefined
  return { verb: 'append', epoch, session, t0, released, entries: rows.map(changeFromWire) }
}
const ackFrom = (body: Wire): MirrorMessage | undefined => {
  if (!Array.isArray(body) || !hasCounts(body, 4)) return undefined
  const [epoch, session, t0, seq] = body as unknown as [number, number, number, number]
  return { verb: 'ack', epoch, session, t0, seq }
}
const otherFrom = (verb: keyof typeof bodies, body: Wire): MirrorMessage | undefined => {
  const decoded = bodies[verb].decode(body)
  return E.isRight(decoded) ? ({ verb, ...decoded.right } as unknown as MirrorMessage) : undefined
}

/** Checks the outer fields; changes and copies are made by tumen nodes of an agreed wire version. */
export const mirrorMessageFrom = (
  verb: MirrorMessage['verb'],
  body: Wire,
): E.Either<string, MirrorMessage> => {
  const message =
    verb === 'append' ? appendFrom(body) : verb === 'ack' ? ackFrom(body) : otherFrom(verb, body)
  return message === undefined
    ? E.left(`a mirror message "${verb}" with fields that do not fit`)
    : E.right(message)
}

export const mirrorBody = (message: MirrorMessage): Wire => {
  switch (message.verb) {
    case 'append': {
      const { epoch, session, t0, released, entries } = message
      return [epoch, session, t0, released, entries.map(changeToWire)]
    }
    case 'ack':
      return [message.epoch, message.session, message.t0, message.seq]
    default: {
      const { verb: _verb, ...body } = message
      return body as unknown as Wire
    }
  }
}

/** Tells a node of a record before the store does. */
export interface RecordNotice {
  readonly shard: string
  readonly record: VersionedRecord
}
const RecordNoticeCodec = t.type({
  shard: t.string,
  record: t.intersection([ShardRecord, t.type({ version: t.number })]),
})
export const recordNoticeFrom = (body: Wire): E.Either<string, RecordNotice> => {
  const decoded = RecordNoticeCodec.decode(body)
  if (E.isLeft(decoded)) return E.left('a record notice with fields that do not fit')
  const { shard, record } = decoded.right
  return E.right({ shard, record: versioned(record, record.version) })
}

export const includesNode = (nodes: readonly NodeId[], node: NodeId): boolean => nodes.indexOf(node) >= 0
