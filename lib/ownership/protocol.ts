/** What owners and mirrors of a shard say to each other, and what the record of a shard holds. */
import * as E from 'fp-ts/lib/Either.js'
import * as t from 'io-ts'
import type { Change } from '../entity/copy.js'
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

export const recordFromBytes = (version: number, bytes: Uint8Array): E.Either<string, VersionedRecord> => {
  try {
    const decoded = ShardRecord.decode(JSON.parse(utf8.decode.decode(bytes)))
    return E.isRight(decoded) ? E.right({ ...decoded.right, version }) : E.left('not a shard record')
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
  append: t.type({ epoch: count, session: count, t0: count, released: count, entries: t.array(t.unknown) }),
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
  ack: t.type({ epoch: count, session: count, t0: count, seq: count }),
  refuse: t.type({ epoch: count, session: count, known: count, why: t.keyof({ stale: null, fill: null }) }),
  drop: t.type({ epoch: count, session: count }),
}

/** Checks the outer fields; changes and copies are made by tumen nodes of an agreed wire version. */
export const mirrorMessageFrom = (
  verb: MirrorMessage['verb'],
  body: Wire,
): E.Either<string, MirrorMessage> => {
  const decoded = bodies[verb].decode(body)
  return E.isRight(decoded)
    ? E.right({ verb, ...decoded.right } as unknown as MirrorMessage)
    : E.left(`a mirror message "${verb}" with fields that do not fit`)
}

export const mirrorBody = (message: MirrorMessage): Wire => {
  const { verb: _verb, ...body } = message
  return body as unknown as Wire
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
  return E.isRight(decoded) ? E.right(decoded.right) : E.left('a record notice with fields that do not fit')
}

export const includesNode = (nodes: readonly NodeId[], node: NodeId): boolean => nodes.indexOf(node) >= 0
