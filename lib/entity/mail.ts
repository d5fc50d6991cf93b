/** How mail becomes what a step takes. */
import type { Origin } from '../api/topic.js'
import { type AskError, causeAsText } from '../errors.js'
import { formatAddress, nodeId, type NodeId } from '../ids.js'
import type { AskEnvelope, TellEnvelope } from '../wire/envelope.js'
import type { Running, Work } from './hosting.js'
import type { StepInput } from './protocol.js'

/** The tag of the runtime's own ask that starts an entity. */
export const spawnTag = '$spawn'
/** The tag of the runtime's own ask that ends an entity. */
export const endTag = '$end'

/** Where something came from, as seen from this node. */
export const originOf = (from: NodeId, here: Origin): Origin => {
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
  return work.type === 'mail' && work.envelope.tag === spawnTag
}

export const inputOf = (envelope: AskEnvelope | TellEnvelope, from: NodeId, here: Origin): StepInput => {
  const { tag, payload } = envelope
  const origin = originOf(from, here)
  if (envelope.type === 'tell')
    return {
      type: 'tell',
      tag,
      payload,
      origin,
      ...(envelope.from === undefined ? {} : { from: envelope.from }),
    }
  const { asker: node, ask, reqId, floor } = envelope
  const asker = { node, ask, reqId, ...(floor === undefined ? {} : { floor }) }
  if (tag === spawnTag) return { type: 'spawn', asker }
  if (tag === endTag) return { type: 'end', asker }
  return { type: 'ask', tag, payload, asker, origin }
}

/** What the asker is told: where it crashed, and on what. */
export const crashOf = ({ kind, id }: Running, work: Work, error: unknown, here: Origin): AskError => {
  const { type } = kind.source
  return {
    tag: 'Crashed',
    address: formatAddress(kind.kind, id),
    cause: causeAsText(error),
    node: nodeId(here.node, here.incarnation),
    ...(work.type === 'mail' ? { message: work.envelope.tag } : {}),
    isStateKept: type === 'mirrored' || type === 'persisted',
  }
}
