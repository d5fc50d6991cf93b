/** What the available kinds of a node are given, and what they say. */
import type { KindData } from '../api/kind.js'
import type { Config } from '../config.js'
import type { Output } from '../entity/copy.js'
import type { Entities } from '../entity/entities.js'
import type { EntitiesOptions } from '../entity/options.js'
import type { NodeId } from '../ids.js'
import type { Reached } from '../limits.js'
import type { View } from '../membership/membership.js'
import type { Ownership } from '../ownership/ownership.js'
import type { Shard } from '../ownership/state.js'
import type { Clock } from '../std/clock.js'
import type { Random } from '../std/random.js'
import type { Session } from '../transport/transport.js'
import type { AskEnvelope, TellEnvelope } from '../wire/envelope.js'
import type { HandOversOptions } from './hand-overs.js'
import type { SideCopies } from './state.js'

export type AvailableEvent =
  | { readonly tag: 'SideCopyBegun'; readonly shard: string; readonly entities: number }
  | { readonly tag: 'SideCopyEnded'; readonly shard: string }
  | {
      readonly tag: 'NameConflict'
      readonly address: string
      readonly winner: NodeId
      readonly epoch: number
    }
  | { readonly tag: 'NotMerged'; readonly address: string; readonly reason: string }

export interface AvailableOptions {
  readonly me: NodeId
  readonly clock: Clock
  readonly config: Config
  readonly random: Random
  readonly reached: Reached
  readonly kinds: ReadonlyMap<string, KindData>
  readonly session: Pick<Session, 'status' | 'probe'>
  readonly membership: { view(): View; isGone(node: NodeId): boolean; leaseHolds(): boolean }
  readonly ownership: Ownership
  /** The entities of the shards that this node owns. */
  readonly owned: () => Pick<Entities, 'statesOf'>
  /** Those that an earlier incarnation of this node began, and where they are kept for the next one. */
  readonly sides: SideCopies
  readonly entities: Omit<EntitiesOptions, 'ownership' | 'isLost' | 'seed' | 'frozenWork' | 'cellName'>
  readonly ask: HandOversOptions['ask']
  /** An output of a side copy: it leaves at once, and without a position in the shard's history. */
  release(shard: Shard, id: string, output: Output): void
  giveUp(envelope: AskEnvelope | TellEnvelope): void
  /** Messages of available kinds may go another way now. */
  wayChanged(): void
  event(event: AvailableEvent): void
}
