/**
 * The steps of a shard that moves on purpose: the node that takes it is filled until it is in-sync, then the
 * shard is frozen and its record changed. Until that change is decided the old owner can always go on.
 */
import type { NodeId } from '../ids.js'
import { commitSeq, flush, type Others, startJoining } from './owner.js'
import type { ShardRecord, VersionedRecord } from './protocol.js'
import type { Shard, StepContext } from './state.js'
import { startWrite } from './write.js'

/** Begins to move it to a node that need not be a mirror yet; false when this node cannot now. */
export const move = (shard: Shard, to: NodeId): boolean => {
  if (shard.role !== 'owner' || shard.moveTo !== null) return false
  shard.moveTo = to
  return true
}

/** It has what there is to have. */
const mayTake = ({ record }: Shard, to: NodeId, { limits }: StepContext): boolean =>
  record !== null && (limits.isDisposable === true || record.insync.includes(to))

/** Begins to hand the shard over; nothing new is taken until it is done or has failed. */
export const give = (shard: Shard, to: NodeId, context: StepContext): boolean => {
  if (shard.role !== 'owner' || shard.writing !== null || !mayTake(shard, to, context)) return false
  shard.role = 'giving'
  shard.giveTo = to
  shard.giveSince = context.now
  context.act({ do: 'giving' })
  tryGive(shard, context)
  return true
}

const failed = (shard: Shard, context: StepContext): void => {
  shard.role = 'owner'
  shard.giveTo = null
  shard.moveTo = null
  context.act({ do: 'give-failed' })
}

/** Everything is handled, acknowledged and released, so it may be handed over. */
const isReady = (shard: Shard, context: StepContext): boolean => {
  const { copy } = shard
  // What is handled after the record has changed is lost, and mail that is left over comes out of order. But
  // an entity that is being restarted may keep its mail for long.
  const waitsForMail = context.now - shard.giveSince < context.limits.handoffMs / 2 && context.hasMail(shard)
  return copy !== null && copy.released === copy.seq && shard.reads.length === 0 && !waitsForMail
}

/** The next owner knows what was released, so that it does not say it again. */
const isTold = (shard: Shard, to: NodeId, context: StepContext): boolean => {
  const peer = shard.peers.get(to)
  const seq = shard.copy?.seq ?? 0
  if (peer === undefined || peer.knowsReleased >= seq) return true
  const isAsked = peer.told.released >= seq && context.now - peer.told.at < context.limits.mirrorResendMs
  if (!isAsked) flush(shard, context, true)
  return false
}

const given = (record: VersionedRecord, to: NodeId, context: StepContext): ShardRecord => {
  const epoch = record.version + 1
  const nonce = context.nonce()
  if (context.limits.isDisposable === true)
    return { owner: to, epoch, insync: [], gen: record.gen + 1, born: epoch, nonce }
  const { gen, born } = record
  const others = record.insync.filter((node) => node !== to)
  // A kind without mirrors had one for the move only.
  const insync = context.limits.copies === 0 ? others : [...others, context.me]
  return { owner: to, epoch, insync, gen, born, nonce }
}

const tryGive = (shard: Shard, context: StepContext): void => {
  const { record, copy, giveTo } = shard
  if (record === null || copy === null || giveTo === null || shard.writing !== null) return
  const canTake = mayTake(shard, giveTo, context)
  const isDone = isReady(shard, context) && canTake && isTold(shard, giveTo, context)
  if (isDone && commitSeq(shard, context) >= copy.seq) {
    startWrite(shard, 'give', given(record, giveTo, context), context)
    return
  }
  const isOver = context.now - shard.giveSince > context.limits.handoffMs
  if (isOver || !canTake) failed(shard, context)
}

/** The next step of a shard that moves, if it can be taken now. */
export const tickGive = (shard: Shard, others: Pick<Others, 'stays'>, context: StepContext): void => {
  const to = shard.moveTo
  if (shard.role === 'giving') tryGive(shard, context)
  else if (shard.role !== 'owner' || to === null || shard.writing !== null || !context.leaseHolds) return
  else if (!others.stays(to)) failed(shard, context)
  else if (mayTake(shard, to, context)) give(shard, to, context)
  else if (shard.joiner === null) startJoining(shard, to, context)
}
