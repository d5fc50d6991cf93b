/** The journals of the persisted kinds of one incarnation. */
import type { KindData } from '../api/kind.js'
import type { ShardJournals, ShardJournalsEvents } from '../entity/hosting.js'
import { indexOfShard } from '../ids.js'
import type { Reached } from '../limits.js'
import type { Shard } from '../ownership/state.js'
import { EntityJournals } from '../persistence/entity-journals.js'
import { createStore } from '../persistence/store.js'
import type { EngineOptions } from './options.js'

export interface Journals {
  of(shard: Shard, kind: KindData, on: ShardJournalsEvents): ShardJournals
  stop(): void
}

export const createJournals = (options: EngineOptions, reached: Reached): Journals => {
  const { persistence: engine, clock, random, config, on } = options
  const failed = (key: string, cause: string): void => on.event({ tag: 'StoreFailed', key, cause })
  const store = engine === undefined ? null : createStore({ engine, clock, random, config, reached, failed })
  return {
    of: (shard, { kind, source }, events) => {
      if (store === null || source.type !== 'persisted') throw new TypeError(`${kind} has no store`)
      return new EntityJournals({
        kind,
        index: indexOfShard(shard.id),
        store,
        snapshotEveryCount: source.snapshotEveryCount,
        repliesCountMax: config.repliesCountMax,
        on: events,
      })
    },
    stop: () => store?.stop(),
  }
}
