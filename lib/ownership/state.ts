/**
 * What one node holds of one shard. Changed in place by the steps beside this file; one interpreter owns it.
 */
import type { Change, EntityCopy } from '../entity/copy.js'
import { kindOfShard, type NodeId, type ShardId } from '../ids.js'
import type { MirrorMessage, ShardRecord, VersionedRecord } from './protocol.js'
import type { Rules } from './rules.js'

export type Role = 'none' | 'mirror' | 'claiming' | 'owner' | 'giving'

/** The same on owner and mirrors. */
export interface Copy {
  /** Its generation began with all that the one before had, so nothing was lost. */
  isWhole?: boolean
  gen: number
  epoch: number
  session: number
  seq: number
  released: number
  readonly entities: Map<string, EntityCopy>
  /** Changes that are not known to be released and acknowledged, in order. */
  log: Change[]
}

/** What an owner knows of one mirror or joiner. */
export interface Peer {
  session: number
  /** -1 until the fill of this session is acknowledged. */
  acked: number
  sent: number
  sentAt: number
  /** The greatest `t0` it has acknowledged. */
  echo: number
  grantUntil: number
  /** When it last answered, or when something began to wait for it. */
  heardAt: number
  caughtUp: boolean
  /** The last `released` it was sent, and when; and the last that it surely has. */
  told: { readonly released: number; readonly at: number }
  knowsReleased: number
}

export type WritePurpose = 'found' | 'claim' | 'set' | 'give'
export interface Writing {
  readonly purpose: WritePurpose
  readonly version: number
  readonly record: ShardRecord
}

/** An answer that changes nothing. A read waits for confirmation, a remembered reply only for its change. */
export interface HeldRead {
  readonly seq: number
  readonly taken: number
  readonly needsConfirming: boolean
  readonly send: () => void
}

export interface Shard {
  readonly id: ShardId
  /** Part of its id. */
  readonly kind: string
  role: Role
  record: VersionedRecord | null
  fence: number
  epoch: number
  copy: Copy | null
  readonly peers: Map<NodeId, Peer>
  joiner: NodeId | null
  joinerSince: number
  sessionCount: number
  reads: HeldRead[]
  writing: Writing | null
  /** As a mirror: until when the read leases hold that I gave out. */
  grantsOut: number
  /** As an owner: from when I may act. */
  readyAt: number
  /** By who waits for a store: the lowest change that it must have. Nothing from there on is released. */
  readonly holds: Map<string, number>
  /** As an owner: what was kept of it elsewhere is still being read, so nothing new is taken. */
  isLoading: boolean
  /** It is to move there: that node joins, then it is given. */
  moveTo: NodeId | null
  giveTo: NodeId | null
  giveSince: number
  /** Where this node sent its last mail for it. */
  mailedTo: NodeId | null
  /** Where it passed on the last mail of others. */
  passedTo: NodeId | null
  /** Parts of a fill that is still coming. */
  filling: {
    epoch: number
    session: number
    next: number
    entities: Map<string, EntityCopy>
    log: Change[]
  } | null
}

export type Action =
  | { readonly do: 'send'; readonly to: NodeId; readonly message: MirrorMessage }
  | { readonly do: 'fill'; readonly to: NodeId }
  | { readonly do: 'write'; readonly writing: Writing }
  | { readonly do: 'read-record' }
  /** Asks the store for anything at all, to know whether this node hears. */
  | { readonly do: 'prove-hearing' }
  | { readonly do: 'release'; readonly change: Change }
  | { readonly do: 'answer'; readonly read: HeldRead }
  | { readonly do: 'took'; readonly how: 'empty' | 'copy' }
  | { readonly do: 'stepped-down'; readonly dropped: readonly Change[] }
  | { readonly do: 'giving' }
  | { readonly do: 'gave'; readonly to: NodeId }
  | { readonly do: 'give-failed' }
  | { readonly do: 'broken'; readonly what: string }

/** What a step may know besides the shard. Times are monotonic milliseconds of this node. */
export interface StepContext {
  readonly me: NodeId
  readonly now: number
  readonly leaseHolds: boolean
  readonly rules: Rules
  readonly limits: ShardLimits
  isGone(node: NodeId): boolean
  /** When the latest was sent, for whatever shard, that this node is known to have taken; -1 at first. */
  echoOf(node: NodeId): number
  /** When the latest question to the store that has been answered was asked. */
  provenAt(): number
  /** Mail for it was taken and is not handled yet. */
  hasMail(shard: Shard): boolean
  nonce(): string
  act(action: Action): void
}
export interface ShardLimits {
  readonly mirrorLateMs: number
  readonly mirrorResendMs: number
  readonly readLeaseMs: number
  readonly handoffMs: number
  readonly repliesCountMax: number
  /** Mirrored kinds want this many in-sync mirrors. */
  readonly copies: number
  /** Nothing of its entities is in the copy: given away it begins anew. */
  readonly isDisposable?: boolean
  /** Who holds the outputs of a new owner, until they have looked what they have of it. */
  readonly holders: readonly string[]
}

/** A mirror's clock may run this much faster than the owner's. */
export const clockDriftFactor = 1.25

export const newShard = (id: ShardId): Shard => ({
  id,
  kind: kindOfShard(id),
  role: 'none',
  record: null,
  fence: 0,
  epoch: 0,
  copy: null,
  peers: new Map(),
  joiner: null,
  joinerSince: 0,
  sessionCount: 0,
  reads: [],
  writing: null,
  grantsOut: -1,
  readyAt: -1,
  holds: new Map(),
  isLoading: false,
  moveTo: null,
  giveTo: null,
  giveSince: 0,
  mailedTo: null,
  passedTo: null,
  filling: null,
})

/** Most logs are empty most of the time: they share this one, which takes nothing. */
const emptyLog = Object.freeze([]) as unknown as Change[]

export const addToLog = (copy: Copy, change: Change): void => {
  if (copy.log.length === 0) copy.log = [change]
  else copy.log.push(change)
}

/** Forgets the changes up to `seq` when they are all or the better part of the log; else later. */
export const dropFromLog = (copy: Copy, seq: number): void => {
  const { log } = copy
  const first = log[0]
  if (first === undefined) return
  const count = seq - first.seq + 1
  if (count >= log.length) copy.log = emptyLog
  else if (count >= log.length / 2) copy.log = log.slice(count)
}

export const emptyCopy = (gen: number, epoch: number): Copy => ({
  gen,
  epoch,
  session: 0,
  seq: 0,
  released: 0,
  entities: new Map(),
  log: emptyLog,
})

export const isOwning = (shard: Shard): boolean => shard.role === 'owner' || shard.role === 'giving'

/** Nothing is under way, so the shard needs no attention from the tick. */
export const isQuiet = (shard: Shard): boolean =>
  shard.writing === null &&
  shard.joiner === null &&
  shard.moveTo === null &&
  (shard.copy === null || !isOwning(shard) || shard.copy.released === shard.copy.seq) &&
  shard.reads.length === 0 &&
  shard.role !== 'claiming' &&
  shard.role !== 'giving'
