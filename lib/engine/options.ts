/** What an engine is given, what it says, and what it is asked. */
import type { KindData } from '../api/kind.js'
import type { Origin } from '../api/topic.js'
import type { AvailableEvent } from '../available/options.js'
import type { SideCopies } from '../available/state.js'
import type { Config } from '../config.js'
import type { OpenCell } from '../entity/hosting.js'
import type { AskError } from '../errors.js'
import type { NodeId, ShardId } from '../ids.js'
import type { Reached } from '../limits.js'
import type { MembershipRules, View } from '../membership/membership.js'
import type { Rules } from '../ownership/rules.js'
import type { PersistenceEngine, SnapshotStore } from '../persistence/protocol.js'
import type { Clock } from '../std/clock.js'
import type { Random } from '../std/random.js'
import type { Session } from '../transport/transport.js'
import type { AskEnvelope, ControlEnvelope, TellEnvelope, Wire } from '../wire/envelope.js'

export interface EngineOptions {
  readonly session: Session
  readonly clock: Clock
  readonly random: Random
  readonly config: Config
  /** Default: counts of its own. */
  readonly reached?: Reached
  readonly name: string
  readonly roles: readonly string[]
  readonly weight: number
  readonly release: string
  readonly kinds: readonly KindData[]
  readonly openCell: OpenCell
  /** Shards that had begun in a record store that was lost since, in an earlier incarnation. */
  readonly lostShards?: ReadonlySet<string>
  /** For the journals of persisted kinds. */
  readonly persistence?: PersistenceEngine | undefined
  /** For kinds with `snapshotOnLeave`. */
  readonly snapshots?: { readonly store: SnapshotStore; readonly cluster: string } | undefined
  /** What available kinds have here that an earlier incarnation of the node began. */
  readonly sides?: SideCopies
  /** The simulation puts wrong ones here to see them caught. */
  readonly rules?: Rules
  readonly membershipRules?: MembershipRules
  readonly on: EngineEvents
}
export interface EngineEvents {
  /** Joining failed, or this incarnation was declared dead. It does nothing any more. */
  lost(why: string): void
  frozen(isFrozen: boolean): void
  changed(view: View): void
  /** A message for this node's own actor of that kind. `answer` is for asks. */
  local(envelope: AskEnvelope | TellEnvelope, from: NodeId, answer: LocalAnswer): void
  published(topic: string, payload: Wire, origin: Origin): void
  control(envelope: ControlEnvelope, from: NodeId): void
  /** An entity that this node owns began or ended, and every mirror knows it. */
  lived?(kind: string, id: string, life: 'live' | 'stopped'): void
  /** This node owns the shard no more. */
  shardLeft?(shard: ShardId, owner: NodeId | null): void
  /** This node has become its owner, or begins to hand it over, or goes on after all. */
  shardChanged?(kind: string): void
  /** An actor of the node runs for this kind and has not ended yet. */
  isBusy?(kind: string): boolean
  /** Everything is handed over that will be: `go` lets the lease go. */
  leaving?(go: () => void): void
  event(event: EngineEvent): void
}
export type LocalAnswer = (outcome: 'reply' | 'refusal' | 'error', payload: Wire | AskError) => void
export type EngineEvent =
  | AvailableEvent
  | {
      readonly tag: 'DeadLetter'
      readonly address: string
      readonly message: string
      readonly reason: string
    }
  | { readonly tag: 'Owned'; readonly shard: string; readonly epoch: number; readonly how: 'empty' | 'copy' }
  | {
      readonly tag: 'SteppedDown'
      readonly shard: string
      readonly outputsDropped: number
      /** Who owns it now, and its epoch. */
      readonly winner: NodeId
      readonly epoch: number
    }
  | { readonly tag: 'StateLost'; readonly shard: string; readonly gen: number }
  | { readonly tag: 'SnapshotSetAside'; readonly shard: string; readonly what: string }
  | { readonly tag: 'StoreFailed'; readonly key: string; readonly cause: string }
  | { readonly tag: 'LoadFailed'; readonly address: string; readonly cause: string }
  | { readonly tag: 'Broken'; readonly what: string }

export interface Target {
  readonly kind: string
  /** Empty with `node`. */
  readonly id: string
  readonly node?: NodeId
}
export interface Message {
  readonly tag: string
  readonly payload: Wire
}
export interface AskGiven {
  /** Default `askTimeoutMs`, at most `askTimeoutMsMax`. */
  readonly timeoutMs?: number
  readonly reqId?: string
}
export interface EngineCounts {
  tellsSent: number
  tellsHandled: number
  tellsBuried: number
  asksSent: number
  asksEnded: number
  lateAnswers: number
  /** Shards that this node began to hand over, and how that ended. */
  handoffsStarted: number
  handoffsFinished: number
  handoffsFailed: number
}

/** Where an entity lives, as far as this node knows. */
export interface Whereabouts {
  readonly shard: string
  readonly owner: NodeId | null
  readonly epoch: number
  readonly insync: readonly NodeId[]
  /** By record; false when it is only where it would be begun. */
  readonly isRecorded: boolean
}
