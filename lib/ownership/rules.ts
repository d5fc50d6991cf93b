/**
 * The rules of ownership as small pure functions. The steps take them as a table, so that the simulation can
 * put a wrong one in its place and show that its checkers notice.
 */
import type { NodeId } from '../ids.js'
import type { Created } from '../records/records.js'
import { includesNode, type ShardRecord } from './protocol.js'

export interface NeedSetParts {
  readonly insync: readonly NodeId[]
  /** The in-sync set of a change under way, if there is one. */
  readonly wanted: readonly NodeId[]
  /** Joiners that have caught up. */
  readonly caughtUp: readonly NodeId[]
}

/** Which filling of which ownership something belongs to. */
export interface Sending {
  readonly epoch: number
  readonly session: number
}

/** When one mirror was last heard, by the owner's clock. */
export interface Confirmation {
  readonly grantUntil: number
  readonly echo: number
}

export interface Rules {
  /** A mirror hears an owner of at least the highest epoch it has seen. */
  acceptsEpoch(fence: number, epoch: number): boolean
  /** Changes apply only to the copy that the same owner filled in the same session. */
  fitsCopy(copy: Sending, message: Sending): boolean
  /** A mirror takes the change that follows its last one, and no other. */
  follows(seq: number, lastSeq: number): boolean
  /** An acknowledgement counts for the filling in which its sender is now. */
  countsAck(ack: Sending, epoch: number, session: number): boolean
  /** A joiner becomes a mirror when it has everything. */
  mayJoin(ackedSeq: number, ownSeq: number): boolean
  /**
   * Who must have acknowledged: the in-sync set, those about to join it, and those not yet surely out of it.
   */
  needSet(parts: NeedSetParts): readonly NodeId[]
  /** The lowest seq that all of the need set have acknowledged; my own when nobody is needed. */
  commit(ownSeq: number, acked: readonly number[]): number
  /** A read is sure as to one mirror: its read lease runs, or it answered what was sent after the read. */
  confirms(mirror: Confirmation, now: number, takenAt: number): boolean
  /** An owner makes something visible only under a record of its own epoch. */
  isMine(recordEpoch: number | undefined, epoch: number): boolean
  /** What a new owner takes for released. It says everything else again. */
  releasedAtTakeover(released: number, seq: number): number
  /** Whether a change of the record surely did not happen; what is not known is looked up. */
  hasFailed(outcome: Created): boolean
  /** Only a member of the in-sync set may claim. */
  mayClaim(record: ShardRecord, me: NodeId): boolean
  /** Whether an owner may take a mirror's silence for its own fault: it has been late since then. */
  mayBlame(provenAt: number, lateSince: number): boolean
  /** From when an owner may act that gave out read leases as a mirror. */
  readyAt(grantsOut: number): number
  /** While a shard is given away nothing new is taken. */
  takesNew(role: string): boolean
  /** What was held back while the shard was being given away. */
  frozenMail<M>(mail: readonly M[]): readonly M[]
  /** Whether a node whose lease is over still acts. */
  mayAct(leaseHolds: boolean): boolean
  /** Whether a new owner knows the answers that the old one remembered. */
  keepsReplies(): boolean
}

export const rules: Rules = {
  acceptsEpoch: (fence, epoch) => epoch >= fence,
  fitsCopy: (copy, message) => copy.epoch === message.epoch && copy.session === message.session,
  follows: (seq, lastSeq) => seq === lastSeq + 1,
  countsAck: (ack, epoch, session) => ack.epoch === epoch && ack.session === session,
  mayJoin: (ackedSeq, ownSeq) => ackedSeq >= ownSeq,
  needSet: ({ insync, wanted, caughtUp }) => {
    if (wanted.length === 0 && caughtUp.length === 0) return insync
    const all = [...insync]
    for (const node of wanted) if (!includesNode(all, node)) all.push(node)
    for (const node of caughtUp) if (!includesNode(all, node)) all.push(node)
    return all
  },
  commit: (ownSeq, acked) => {
    let lowest = ownSeq
    for (const seq of acked) if (seq < lowest) lowest = seq
    return lowest
  },
  confirms: ({ grantUntil, echo }, now, takenAt) => grantUntil >= now || echo >= takenAt,
  isMine: (recordEpoch, epoch) => recordEpoch === epoch,
  releasedAtTakeover: (released) => released,
  // Neither an answer that is missing nor one that names an unknown writer says so.
  hasFailed: () => false,
  mayClaim: (record, me) => includesNode(record.insync, me),
  mayBlame: (provenAt, lateSince) => provenAt >= lateSince,
  readyAt: (grantsOut) => grantsOut,
  takesNew: (role) => role === 'owner',
  frozenMail: (mail) => mail,
  mayAct: (leaseHolds) => leaseHolds,
  keepsReplies: () => true,
}
