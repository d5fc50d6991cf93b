/** What the entities of a node are given. */
import type { KindData } from '../api/kind.js'
import type { Origin } from '../api/topic.js'
import type { Config } from '../config.js'
import type { AskError } from '../errors.js'
import type { NodeId } from '../ids.js'
import type { Kept, Reminder } from '../keeping/protocol.js'
import type { Reached } from '../limits.js'
import type { Ownership } from '../ownership/ownership.js'
import type { Shard } from '../ownership/state.js'
import type { Clock } from '../std/clock.js'
import type { Random } from '../std/random.js'
import type { AskEnvelope, TellEnvelope, Wire } from '../wire/envelope.js'
import type { Change, Command } from './copy.js'
import type { OpenCell, ShardJournals, ShardJournalsEvents } from './hosting.js'
import type { CommandOutcome } from './protocol.js'

/** What was kept of a shard that begins anew. */
export type Restored = Pick<Kept, 'reminders' | 'ids'>

export interface EntitiesOptions {
  readonly clock: Clock
  readonly random: Random
  readonly config: Config
  readonly reached: Reached
  /** What a frame to a mirror takes: the knob, or less where the server says so. */
  readonly frameBytesMax: number
  readonly here: Origin
  readonly kinds: ReadonlyMap<string, KindData>
  readonly ownership: Pick<
    Ownership,
    'mayServe' | 'takesNew' | 'change' | 'read' | 'hold' | 'undone' | 'doubt'
  >
  readonly openCell: OpenCell
  /** An ask got an answer that is free to leave. */
  answer(envelope: AskEnvelope, outcome: 'reply' | 'refusal' | 'error', payload: Wire | AskError): void
  /** A tell ended without being handled. */
  bury(envelope: TellEnvelope, reason: string): void
  /** A tell was handled, or is known already: its story ends here. */
  tellHandled(): void
  /** Mail for an entity that this node does not own any more. */
  reroute(envelope: AskEnvelope | TellEnvelope, from: NodeId): void
  /** Mail that was still in a mailbox here when its shard moved: it goes before what waits behind it. */
  left(envelope: AskEnvelope | TellEnvelope, from: NodeId): void
  /** Gets a command to its receiver; `done` once, with its answer. */
  command(command: Command, reqId: string, done: (outcome: CommandOutcome, payload: Wire) => void): () => void
  /** The answer to a command of this entity crashed it each time: the command is let go. */
  abandoned(address: string, then: string): void
  /** A mirrored generation began empty because every copy was lost. */
  isLost(shard: Shard): boolean
  /** The journals of a shard of a persisted kind. */
  journals(shard: Shard, kind: KindData, on: ShardJournalsEvents): ShardJournals
  /** For what outlives all nodes: told of each change before anything of it leaves. */
  readonly keeping: {
    changed(shard: Shard, change: Change, fell: Reminder | undefined): void
    isFull(shard: Shard): boolean
  }
  /** The state of an entity could not be brought into memory; it is tried again. */
  loadFailed(address: string, cause: string): void
  /** A timer or an answer is due here, and the node may not act on it. */
  frozenWork?(shard: Shard): void
  /** What a disposable entity goes on from; undefined: it begins. */
  seed?(shard: Shard, id: string): unknown
  /** Of its cell, which has a sibling for each entity of its kind on this node. Default: its id. */
  cellName?(id: string): string
}
