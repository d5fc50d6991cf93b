/**
 * The steps of an owner: stream changes to mirrors, release what they have
 * acknowledged, keep the in-sync set.
 */
import type { Change, EntityCopy } from '../entity/copy.js'
import type { NodeId } from '../ids.js'
import type { Ack, Refuse } from './protocol.js'
import {
  addToLog,
  dropFromLog,
  type HeldRead,
  isOwning,
  type Peer,
  type Shard,
  type StepContext,
} from './state.js'
import { startWrite } from './write.js'

export const newSession = (shard: Shard, node: NodeId, now: number): Peer => {
  const peer = {
    session: ++shard.sessionCount,
    acked: -1,
    sent: -1,
    sentAt: now,
    echo: -1,
    grantUntil: -1,
    heardAt: now,
    caughtUp: false,
    told: { released: 0, at: Number.POSITIVE_INFINITY },
    knowsReleased: 0,
  }
  shard.peers.set(node, peer)
  return peer
}

/** Everybody whose acknowledgement counts now. */
export const needSet = (shard: Shard, context: StepContext): readonly NodeId[] => {
  const joiner = shard.joiner
  const isUp = joiner !== null && shard.peers.get(joiner)?.caughtUp === true
  return context.rules.needSet({
    insync: shard.record?.insync ?? [],
    wanted: shard.writing?.purpose === 'set' ? shard.writing.record.insync : [],
    caughtUp: isUp && joiner !== null ? [joiner] : [],
  })
}

export const commitSeq = (shard: Shard, context: StepContext): number => {
  const acked = needSet(shard, context).map((node) => shard.peers.get(node)?.acked ?? -1)
  const commit = context.rules.commit(shard.copy?.seq ?? 0, acked)
  return shard.holds.size === 0
    ? commit
    : Math.min(commit, ...[...shard.holds.values()].map((seq) => seq - 1))
}

const isConfirmed = (shard: Shard, read: HeldRead, context: StepContext): boolean =>
  needSet(shard, context).every((node) => {
    const peer = shard.peers.get(node)
    return peer !== undefined && context.rules.confirms(peer, context.now, read.taken)
  })

/**
 * An owner makes something visible only while the record it holds is of its own epoch, its lease holds, and
 * old read leases are over.
 */
const mayRelease = (shard: Shard, context: StepContext): boolean =>
  isOwning(shard) &&
  context.rules.isMine(shard.record?.epoch, shard.epoch) &&
  context.rules.mayAct(context.leaseHolds) &&
  context.now >= shard.readyAt

export const tryRelease = (shard: Shard, context: StepContext): void => {
  const copy = shard.copy
  if (copy === null || !mayRelease(shard, context)) return
  if (copy.released < copy.seq) {
    const commit = commitSeq(shard, context)
    const first = copy.log[0]?.seq ?? copy.seq + 1
    while (copy.released < commit) {
      const change = copy.log[copy.released + 1 - first]
      if (change === undefined) break
      copy.released++
      context.act({ do: 'release', change })
    }
    trimLog(shard)
  }
  if (shard.reads.length > 0) answerReads(shard, context)
}

const answerReads = (shard: Shard, context: StepContext): void => {
  // Its next owner may act from now on, and does not wait for what is still read here.
  if (shard.writing?.purpose === 'give') return
  const released = shard.copy?.released ?? 0
  const waiting: HeldRead[] = []
  for (const read of shard.reads) {
    if (read.seq <= released && (!read.needsConfirming || isConfirmed(shard, read, context)))
      context.act({ do: 'answer', read })
    else waiting.push(read)
  }
  shard.reads = waiting
}

/** Drops what is released and acknowledged by all. */
const trimLog = (shard: Shard): void => {
  const copy = shard.copy
  if (copy === null) return
  let done = copy.released
  for (const peer of shard.peers.values()) if (peer.acked >= 0 && peer.acked < done) done = peer.acked
  dropFromLog(copy, done)
}

/** A step has been applied to the copy; its outputs leave when the mirrors have it. */
export const onChange = (shard: Shard, change: Change, context: StepContext): void => {
  const copy = shard.copy
  if (copy === null) return
  if (copy.released === copy.seq) startWaiting(shard, context.now)
  copy.seq = change.seq
  addToLog(copy, change)
}

/** What the generation before had, for a shard that has begun empty: its mirrors are filled anew. */
export const onRestored = (shard: Shard, entities: readonly EntityCopy[], context: StepContext): boolean => {
  const { copy } = shard
  if (!isOwning(shard) || copy === null || copy.seq > 0) return false
  for (const entity of entities) copy.entities.set(entity.id, entity)
  copy.isWhole = true
  for (const node of [...shard.peers.keys()]) newSession(shard, node, context.now)
  flush(shard, context, false)
  return true
}

