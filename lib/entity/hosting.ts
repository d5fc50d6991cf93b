/** What runs on this node of one owned shard. */
import type { KindData } from '../api/kind.js'
import { indexOfShard, type NodeId } from '../ids.js'
import type { Shard } from '../ownership/state.js'
import type { AskEnvelope, TellEnvelope } from '../wire/envelope.js'
import type { Change, EntityCopy } from './copy.js'
import type { Begun, StepInput } from './protocol.js'

/** Something for one entity to do: mail, or its own timers and answers. */
export type Work =
  | { readonly type: 'mail'; readonly envelope: AskEnvelope | TellEnvelope; readonly from: NodeId }
  | { readonly type: 'own'; readonly input: StepInput }

/** One entity's mailbox, as the kernel gives it. */
export interface EntityCell {
  /** False when it is full; its own work goes before mail and is always taken. */
  post(work: Work): boolean
  /** How much waits in it. */
  readonly mailCount: number
  close(): void
}
export interface EntityBody {
  readonly kind: KindData
  readonly id: string
  /**
   * Throws, or rejects with, what a step throws: then the cell's supervisor decides. The promise is for an
   * entity that has to be brought into memory first; until it is settled nothing else is handled.
   */
  readonly handle: (work: Work) => void | PromiseLike<void>
  /** What the crash was about, and that it will not be handled. */
  readonly crashed: (work: Work, error: unknown) => void
  /** The cell was closed with this still in its mailbox. */
  readonly left: (work: Work) => void
}
export type OpenCell = (body: EntityBody) => EntityCell

/** One entity that has a mailbox. */
export interface Running {
  readonly kind: KindData
  readonly id: string
  readonly shard: Shard
  readonly cell: EntityCell
  hasState: boolean
  state: unknown
  /** What it begins from when it is not live. */
  begun: Begun | undefined
  /** Its state may have to be asked for before the next step. */
  mayLack: boolean
  /** Attempts to bring its state here that failed one after the other, and when the next one may be made. */
  failedCount: number
  retryAt: number
  isClosed: boolean
  isLoading: boolean
  /** Of a persisted entity: what its journal has is in memory. */
  isLoaded: boolean
  /** Monotonic, of its last step. */
  lastAt: number
}

export const newRunning = (shard: Shard, kind: KindData, id: string, cell: EntityCell): Running => ({
  kind,
  id,
  shard,
  cell,
  hasState: false,
  state: undefined,
  begun: undefined,
  mayLack: kind.source.type === 'rebuilt' || kind.source.type === 'persisted',
  failedCount: 0,
  retryAt: 0,
  isClosed: false,
  isLoading: false,
  isLoaded: false,
  lastAt: 0,
})

export const closeRunning = (running: Running): void => {
  running.isClosed = true
  running.cell.close()
}

/** Who holds back the outputs of a shard of a persisted kind. */
export const journalHolder = 'journals'

/** What the journals of a shard say. */
export interface ShardJournalsEvents {
  /** These changes are in the store. */
  written(seqs: readonly number[]): void
  /** Somebody else has written the journal of this id, so these changes will never be in it. */
  foreign(id: string, seqs: readonly number[]): void
  /** Ids with timers or commands that have to go on. */
  awake(ids: readonly string[]): void
}
/** What a journal has of one id. */
export interface LoadedEntity {
  /** Null for one that never was. */
  readonly entity: EntityCopy | null
  /** From now on its changes are written. */
  begin(): void
}
/** Where the changes of the persisted entities of one owned shard are kept. */
export interface ShardJournals {
  /** What is kept of an id. Rejects when it cannot be read. */
  load(id: string): PromiseLike<LoadedEntity>
  /** Whether it is short enough to be written. */
  fits(change: Change): boolean
  /** A change of a loaded entity that has been applied to it. */
  append(entity: EntityCopy, change: Change): void
  /** It may leave memory; false while something of it is under way. */
  unload(id: string): boolean
  /** From time to time: forgets who need not be woken any more. */
  sweep(): void
  close(): void
}

/** One owned shard, for one ownership. */
export interface Hosted {
  readonly shard: Shard
  /** Monotonic. */
  readonly since: number
  readonly running: Map<string, Running>
  /** How to give up each open command, by number and id. */
  readonly commands: Map<string, () => void>
  /** How often the answer to a command has crashed its entity, by number and id. */
  readonly failedAnswers: Map<string, number>
  /** Ids that were told of the loss of their state. */
  readonly toldOfLoss: Set<string>
  /** How many of its entities live. */
  liveCount: number
  /** For a persisted kind. */
  journals: ShardJournals | null
  /** Changes that its journals do not have yet, in their order. */
  readonly unwritten: Set<number>
}

export interface TimerDue {
  readonly hosted: Hosted
  readonly id: string
  readonly name: string
  readonly at: number
}

export const newHosted = (shard: Shard, since: number): Hosted => ({
  shard,
  since,
  running: new Map(),
  commands: new Map(),
  failedAnswers: new Map(),
  toldOfLoss: new Set(),
  liveCount: 0,
  journals: null,
  unwritten: new Set(),
})

export const commandKey = (id: string, number: number): string => `${number} ${id}`

/** What the reqIds of an entity's commands begin with; the number of the command follows. */
export const commandStem = (
  { id, kind, copy }: Shard,
  entity: Pick<EntityCopy, 'id' | 'since'>,
  life = `${copy?.gen}.${entity.since}`,
): string => `${kind}/${entity.id}/${indexOfShard(id)}.${life}/`

/** Commands whose first sending is an output that has not been released yet. */
export const unsentCommands = ({ copy }: Shard): ReadonlySet<string> => {
  const unsent = new Set<string>()
  for (const { seq, id, outputs } of copy?.log ?? []) {
    if (seq <= (copy?.released ?? 0)) continue
    for (const output of outputs) if (output.to === 'command') unsent.add(commandKey(id, output.number))
  }
  return unsent
}

/** How many entities live on this node. */
export class Lives {
  readonly #byKind = new Map<string, number>()

  /** Of a kind. */
  count(kind: string): number {
    return this.#byKind.get(kind) ?? 0
  }

  add(hosted: Hosted, count: number): void {
    const { kind } = hosted.shard
    hosted.liveCount += count
    this.#byKind.set(kind, this.count(kind) + count)
  }

  /** Before the change is applied. */
  note(hosted: Hosted, { id, life }: Change): void {
    const wasLive = hosted.shard.copy?.entities.get(id)?.life === 'live'
    if (wasLive !== (life === 'live')) this.add(hosted, wasLive ? -1 : 1)
  }
}
