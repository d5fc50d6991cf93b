/**
 * What is kept of an entity, alike on its owner and its mirrors: its state in encoded form and the
 * bookkeeping that must survive with it. Everything that happens to an entity is a `Change`, and both sides
 * apply it with the same function.
 */
import type { NodeId } from '../ids.js'
import type { Reached } from '../limits.js'
import type { Wire } from '../wire/envelope.js'
import { isReminder } from './reminder-name.js'

export type ReplyOutcome = 'reply' | 'refusal' | 'pending'

/** The answer to a `reqId`; `pending` while the entity has put it off. */
export interface Remembered {
  readonly outcome: ReplyOutcome
  readonly payload: Wire
  /** The change that it stems from: it is not said again before that one is released. */
  readonly seq: number
  /** Wall clock. */
  readonly keepUntil: number
}

export interface Due {
  /** Wall clock. */
  readonly at: number
  readonly tag: string
  readonly payload: Wire
}

/** A command that waits for its answer. */
export interface Command {
  readonly kind: string
  readonly id: string
  readonly tag: string
  readonly payload: Wire
  readonly then: { readonly tag: string; readonly payload: Wire }
  /** The sender's lowest open command when this one was given: its receiver may forget answers below. */
  readonly floor: number
  /** How large its payload was, when that is too large to be kept and sent. */
  readonly bytes?: number
  /** Set when another copy of its sender gave it: it keeps the reqId under which that one sent it. */
  readonly reqId?: string
}

/** The last position heard from a sending shard: gen, seq, part, epoch. */
export type Heard = readonly [number, number, number, number]

export interface EntityCopy {
  readonly id: string
  /** The change with which it came to be; part of the reqIds of its commands. */
  readonly since: number
  life: 'live' | 'stopped'
  /** Grows with each start of this id. */
  incarnation: number
  state: Wire
  replies: ReadonlyMap<string, Remembered>
  timers: ReadonlyMap<string, Due>
  outbox: ReadonlyMap<number, Command>
  lastCommand: number
  heard: ReadonlyMap<string, Heard>
}

/** What leaves once the change is released. */
export type Output =
  | {
      readonly to: 'asker'
      readonly asker: NodeId
      readonly ask: number
      readonly outcome: 'reply' | 'refusal'
      readonly payload: Wire
    }
  | {
      readonly to: 'entity'
      readonly kind: string
      readonly id: string
      readonly tag: string
      readonly payload: Wire
    }
  | {
      readonly to: 'node'
      readonly node: string
      readonly kind: string
      readonly tag: string
      readonly payload: Wire
    }
  | { readonly to: 'topic'; readonly topic: string; readonly payload: Wire }
  | { readonly to: 'command'; readonly number: number }

/** One step of one entity. Absent fields are unchanged. */
export interface Change {
  readonly seq: number
  readonly id: string
  /** Wall clock of the owner when the step ran. */
  readonly at: number
  readonly state?: Wire
  readonly life?: 'live' | 'stopped' | 'gone'
  readonly replies?: readonly (readonly [
    reqId: string,
    outcome: ReplyOutcome,
    payload: Wire,
    keepUntil: number,
  ])[]
  readonly forgets?: readonly string[]
  readonly timers?: readonly (readonly [name: string, due: Due | null])[]
  readonly commands?: readonly (readonly [number: number, command: Command | null])[]
  readonly heard?: readonly (readonly [shard: string, at: Heard])[]
  readonly outputs: readonly Output[]
}

export const heardShardsCountMax = 256

/** An entity has none of most of these for most of its time, and an empty map of its own takes 180 bytes. */
const none: ReadonlyMap<never, never> = new Map<never, never>()

const put = <K, V>(map: ReadonlyMap<K, V>, key: K, value: V): ReadonlyMap<K, V> => {
  const own = (map === none ? new Map<K, V>() : map) as Map<K, V>
  return own.set(key, value)
}
/** True when it was there. */
const take = <K>(map: ReadonlyMap<K, unknown>, key: K): boolean => (map as Map<K, unknown>).delete(key)
const orNone = <K, V>(map: ReadonlyMap<K, V>): ReadonlyMap<K, V> => (map.size === 0 ? none : map)

export const addReplies = (entity: EntityCopy, replies: EntityCopy['replies']): void => {
  for (const [reqId, kept] of replies) entity.replies = put(entity.replies, reqId, kept)
}
/** Adds what another part of a fill brought. */
export const addPart = (entity: EntityCopy, part: EntityCopy): void => {
  addReplies(entity, part.replies)
  for (const [name, due] of part.timers) entity.timers = put(entity.timers, name, due)
  for (const [number, command] of part.outbox) entity.outbox = put(entity.outbox, number, command)
  for (const [shard, at] of part.heard) entity.heard = put(entity.heard, shard, at)
}
export const forgetReplies = (entity: EntityCopy): void => {
  entity.replies = none
}

export const newEntity = (id: string, since: number): EntityCopy => ({
  id,
  since,
  life: 'stopped',
  incarnation: 0,
  state: undefined,
  replies: none,
  timers: none,
  outbox: none,
  lastCommand: 0,
  heard: none,
})