/** These changes never were: nothing of them leaves, nor what was read after them. */
export const onVoid = (shard: Shard, seqs: readonly number[]): void => {
  const { copy } = shard
  const first = copy?.log[0]?.seq ?? 0
  for (const seq of seqs) {
    const at = seq - first
    const change = copy?.log[at]
    if (copy !== null && change !== undefined)
      copy.log[at] = { seq, id: change.id, at: change.at, outputs: [] }
  }
  const lowest = seqs[0] ?? Number.POSITIVE_INFINITY
  shard.reads = shard.reads.filter((read) => read.seq < lowest)
}

export const onRead = (shard: Shard, read: HeldRead, context: StepContext): void => {
  if (shard.reads.length === 0) startWaiting(shard, context.now)
  shard.reads.push(read)
  tryRelease(shard, context)
}

const startWaiting = (shard: Shard, now: number): void => {
  for (const peer of shard.peers.values()) peer.heardAt = now
}

const targets = (shard: Shard, context: StepContext): readonly NodeId[] => {
  const need = needSet(shard, context)
  return shard.joiner === null || need.includes(shard.joiner) ? need : [...need, shard.joiner]
}

/**
 * Sends each mirror what it has not been sent; with `isForced` also an empty
 * message, for a read to be confirmed.
 */
export const flush = (shard: Shard, context: StepContext, isForced: boolean): void => {
  if (!isOwning(shard) || shard.copy === null) return
  for (const node of targets(shard, context)) {
    const peer = shard.peers.get(node) ?? newSession(shard, node, context.now)
    if (peer.sent < 0) sendFill(shard, node, peer, context)
    else if (isForced || peer.sent < shard.copy.seq) sendAppend(shard, node, peer, context)
  }
}

const sendFill = (shard: Shard, node: NodeId, peer: Peer, context: StepContext): void => {
  peer.sent = shard.copy?.seq ?? 0
  peer.sentAt = context.now
  context.act({ do: 'fill', to: node })
}

const sendAppend = (shard: Shard, node: NodeId, peer: Peer, context: StepContext): void => {
  const copy = shard.copy
  if (copy === null) return
  const first = copy.log[0]?.seq ?? copy.seq + 1
  if (peer.sent + 1 < first) {
    sendFill(shard, node, newSession(shard, node, context.now), context)
    return
  }
  const entries = copy.log.slice(peer.sent + 1 - first)
  peer.sent = copy.seq
  peer.told = { released: copy.released, at: context.now }
  // An empty one for a waiting read must not put off what has to be sent again.
  if (entries.length > 0 || peer.acked >= copy.seq) peer.sentAt = context.now
  context.act({
    do: 'send',
    to: node,
    message: {
      verb: 'append',
      epoch: shard.epoch,
      session: peer.session,
      t0: context.now,
      released: copy.released,
      entries,
    },
  })
}

export const onAck = (shard: Shard, from: NodeId, ack: Ack, context: StepContext): void => {
  const peer = shard.peers.get(from)
  if (!isOwning(shard) || peer === undefined || shard.copy === null) return
  if (!context.rules.countsAck(ack, shard.epoch, peer.session)) return
  if (ack.seq > peer.acked) peer.acked = ack.seq
  if (ack.t0 > peer.echo) peer.echo = ack.t0
  if (ack.t0 >= peer.told.at) peer.knowsReleased = peer.told.released
  peer.grantUntil = Math.max(peer.grantUntil, ack.t0 + context.limits.readLeaseMs)
  peer.heardAt = context.now
  if (from === shard.joiner && context.rules.mayJoin(peer.acked, shard.copy.seq)) peer.caughtUp = true
  tryRelease(shard, context)
}

export const onRefuse = (shard: Shard, from: NodeId, refusal: Refuse, context: StepContext): void => {
  const peer = shard.peers.get(from)
  if (!isOwning(shard) || refusal.epoch !== shard.epoch || peer === undefined) return
  if (refusal.known > shard.epoch) context.act({ do: 'read-record' })
  else if (refusal.why === 'fill' && refusal.session === peer.session) {
    const heardAt = peer.heardAt
    const fresh = newSession(shard, from, context.now)
    fresh.heardAt = heardAt
    flush(shard, context, false)
  }
}

/**
 * How long to wait for an acknowledgement. What a node is sent arrives in order: one that has acknowledged
 * something later has lost this. One that has not is most likely slow, and more to do would make it slower.
 */
const waitMs = (node: NodeId, peer: Peer, context: StepContext): number => {
  const { mirrorLateMs, mirrorResendMs } = context.limits
  if (peer.acked < 0) return 4 * mirrorResendMs
  // Once at least before the mirror is late.
  const slowMs = Math.min(4 * mirrorResendMs, Math.max(mirrorResendMs, mirrorLateMs / 2))
  return context.echoOf(node) > peer.sentAt ? mirrorResendMs : slowMs
}

