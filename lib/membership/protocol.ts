/**
 * What a node writes about itself, and others about it: one chain of records per node name, `member.<name>`.
 * Each renewal of a lease, change of status, declaration of death and new incarnation creates the next
 * version of that chain, so that of any two of these exactly one wins.
 */
import * as E from 'fp-ts/lib/Either.js'
import * as t from 'io-ts'
import type { NodeId } from '../ids.js'
import { isName, parseNodeId } from '../ids.js'

const status = t.keyof({ joining: null, ready: null, leaving: null, left: null, dead: null })

/** `joining`, `ready` and `leaving` hold a lease; `left` and `dead` are for ever. */
export type MemberStatus = t.TypeOf<typeof status>

const memberRecord = t.readonly(
  t.type({
    node: t.string,
    status,
    /** Grows with each record that the node wrote about itself in this life. */
    beat: t.number,
    /** Tells one write from another, so that a write whose answer was lost is recognised. */
    nonce: t.string,
    /** Who wrote this version: the node itself, or the one that declared it dead. */
    by: t.string,
    roles: t.readonlyArray(t.string),
    weight: t.number,
    /** Kinds of entities that the node runs. */
    kinds: t.readonlyArray(t.string),
    shardCount: t.number,
    wire: t.readonly(t.type({ min: t.number, max: t.number })),
    /** The knobs that must be equal on all nodes. */
    knobs: t.readonly(t.record(t.string, t.number)),
    release: t.string,
    preset: t.string,
  }),
)

export type MemberRecord = t.TypeOf<typeof memberRecord>

export const memberPrefix = 'member'
export const memberChain = (name: string): string => `${memberPrefix}.${name}`

/** The node name of a chain, or null for a chain of another kind. */
export const nameOfChain = (chain: string): string | null => {
  const name = chain.slice(memberPrefix.length + 1)
  return chain.startsWith(`${memberPrefix}.`) && isName(name) ? name : null
}

export const encodeMember = (record: MemberRecord): Uint8Array =>
  new TextEncoder().encode(JSON.stringify(record))

/** Left: the first thing that is wrong with the bytes, in words. */
export const decodeMember = (bytes: Uint8Array): E.Either<string, MemberRecord> => {
  let json: unknown
  try {
    json = JSON.parse(new TextDecoder().decode(bytes))
  } catch {
    return E.left('a member record is not JSON')
  }
  const decoded = memberRecord.decode(json)
  if (E.isLeft(decoded)) {
    const path = decoded.left[0]?.context.map((c) => c.key).join('.') ?? ''
    return E.left(`a member record is wrong at ${path || 'its root'}`)
  }
  return E.isLeft(parseNodeId(decoded.right.node)) ? E.left('a member record has a broken node id') : decoded
}

export const isAlive = (record: MemberRecord): boolean => record.status !== 'dead' && record.status !== 'left'

export const incarnationOf = (node: NodeId): number => Number(node.slice(node.lastIndexOf('#') + 1))
export const nameOf = (node: NodeId): string => node.slice(0, node.lastIndexOf('#'))

/** Why two nodes cannot be in one cluster, as one sentence with both values; null when they can. */
export const disagreement = (mine: MemberRecord, theirs: MemberRecord): string | null => {
  for (const [knob, value] of Object.entries(mine.knobs)) {
    const other = theirs.knobs[knob]
    if (other !== undefined && other !== value)
      return (
        `${mine.node} has ${knob} ${value} but ${theirs.node} has ${other}: ` +
        'all nodes of a cluster need the same'
      )
  }
  if (mine.wire.min > theirs.wire.max || mine.wire.max < theirs.wire.min)
    return (
      `${mine.node} speaks wire versions ${mine.wire.min} to ${mine.wire.max} but ${theirs.node} ` +
      `${theirs.wire.min} to ${theirs.wire.max}: upgrade in steps of one release`
    )
  return null
}
