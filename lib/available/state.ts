/**
 * Side copies: what a node keeps of a shard of an available kind while the shard's owner is out of reach, and
 * what such a copy hands over when it has ended. Pure.
 */
import type { EntityCopy } from '../entity/copy.js'
import { commandStem } from '../entity/hosting.js'
import type { NodeId, ShardId } from '../ids.js'
import { type Copy, newShard, type Shard } from '../ownership/state.js'
import type { Wire } from '../wire/envelope.js'
import { sizeOf } from '../wire/size.js'
import type { HandOver } from './protocol.js'

/** How an entity was when the copy began. */
interface Base {
  /** When each timer was due. */
  readonly timers: ReadonlyMap<string, number>
  /** The reqIds of its open commands. */
  readonly commands: ReadonlySet<string>
}

/** One shard as it goes on here. It lives in this node's memory only, and outlives its incarnations. */
export interface SideCopy {
  /** Like an owned one, but no record names it, and nobody mirrors it. */
  readonly shard: Shard
  /** Of the shard's record as it began; 0 without one. */
  readonly epoch: number
  /** Of the shard's record, as last looked at: another one means that the common past was lost. */
  recordGen: number
  /** Somebody was told that it began. */
  isTold: boolean
  /** The position of the copy that it began from. */
  readonly begunAt: number
  readonly base: ReadonlyMap<string, Base>
  /** The last change of each entity that has something to hand over. */
  readonly changed: Map<string, number>
  /** States of entities without a codec, that no cell has at this moment. */
  readonly states: Map<string, unknown>
  /** Under which reqId which change of an entity is handed over. */
  readonly reqIds: Map<string, { readonly seq: number; readonly reqId: string }>
  /** It serves callers. When not, it hands over. */
  isOpen: boolean
  /** Grows whenever it opens again: what was under way before counts no more. */
  openings: number
}

/** Kept by the node, so that a new incarnation goes on with them. */
export type SideCopies = Map<ShardId, SideCopy>

export interface Beginning {
  readonly id: ShardId
  /** A number that no other copy has. */
  readonly gen: number
  /** Of its record; 0 without one. */
  readonly epoch: number
  /** What this node has of the shard, as its owner or a mirror; null: nothing. */
  readonly from: Shard | null
}

/**
 * An answer whose change nobody may have seen is forgotten: who asks again is answered by this copy, so that
 * what it acknowledges is its own.
 */
const fork = (entity: EntityCopy, copy: Copy, stem: string): EntityCopy => ({
  ...entity,
  replies: new Map([...entity.replies].filter(([, { seq }]) => seq <= copy.released)),
  timers: new Map(entity.timers),
  outbox: new Map(
    [...entity.outbox].map(([number, command]) => [
      number,
      { ...command, reqId: command.reqId ?? `${stem}${number}` },
    ]),
  ),
  heard: new Map(entity.heard),
})

const baseOf = ({ timers, outbox }: EntityCopy): Base => ({
  timers: new Map([...timers].map(([name, { at }]) => [name, at])),
  commands: new Set([...outbox.values()].flatMap(({ reqId }) => (reqId === undefined ? [] : [reqId]))),
})

/** Begins a side copy, from a copy that stays as it is. */
export const beginSide = ({ id, gen, epoch, from }: Beginning): SideCopy => {
  const shard = newShard(id)
  const copy = from?.copy ?? null
  const seq = copy?.seq ?? 0
  const entities = new Map<string, EntityCopy>()
  if (from !== null && copy !== null)
    for (const entity of copy.entities.values())
      entities.set(entity.id, fork(entity, copy, commandStem(from, entity)))
  shard.role = 'owner'
  shard.copy = { gen, epoch: 0, session: 0, seq, released: seq, entities, log: [] }
  const base = new Map([...entities].map(([name, entity]) => [name, baseOf(entity)]))
  return {
    shard,
    epoch,
    recordGen: from?.record?.gen ?? 0,
    isTold: false,
    begunAt: seq,
    base,
    changed: new Map(),
    states: new Map(),
    reqIds: new Map(),
    isOpen: true,
    openings: 0,
  }
}

/** Each live entity is handed over, changed or not: it may be that no other node has it. */
export const keepAll = (side: SideCopy): void => {
  for (const { id, life } of side.shard.copy?.entities.values() ?? [])
    if (life === 'live' && !side.changed.has(id)) side.changed.set(id, side.begunAt)
}

/** Remembered answers go along, the latest first, as far as these bytes go. */
const repliesOf = (side: SideCopy, entity: EntityCopy, bytesMax: number): HandOver['replies'] => {
  const rows: HandOver['replies'][number][] = []
  let bytes = 0
  for (const [reqId, { outcome, payload, seq, keepUntil }] of [...entity.replies].reverse()) {
    if (seq <= side.begunAt) continue
    bytes += sizeOf(payload) + reqId.length + 20
    if (bytes > bytesMax) break
    rows.push([reqId, outcome, payload, keepUntil])
  }
  return rows.reverse()
}

/** What an entity hands over; `state` is that of an entity without a codec. */
export const handOverOf = (
  side: SideCopy,
  id: string,
  given: { readonly state: unknown; readonly bytesMax: number },
): HandOver | undefined => {
  const entity = side.shard.copy?.entities.get(id)
  if (entity === undefined) return undefined
  const before = side.base.get(id)
  const stem = commandStem(side.shard, entity)
  const open = [...entity.outbox].map(([number, command]) => ({
    ...command,
    reqId: command.reqId ?? `${stem}${number}`,
  }))
  const openIds = new Set(open.map(({ reqId }) => reqId))
  const names = new Set([...(before?.timers.keys() ?? []), ...entity.timers.keys()])
  const isLive = entity.life === 'live'
  const state = isLive ? ((given.state ?? entity.state) as Wire) : undefined
  const commands = open.filter(({ reqId }) => before?.commands.has(reqId) !== true)
  const bytesLeft = given.bytesMax - sizeOf(state) - sizeOf(commands as unknown as Wire)
  return {
    isLive,
    state,
    replies: repliesOf(side, entity, Math.max(0, bytesLeft)),
    timers: [...names].map((name) => [
      name,
      before?.timers.get(name) ?? null,
      entity.timers.get(name) ?? null,
    ]),
    commands,
    answered: [...(before?.commands ?? [])].filter((reqId) => !openIds.has(reqId)),
  }
}

/**
 * Who serves a shard whose owner is out of reach: the first of its rendezvous order that is in reach, on
 * which all agree who reach the same members.
 */
export const deputyOf = (
  me: NodeId,
  order: readonly NodeId[],
  isInReach: (node: NodeId) => boolean,
): NodeId => order.find((node) => node === me || isInReach(node)) ?? me
