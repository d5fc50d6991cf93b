/**
 * What the last owner of a shard leaves behind when it goes in order, and whoever begins the shard next takes
 * up: for mirrored kinds with `snapshotOnLeave`.
 */
import * as E from 'fp-ts/lib/Either.js'
import type { KindData } from '../api/kind.js'
import { causeAsText } from '../errors.js'
import type { Ownership } from '../ownership/ownership.js'
import type { Shard } from '../ownership/state.js'
import { type ShardSnapshot, snapshotFrom, snapshotText } from '../persistence/shard-snapshot.js'
import { createPauses } from '../std/pauses.js'
import type { EngineOptions } from './options.js'

export interface SnapshotsOptions {
  readonly engine: Pick<EngineOptions, 'snapshots' | 'clock' | 'config' | 'session' | 'on'>
  readonly kinds: ReadonlyMap<string, KindData>
  readonly ownership: Ownership
  /** Its mail waits from now on, and its entities do nothing any more. */
  freeze(shard: Shard): void
}

/** Files that are written at the same time. */
const writesCount = 16

export interface Snapshots {
  /** Whether it is to be looked for what a former owner left. */
  mayHave(shard: Shard, how: 'empty' | 'copy'): boolean
  /** Puts it into the empty copy; `done` also when there is none. */
  restore(shard: Shard, done: () => void): void
  /** Everything that this node owns and nobody takes over; within a time limit. */
  write(done: () => void): void
  stop(): void
}

export const createSnapshots = (options: SnapshotsOptions): Snapshots => {
  const { kinds, ownership } = options
  const { snapshots, clock, config, session, on } = options.engine
  const pauses = createPauses(clock)
  const isKept = ({ kind }: Shard): boolean => {
    const source = kinds.get(kind)?.source
    return snapshots !== undefined && source?.type === 'mirrored' && source.snapshotOnLeave
  }
  const nameOf = ({ id }: Shard): string => `${snapshots?.cluster}.${id}`
  const told = (shard: Shard, what: string): void =>
    on.event({ tag: 'SnapshotSetAside', shard: shard.id, what })

  const fits = ({ gen, storeId }: ShardSnapshot, shard: Shard): boolean => {
    const now = shard.copy?.gen ?? 0
    return storeId === session.records.storeId ? gen === now - 1 : now === 1
  }
  const take = async (shard: Shard): Promise<void> => {
    const store = snapshots?.store
    const kind = kinds.get(shard.kind)
    if (store === undefined || kind === undefined) return
    const name = nameOf(shard)
    const text = await store.read(name)
    if (text === undefined) return
    const read = snapshotFrom(shard.id, kind, text)
    const why = E.isLeft(read) ? read.left : fits(read.right, shard) ? undefined : 'it is of an older life'
    if (E.isLeft(read) || why !== undefined) {
      told(shard, `${await store.setAside(name, `aside-${clock.now()}`)}: ${why}`)
      return
    }
    const { entities, misfits } = read.right
    if (!ownership.begun(shard, entities)) return
    if (misfits.length === 0) await store.remove(name)
    else
      told(shard, `${await store.setAside(name, `aside-${clock.now()}`)}: ${misfits.slice(0, 3).join('; ')}`)
  }
  const save = async (shards: Shard[]): Promise<void> => {
    for (let shard = shards.pop(); shard !== undefined; shard = shards.pop()) {
      const name = nameOf(shard)
      const text = snapshotText(shard, session.records.storeId)
      try {
        await snapshots?.store.write(name, text)
      } catch (error) {
        on.event({ tag: 'StoreFailed', key: name, cause: causeAsText(error) })
      }
    }
  }
  return {
    mayHave: (shard, how) => how === 'empty' && isKept(shard),
    restore: (shard, done) => {
      const failed = (error: unknown): void => told(shard, `not read: ${causeAsText(error)}`)
      void pauses
        .inTime(config.sourceMs, () => take(shard))
        .catch(failed)
        .then(done)
    },
    write: (done) => {
      const shards = [...ownership.owned].filter((shard) => shard.role === 'owner' && isKept(shard))
      for (const shard of shards) options.freeze(shard)
      const left = shards.filter(({ copy }) => (copy?.entities.size ?? 0) > 0)
      if (left.length === 0) return done()
      const writers = Array.from({ length: writesCount }, () => save(left))
      return void pauses.inTime(config.drainMs, () => Promise.all(writers)).then(done, done)
    },
    stop: () => pauses.stop(),
  }
}