/** Sends again what was not acknowledged in time. */
const resend = (shard: Shard, context: StepContext): void => {
  const seq = shard.copy?.seq ?? 0
  for (const node of targets(shard, context)) {
    const peer = shard.peers.get(node)
    if (peer === undefined || peer.sent < 0 || peer.acked >= seq) continue
    if (context.now - peer.sentAt < waitMs(node, peer, context)) continue
    if (peer.acked < 0) {
      const heardAt = peer.heardAt
      newSession(shard, node, context.now).heardAt = heardAt
    } else peer.sent = peer.acked
  }
  flush(shard, context, shard.reads.length > 0)
}

/** Since when a mirror is late; undefined when it is not. */
const lateSince = (shard: Shard, node: NodeId, context: StepContext): number | undefined => {
  const peer = shard.peers.get(node)
  const seq = shard.copy?.seq ?? 0
  if (peer === undefined || (peer.acked >= seq && shard.reads.length === 0)) return undefined
  const since = peer.heardAt + context.limits.mirrorLateMs
  return context.now > since ? since : undefined
}

/**
 * Mirrors that are late. Who hears nothing any more takes everybody for silent, and what it writes may still
 * arrive: its mirrors would be out of the set when it is given up, and the state with them. So before a
 * mirror is blamed the store has to answer something that was asked since.
 */
const lateMirrors = (shard: Shard, others: Others, context: StepContext): readonly NodeId[] => {
  let since = Number.NEGATIVE_INFINITY
  const late = (shard.record?.insync ?? []).filter((node) => {
    const at = others.stays(node) ? lateSince(shard, node, context) : undefined
    if (at !== undefined) since = Math.max(since, at)
    return at !== undefined
  })
  if (late.length === 0 || context.rules.mayBlame(context.provenAt(), since)) return late
  context.act({ do: 'prove-hearing' })
  return []
}

/** What an owner knows of the other members. */
export interface Others {
  /** The best of these to be mirrors, at most `count`. */
  best(nodes: readonly NodeId[], count: number): readonly NodeId[]
  /** Somebody who could become a mirror; `later` when too many are being filled. */
  choose(): NodeId | 'none' | 'later'
  /** Neither gone nor leaving. */
  stays(node: NodeId): boolean
}

/** Replaces mirrors that go or are late, in one record change when somebody can take their place. */
export const keepMirrors = (shard: Shard, others: Others, context: StepContext): void => {
  const record = shard.record
  if (record === null || shard.writing !== null || shard.role !== 'owner') return
  const late = lateMirrors(shard, others, context)
  const out = record.insync.filter((node) => !others.stays(node) || late.includes(node))
  const kept = record.insync.filter((node) => !out.includes(node))
  const joiner = shard.joiner
  const peer = joiner === null ? undefined : shard.peers.get(joiner)
  if (joiner !== null && peer?.caughtUp === true && context.rules.mayJoin(peer.acked, shard.copy?.seq ?? 0)) {
    const room = Math.max(1, context.limits.copies) - 1
    const isFull = joiner === shard.moveTo && kept.length > room
    writeSet(shard, [...(isFull ? others.best(kept, room) : kept), joiner], context)
    return
  }
  const gaveUp =
    joiner !== null &&
    (context.isGone(joiner) || context.now - shard.joinerSince > 2 * context.limits.mirrorLateMs)
  if (gaveUp && joiner !== null) dropJoiner(shard, joiner, context)
  if (shard.joiner !== null) return
  const wants = kept.length < context.limits.copies && shard.moveTo === null
  const next = wants && !gaveUp ? others.choose() : 'none'
  if (next === 'later') return
  if (next !== 'none') startJoining(shard, next, context)
  else if (out.length > 0) writeSet(shard, kept, context)
}

export const startJoining = (shard: Shard, node: NodeId, context: StepContext): void => {
  shard.joiner = node
  shard.joinerSince = context.now
  newSession(shard, node, context.now)
  flush(shard, context, false)
}

const dropJoiner = (shard: Shard, joiner: NodeId, context: StepContext): void => {
  shard.joiner = null
  shard.peers.delete(joiner)
  if (shard.moveTo !== joiner) return
  shard.moveTo = null
  context.act({ do: 'give-failed' })
}

const writeSet = (shard: Shard, insync: readonly NodeId[], context: StepContext): void => {
  const record = shard.record
  if (record === null) return
  const { owner, epoch, gen, born } = record
  startWrite(shard, 'set', { owner, epoch, gen, born, insync, nonce: context.nonce() }, context)
}

/** What an owner does from time to time while something is under way. */
export const tickOwner = (shard: Shard, others: Others, context: StepContext): void => {
  if (!isOwning(shard)) return
  if (!context.leaseHolds) {
    // Cut off from the store it is most likely cut off from its mirrors too:
    // their silence says nothing of them.
    startWaiting(shard, context.now)
    return
  }
  resend(shard, context)
  tryRelease(shard, context)
  keepMirrors(shard, others, context)
}