const remember = (
  entity: EntityCopy,
  change: Change,
  repliesCountMax: number,
  reached: Forgotten | undefined,
): void => {
  const { forgets, replies } = change
  if (forgets !== undefined) for (const reqId of forgets) take(entity.replies, reqId)
  if (replies !== undefined)
    for (const [reqId, outcome, payload, keepUntil] of replies) {
      const kept = { outcome, payload, seq: change.seq, keepUntil }
      const before = entity.replies.size
      entity.replies = put(entity.replies, reqId, kept)
      // An ask that was put off is answered: from now on it is the newest.
      if (entity.replies.size === before && take(entity.replies, reqId)) put(entity.replies, reqId, kept)
    }
  for (const [reqId, kept] of entity.replies) {
    if (entity.replies.size <= repliesCountMax && kept.keepUntil > change.at) break
    if (kept.outcome === 'pending') continue
    take(entity.replies, reqId)
    if (reached !== undefined && kept.keepUntil > change.at) reached.repliesCountMax++
  }
}

const end = (entity: EntityCopy): void => {
  entity.life = 'stopped'
  entity.state = undefined
  // Reminders outlive their entity: it begins anew for them.
  for (const name of [...entity.timers.keys()]) if (!isReminder(name)) take(entity.timers, name)
  if (entity.timers.size === 0) entity.timers = none
  entity.heard = none
}

/** Counts what had to be forgotten before its time, for want of room. */
type Forgotten = Pick<Reached, 'repliesCountMax' | 'heardShardsCountMax'>

const setTimers = (entity: EntityCopy, timers: NonNullable<Change['timers']>): void => {
  for (const [name, due] of timers) {
    if (due === null) take(entity.timers, name)
    else entity.timers = put(entity.timers, name, due)
  }
  entity.timers = orNone(entity.timers)
}
const setCommands = (entity: EntityCopy, commands: NonNullable<Change['commands']>): void => {
  for (const [number, command] of commands) {
    if (command === null) take(entity.outbox, number)
    else entity.outbox = put(entity.outbox, number, command)
    if (number > entity.lastCommand) entity.lastCommand = number
  }
  entity.outbox = orNone(entity.outbox)
}
const setHeard = (
  entity: EntityCopy,
  heard: NonNullable<Change['heard']>,
  reached: Forgotten | undefined,
): void => {
  for (const [shard, at] of heard) {
    take(entity.heard, shard)
    entity.heard = put(entity.heard, shard, at)
    if (entity.heard.size <= heardShardsCountMax) continue
    if (reached !== undefined) reached.heardShardsCountMax++
    const oldest = entity.heard.keys().next()
    if (!oldest.done) take(entity.heard, oldest.value)
  }
}

/** Applies a change in place. The same on owner and mirror, so that their copies stay equal. */
export const applyChange = (
  entities: Map<string, EntityCopy>,
  change: Change,
  repliesCountMax: number,
  reached?: Forgotten,
): void => {
  if (change.life === 'gone') {
    entities.delete(change.id)
    return
  }
  let entity = entities.get(change.id)
  if (entity === undefined) {
    entity = newEntity(change.id, change.seq)
    entities.set(change.id, entity)
  }
  if (change.life === 'live') {
    entity.life = 'live'
    entity.incarnation++
  }
  if ('state' in change) entity.state = change.state
  remember(entity, change, repliesCountMax, reached)
  const { timers, commands, heard } = change
  if (timers !== undefined) setTimers(entity, timers)
  if (commands !== undefined) setCommands(entity, commands)
  if (heard !== undefined) setHeard(entity, heard, reached)
  if (change.life === 'stopped') end(entity)
}

/** Whether nothing of a stopped entity needs to be kept any longer. */
export const isForgettable = (entity: EntityCopy, now: number): boolean => {
  if (entity.life !== 'stopped' || entity.outbox.size > 0 || entity.timers.size > 0) return false
  for (const kept of entity.replies.values()) if (kept.keepUntil > now) return false
  return true
}

/** A copy as it travels in a fill. */
export const entityToWire = (entity: EntityCopy): Wire => [
  entity.id,
  entity.since,
  entity.life,
  entity.incarnation,
  entity.state,
  [...entity.replies].map(([reqId, r]) => [reqId, r.outcome, r.payload, r.seq, r.keepUntil]),
  [...entity.timers].map(([name, due]) => [name, due as unknown as Wire]),
  [...entity.outbox].map(([number, command]) => [number, command as unknown as Wire]),
  entity.lastCommand,
  [...entity.heard].map(([shard, at]) => [shard, at]),
]

type EntityRow = [
  string,
  number,
  'live' | 'stopped',
  number,
  Wire,
  [string, ReplyOutcome, Wire, number, number][],
  [string, Due][],
  [number, Command][],
  number,
  [string, Heard][],
]
export const entityFromWire = (wire: Wire): EntityCopy => {
  const row = wire as unknown as EntityRow
  const [id, since, life, incarnation, state, replies, timers, outbox, lastCommand, heard] = row
  return {
    id,
    since,
    life,
    incarnation,
    state,
    replies: orNone(
      new Map(
        replies.map(([reqId, outcome, payload, seq, keepUntil]) => [
          reqId,
          { outcome, payload, seq, keepUntil },
        ]),
      ),
    ),
    timers: orNone(new Map(timers)),
    outbox: orNone(new Map(outbox)),
    lastCommand,
    heard: orNone(new Map(heard)),
  }
}
