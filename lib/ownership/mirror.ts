/** The steps of a mirror: take what the owner sends, refuse what is over. */
import { addPart, applyChange, entityFromWire } from '../entity/copy.js'
import type { NodeId } from '../ids.js'
import { type Append, type Drop, type Fill, includesNode } from './protocol.js'
import {
  addToLog,
  type Copy,
  clockDriftFactor,
  dropFromLog,
  emptyCopy,
  isOwning,
  type Shard,
  type StepContext,
} from './state.js'
import { startWrite } from './write.js'

const refuse = (
  shard: Shard,
  from: NodeId,
  message: { readonly epoch: number; readonly session: number },
  why: 'stale' | 'fill',
): Parameters<StepContext['act']>[0] => ({
  do: 'send',
  to: from,
  message: { verb: 'refuse', epoch: message.epoch, session: message.session, known: shard.fence, why },
})

const ack = (shard: Shard, from: NodeId, message: Append | Fill, context: StepContext): void => {
  const until = context.now + context.limits.readLeaseMs * clockDriftFactor
  if (until > shard.grantsOut) shard.grantsOut = until
  context.act({
    do: 'send',
    to: from,
    message: {
      verb: 'ack',
      epoch: message.epoch,
      session: message.session,
      t0: message.t0,
      seq: shard.copy?.seq ?? 0,
    },
  })
}

/** Whether this node may hear an owner of this epoch in its present role; answers it when not. */
const hears = (shard: Shard, from: NodeId, message: Append | Fill, context: StepContext): boolean => {
  if (isOwning(shard)) {
    // A newer owner than me is possible before I have seen its record; until then I say nothing.
    if (message.epoch <= shard.epoch) context.act(refuse(shard, from, message, 'stale'))
    else context.act({ do: 'read-record' })
    return false
  }
  if (shard.role === 'claiming') return false
  if (message.epoch > shard.fence) shard.fence = message.epoch
  return true
}

export const onAppend = (shard: Shard, from: NodeId, message: Append, context: StepContext): void => {
  if (!context.rules.acceptsEpoch(shard.fence, message.epoch)) {
    context.act(refuse(shard, from, message, 'stale'))
    return
  }
  if (!hears(shard, from, message, context)) return
  const copy = shard.copy
  if (copy === null || !context.rules.fitsCopy(copy, message)) {
    const coming = shard.filling
    if (coming?.epoch === message.epoch && coming.session === message.session) return
    context.act(refuse(shard, from, message, 'fill'))
    return
  }
  // First what is old, so that most of the time nothing but the newest stays.
  if (message.released > copy.released) copy.released = Math.min(message.released, copy.seq)
  dropFromLog(copy, copy.released)
  for (const change of message.entries) {
    if (change.seq <= copy.seq) continue
    if (!context.rules.follows(change.seq, copy.seq)) break
    copy.seq = change.seq
    addToLog(copy, change)
    applyChange(copy.entities, change, context.limits.repliesCountMax)
  }
  if (message.released > copy.released) copy.released = Math.min(message.released, copy.seq)
  ack(shard, from, message, context)
}

const isNewer = (copy: Copy | null, message: Fill): boolean =>
  copy === null ||
  message.epoch > copy.epoch ||
  (message.epoch === copy.epoch && message.session > copy.session)

export const onFill = (shard: Shard, from: NodeId, message: Fill, context: StepContext): void => {
  if (!context.rules.acceptsEpoch(shard.fence, message.epoch)) {
    context.act(refuse(shard, from, message, 'stale'))
    return
  }
  if (!hears(shard, from, message, context)) return
  if (!isNewer(shard.copy, message)) {
    const copy = shard.copy
    if (copy !== null && copy.epoch === message.epoch && copy.session === message.session && message.isLast)
      ack(shard, from, message, context)
    return
  }
  if (message.part === 0)
    shard.filling = { epoch: message.epoch, session: message.session, next: 0, entities: new Map(), log: [] }
  const filling = shard.filling
  if (
    filling === null ||
    filling.epoch !== message.epoch ||
    filling.session !== message.session ||
    filling.next !== message.part
  )
    return
  filling.next++
  for (const wire of message.entities) {
    const entity = entityFromWire(wire)
    const begun = filling.entities.get(entity.id)
    if (begun === undefined) filling.entities.set(entity.id, entity)
    else addPart(begun, entity)
  }
  filling.log.push(...message.log)
  if (!message.isLast) return
  shard.filling = null
  shard.copy = {
    gen: message.gen,
    epoch: message.epoch,
    session: message.session,
    seq: message.seq,
    released: message.released,
    entities: filling.entities,
    log: filling.log,
    ...(message.isWhole === true ? { isWhole: true } : {}),
  }
  ack(shard, from, message, context)
}

export const onDrop = (shard: Shard, message: Drop): void => {
  const copy = shard.copy
  if (copy === null || shard.role !== 'none') return
  if (copy.epoch === message.epoch && copy.session <= message.session) shard.copy = null
}

/** Takes the shard over from memory. Right at any time: safety never rests on the owner really being gone. */
export const claim = (shard: Shard, context: StepContext): void => {
  const { record, copy } = shard
  if (record === null || copy === null || shard.writing !== null || isOwning(shard)) return
  if (record.owner === context.me || !context.rules.mayClaim(record, context.me) || !context.leaseHolds)
    return
  shard.role = 'claiming'
  const epoch = record.version + 1
  const insync = record.insync.filter((node) => node !== context.me)
  const { gen, born } = record
  startWrite(shard, 'claim', { owner: context.me, epoch, insync, gen, born, nonce: context.nonce() }, context)
}

/** The role of a node that does not own the shard, after a new record. */
export const settleRole = (shard: Shard, context: StepContext): void => {
  const record = shard.record
  if (record === null || isOwning(shard)) return
  if (includesNode(record.insync, context.me)) {
    if (shard.copy === null || shard.copy.gen < record.gen) {
      // Named when the generation began, and never filled: nothing can have been released without me. Else I
      // was taken out again and told to drop my copy before I saw this record: the next one says so.
      if (record.epoch !== record.born) {
        shard.role = 'none'
        shard.copy = null
        context.act({ do: 'read-record' })
        return
      }
      shard.copy = emptyCopy(record.gen, record.epoch)
    }
    if (shard.role !== 'claiming') shard.role = 'mirror'
    return
  }
  if (shard.role !== 'none') shard.role = 'none'
  if (shard.copy !== null && record.epoch > shard.copy.epoch) shard.copy = null
}
