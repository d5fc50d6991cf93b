/**
 * The steps of a shard's record: what a new version means for this node, and how a change of it is decided.
 */
import { forgetReplies } from '../entity/copy.js'
import type { Created, Latest } from '../records/records.js'
import { settleRole } from './mirror.js'
import { flush, newSession, tryRelease } from './owner.js'
import { recordFromBytes, type VersionedRecord, versioned } from './protocol.js'
import { emptyCopy, isOwning, type Shard, type StepContext, type Writing } from './state.js'
import * as E from 'fp-ts/lib/Either.js'

/** Takes note of a version of the record, from the store or from a peer that saw it there. */
export const observe = (shard: Shard, record: VersionedRecord, context: StepContext): void => {
  if (shard.record !== null && record.version <= shard.record.version) return
  shard.record = record
  if (record.epoch > shard.fence) shard.fence = record.epoch
  const writing = shard.writing
  if (writing !== null && record.nonce === writing.record.nonce) decided(shard, writing, true, context)
  else if (writing !== null && record.version >= writing.version) decided(shard, writing, false, context)
  if (isOwning(shard) && (record.owner !== context.me || record.epoch !== shard.epoch))
    stepDown(shard, record, context)
  if (record.owner === context.me && !isOwning(shard)) becomeOwner(shard, record, context)
  settleRole(shard, context)
}

/**
 * What the store said to the change under way. `unknown` and `taken` are looked
 * up: nothing depends on a guess.
 */
export const onWritten = (shard: Shard, nonce: string, outcome: Created, context: StepContext): void => {
  const writing = shard.writing
  if (writing === null || writing.record.nonce !== nonce) return
  if (outcome === 'created') observe(shard, versioned(writing.record, writing.version), context)
  else if (context.rules.hasFailed(outcome)) decided(shard, writing, false, context)
  else context.act({ do: 'read-record' })
}

/** What a leader read found. A change whose number is still free is tried again. */
export const onLatest = (shard: Shard, latest: Latest, context: StepContext): void => {
  if (latest.tag === 'failed') return
  if (latest.tag === 'found') {
    const record = recordFromBytes(latest.record.version, latest.record.value)
    if (E.isLeft(record)) {
      context.act({ do: 'broken', what: record.left })
      return
    }
    observe(shard, record.right, context)
  }
  const writing = shard.writing
  const version = latest.tag === 'found' ? latest.record.version : 0
  if (writing !== null && version < writing.version) context.act({ do: 'write', writing })
}

const decided = (shard: Shard, writing: Writing, isMine: boolean, context: StepContext): void => {
  shard.writing = null
  if (writing.purpose === 'claim' && !isMine && shard.role === 'claiming') shard.role = 'none'
  if (writing.purpose === 'set') setDecided(shard, isMine, context)
  if (writing.purpose === 'give') {
    if (isMine && shard.giveTo !== null) context.act({ do: 'gave', to: shard.giveTo })
    else if (shard.role === 'giving') {
      shard.role = 'owner'
      context.act({ do: 'give-failed' })
    }
    shard.giveTo = null
    shard.moveTo = null
  }
}

const setDecided = (shard: Shard, isMine: boolean, context: StepContext): void => {
  const insync = shard.record?.insync ?? []
  shard.joiner = null
  for (const [node, peer] of [...shard.peers]) {
    if (insync.includes(node)) continue
    shard.peers.delete(node)
    const message = { verb: 'drop', epoch: shard.epoch, session: peer.session } as const
    if (isMine) context.act({ do: 'send', to: node, message })
  }
  if (isOwning(shard)) tryRelease(shard, context)
}

const stepDown = (shard: Shard, record: VersionedRecord, context: StepContext): void => {
  // Only a hand-over names a former owner as in-sync, and its record may be seen
  // late, or not at all but a later one.
  const hasGiven = record.insync.includes(context.me)
  const dropped = shard.copy?.log.filter((change) => change.seq > (shard.copy?.released ?? 0)) ?? []
  shard.role = 'none'
  shard.holds.clear()
  shard.isLoading = false
  shard.reads = []
  shard.joiner = null
  shard.moveTo = null
  shard.giveTo = null
  shard.peers.clear()
  if (hasGiven && shard.copy !== null) {
    shard.copy.epoch = shard.epoch
    shard.copy.session = 0
  } else shard.copy = null
  context.act({ do: 'stepped-down', dropped })
}

const becomeOwner = (shard: Shard, record: VersionedRecord, context: StepContext): void => {
  const isNew = record.epoch === record.born
  if (isNew && shard.copy?.gen !== record.gen) shard.copy = emptyCopy(record.gen, record.epoch)
  const copy = shard.copy
  if (copy === null) {
    context.act({ do: 'broken', what: 'named owner without a copy' })
    return
  }
  // Whoever gave it has ended its reads before. Who claims has to wait for what the old owner may still read.
  const isGiven = shard.role === 'mirror' && !record.nonce.startsWith(`${context.me}/`)
  shard.role = 'owner'
  shard.epoch = record.epoch
  copy.epoch = record.epoch
  copy.released = context.rules.releasedAtTakeover(copy.released, copy.seq)
  shard.readyAt = isGiven ? context.now : context.rules.readyAt(shard.grantsOut)
  for (const who of context.limits.holders) shard.holds.set(who, copy.released + 1)
  shard.peers.clear()
  shard.joiner = null
  shard.filling = null
  for (const node of record.insync) newSession(shard, node, context.now)
  if (!context.rules.keepsReplies()) for (const entity of copy.entities.values()) forgetReplies(entity)
  context.act({ do: 'took', how: isNew ? 'empty' : 'copy' })
  flush(shard, context, false)
  tryRelease(shard, context)
}
