/** How mail becomes what a step takes. */
import type { Origin } from '../api/topic.js'
import { mergeTag } from '../available/protocol.js'
import { formatAddress, type NodeId } from '../ids.js'
import type { Reminder } from '../keeping/protocol.js'
import type { AskEnvelope, TellEnvelope } from '../wire/envelope.js'
import type { EntityCopy } from './copy.js'
import type { Running, Work } from './hosting.js'
import type { Shard } from '../ownership/state.js'
import type { StepInput, StepResult } from './protocol.js'
import { isReminder } from './reminder-name.js'

/** The tag of the runtime's own ask that starts an entity. */
export const spawnTag = '$spawn'
/** The tag of the runtime's own ask that ends an entity. */
export const endTag = '$end'

/** The origins that a node knows, by its own: almost all mail comes from a few nodes. */
const known = new WeakMap<Origin, Map<NodeId, Origin>>()
const knownMost = 1_000

/** Where something came from, as seen from this node. */
export const originOf = (from: NodeId, here: Origin): Origin => {
  let origins = known.get(here)
  if (origins === undefined || origins.size > knownMost) {
    origins = new Map()
    known.set(here, origins)
  }
  const seen = origins.get(from)
  if (seen !== undefined) return seen
  const origin = Object.freeze(originAsSeen(from, here))
  origins.set(from, origin)
  return origin
}

const originAsSeen = (from: NodeId, here: Origin): Origin => {
  const cut = from.lastIndexOf('#')
  const node = from.slice(0, cut)
  const incarnation = Number(from.slice(cut + 1))
  return { node, incarnation, isHere: node === here.node && incarnation === here.incarnation }
}

/** Whether the step needs a state that is to be asked for: one that goes on, or one to begin from. */
export const lacksState = (running: Running, work: Work): boolean => {
  const { hasState, begun, kind, shard, id } = running
  if (kind.source.type === 'persisted') return !running.isLoaded
  if (hasState || begun !== undefined) return false
  if (work.type === 'own' && (work.input.type === 'passivate' || work.input.type === 'forget')) return false
  if (kind.activate === 'first-message' || shard.copy?.entities.get(id)?.life === 'live') return true
  if (work.type === 'mail') return work.envelope.tag === spawnTag
  return work.input.type === 'start' || (work.input.type === 'timer' && isReminder(work.input.name))
}

export const inputOf = (envelope: AskEnvelope | TellEnvelope, from: NodeId, here: Origin): StepInput => {
  const { tag, payload } = envelope
  const origin = originOf(from, here)
  if (envelope.type === 'tell') {
    const tell = { type: 'tell', tag, payload, origin } as const
    return envelope.from === undefined ? tell : { ...tell, from: envelope.from }
  }
  const { asker: node, ask, reqId, floor } = envelope
  const asker = floor === undefined ? { node, ask, reqId } : { node, ask, reqId, floor }
  if (tag === spawnTag) return { type: 'spawn', asker }
  if (tag === endTag) return { type: 'end', asker }
  if (tag === mergeTag) return { type: 'merge', asker, payload }
  return { type: 'ask', tag, payload, asker, origin }
}

/** The reminder that this work is about. */
export const reminderOf = (entity: EntityCopy | undefined, work: Work): Reminder | undefined => {
  if (work.type !== 'own' || work.input.type !== 'timer' || !isReminder(work.input.name)) return undefined
  const { name } = work.input
  const due = entity?.timers.get(name)
  return entity === undefined || due === undefined ? undefined : { id: entity.id, name, due }
}

/** What a step gives that changes nothing. */
export type NotChanged = Extract<StepResult, { type: 'read' | 'remembered' }>

/** Its answer, and what has to be released before it may leave. */
export const heldAnswer = (shard: Shard, result: NotChanged) =>
  result.type === 'read'
    ? {
        seq: shard.copy?.seq ?? 0,
        needsConfirming: true,
        payload: result.payload,
        outcome: 'reply' as const,
      }
    : {
        seq: result.reply.seq,
        needsConfirming: false,
        payload: result.reply.payload,
        outcome: result.reply.outcome === 'refusal' ? ('refusal' as const) : ('reply' as const),
      }

/** The decoded state of a live entity; kept between its steps. */
export const stateOf = (
  running: Running,
  given: { readonly clock: { now(): number }; seed?(shard: Shard, id: string): unknown },
): unknown => {
  if (running.hasState) return running.state
  const { kind, id, shard } = running
  const { source, init } = kind
  const copy = shard.copy?.entities.get(id)
  if (copy?.life !== 'live') return undefined
  if (source.type === 'mirrored' || source.type === 'persisted') {
    const decoded = source.codec.decode(copy.state)
    if (decoded._tag === 'Left')
      throw new TypeError(`the kept state of ${formatAddress(kind.kind, id)} does not fit its codec`)
    running.state = decoded.right
  } else running.state = given.seed?.(shard, id) ?? init(id, given.clock.now())
  running.hasState = true
  return running.state
}
