/**
 * Entities whose state comes from elsewhere: it is brought into memory before their first message, and those
 * with a journal may leave it again.
 */
import type { KindData } from '../api/kind.js'
import type { Shard } from '../ownership/state.js'
import { type EntityCopy, isForgettable } from './copy.js'
import {
  closeRunning,
  type Hosted,
  journalHolder,
  type Running,
  type ShardJournals,
  type ShardJournalsEvents,
  type TimerDue,
} from './hosting.js'
import { Loading } from './loading.js'
import type { EntitiesOptions } from './options.js'
import type { StepInput } from './protocol.js'

export interface SourcesOptions
  extends Pick<EntitiesOptions, 'clock' | 'random' | 'config' | 'ownership' | 'journals' | 'loadFailed'> {
  arm(due: TimerDue): void
  sendCommand(shard: Shard, id: string, number: number): void
  postOwn(hosted: Hosted, id: string, input: StepInput): void
  hosts(hosted: Hosted): boolean
  /** So many more of its entities live. */
  addLive(hosted: Hosted, count: number): void
}

export class Sources {
  readonly #options: SourcesOptions
  readonly #loading: Loading

  constructor(options: SourcesOptions) {
    this.#options = options
    const { clock, random, config, loadFailed } = options
    this.#loading = new Loading({ clock, random, sourceMs: config.sourceMs, failed: loadFailed })
  }

  stop(): void {
    this.#loading.stop()
  }

  /** A shard of a persisted kind. What a former owner had in memory says less than its journals. */
  open(hosted: Hosted, kind: KindData): void {
    const { shard } = hosted
    const { ownership } = this.#options
    const { copy } = shard
    if (copy !== null) {
      copy.entities.clear()
      const count = copy.seq - copy.released
      // Changes of a former owner that nobody has seen: those that its journals have are read from there.
      ownership.undone(
        shard,
        Array.from({ length: count }, (_, i) => copy.released + 1 + i),
      )
    }
    ownership.hold(shard, journalHolder, null)
    hosted.journals = this.#options.journals(shard, kind, this.#events(hosted))
  }

  /** Brings what an entity lacks; false when it failed, or the entity was closed meanwhile. */
  async bring(hosted: Hosted, running: Running, isPatient: boolean): Promise<boolean> {
    const { id, shard } = running
    const { source } = running.kind
    const { journals } = hosted
    if (source.type === 'rebuilt') {
      const rebuilt = await this.#loading.load(running, () => source.rebuild(id), isPatient)
      if (rebuilt === null || running.isClosed) return false
      running.hasState = shard.copy?.entities.get(id)?.life === 'live'
      if (running.hasState) running.state = rebuilt.value
      else running.begun = { state: rebuilt.value }
    } else if (journals !== null) {
      const loaded = await this.#loading.load(running, () => journals.load(id), isPatient)
      if (loaded === null || running.isClosed) return false
      loaded.value.begin()
      running.isLoaded = true
      if (loaded.value.entity !== null) this.#arrived(hosted, loaded.value.entity)
    }
    return true
  }

  /** Its outputs wait until the journal has this change. */
  hold({ shard, unwritten }: Hosted, seq: number): void {
    unwritten.add(seq)
    if (unwritten.size === 1) this.#options.ownership.hold(shard, journalHolder, seq)
  }

  /**
   * Lets entities leave memory that come back from their journals when they are spoken to. Gives how many
   * left.
   */
  unload(hosted: Hosted, journals: ShardJournals, isIdle: (id: string) => boolean): number {
    const now = this.#options.clock.now()
    const { copy } = hosted.shard
    let count = 0
    journals.sweep()
    for (const [id, one] of hosted.running) {
      const entity = copy?.entities.get(id)
      const isOver = entity === undefined || isForgettable(entity, now) || isIdle(id)
      if (!isOver || one.isLoading || one.cell.mailCount > 0 || !journals.unload(id)) continue
      this.#leaves(hosted, id)
      hosted.running.delete(id)
      count++
      closeRunning(one)
    }
    return count
  }

  /** It is in memory: its timers are armed and its open commands go on. */
  #arrived(hosted: Hosted, entity: EntityCopy): void {
    const { id, timers, outbox } = entity
    hosted.shard.copy?.entities.set(id, entity)
    if (entity.life === 'live') this.#options.addLive(hosted, 1)
    for (const [name, { at }] of timers) this.#options.arm({ hosted, id, name, at })
    for (const number of outbox.keys()) this.#options.sendCommand(hosted.shard, id, number)
  }

  #leaves(hosted: Hosted, id: string): void {
    const entities = hosted.shard.copy?.entities
    if (entities?.get(id)?.life === 'live') this.#options.addLive(hosted, -1)
    entities?.delete(id)
  }

  #events(hosted: Hosted): ShardJournalsEvents {
    const { hosts, postOwn } = this.#options
    return {
      written: (seqs) => {
        if (hosts(hosted)) this.#wrote(hosted, seqs)
      },
      foreign: (id, seqs) => {
        if (hosts(hosted)) this.#forget(hosted, id, seqs)
      },
      awake: (ids) => {
        if (hosts(hosted)) for (const id of ids) postOwn(hosted, id, { type: 'wake' })
      },
    }
  }

  /** Outputs leave in their order, so they wait for the first change that is not written. */
  #wrote({ shard, unwritten }: Hosted, seqs: readonly number[]): void {
    for (const seq of seqs) unwritten.delete(seq)
    const [first = null] = unwritten
    this.#options.ownership.hold(shard, journalHolder, first)
  }

  /** What is in memory of it is not what the journal says: it is read again. */
  #forget(hosted: Hosted, id: string, seqs: readonly number[]): void {
    const { ownership, postOwn } = this.#options
    const { shard } = hosted
    this.#leaves(hosted, id)
    const running = hosted.running.get(id)
    if (running !== undefined) {
      running.isLoaded = false
      running.hasState = false
    }
    ownership.undone(shard, seqs)
    this.#wrote(hosted, seqs)
    // Another owner wrote in its place, so the record may name it.
    ownership.doubt(shard)
    postOwn(hosted, id, { type: 'wake' })
  }
}
