/** What the ownership of a node's shards is given, and what it says. */
import type { Config } from '../config.js'
import type { Change } from '../entity/copy.js'
import type { NodeId, ShardId } from '../ids.js'
import type { Reached } from '../limits.js'
import type { View } from '../membership/membership.js'
import type { Records } from '../records/records.js'
import type { Clock } from '../std/clock.js'
import type { Envelope } from '../wire/envelope.js'
import type { Placing } from './places.js'
import type { Rules } from './rules.js'
import type { Shard } from './state.js'

export interface OwnershipOptions {
  readonly me: NodeId
  readonly records: Records
  readonly clock: Clock
  readonly config: Config
  readonly reached: Reached
  readonly rules?: Rules
  readonly membership: {
    view(): View
    leaseHolds(): boolean
    isGone(node: NodeId): boolean
    /** Gone, and its lease has run out also by its own clock. */
    leaseIsOver(node: NodeId): boolean
  }
  /** How many mirrors a kind wants; 0 for kinds without. */
  copiesOf(kind: string): number
  /** Who holds back what a new owner of a shard of this kind lets out, until they let go. Default: nobody. */
  readonly holdersOf?: (kind: string) => readonly string[]
  /** Nothing of its entities is in the copy of a shard; absent: none is so. */
  readonly isDisposable?: (kind: string) => boolean
  /** What a kind says of its place; absent: nothing. */
  readonly placingOf?: (kind: string) => Placing | undefined
  /** Mail for it was taken and is not handled yet. */
  hasMail(shard: Shard): boolean
  /** The longest frame; default `frameBytesMax` of the config. */
  readonly frameBytesMax?: number
  /** False when it did not leave. */
  send(to: NodeId, envelope: Envelope): boolean
  /** Calls `flush` at the end of the turn. */
  flushSoon(): void
  readonly on: OwnershipEvents
}
export interface OwnershipEvents {
  /** The outputs of a change may leave. */
  released(shard: Shard, change: Change): void
  took(shard: Shard, how: 'empty' | 'copy'): void
  steppedDown(shard: Shard, dropped: readonly Change[]): void
  /** This node began to hand it over. */
  giving(shard: Shard): void
  /** The record now names another node; mail held back may follow. */
  gave(shard: Shard, to: NodeId): void
  giveFailed(shard: Shard): void
  recordChanged(shard: ShardId, owner: NodeId, before: NodeId | null): void
  broken(shard: Shard, what: string): void
}
