/** A version of a shard's record as the watch shows it. */
import type * as E from 'fp-ts/lib/Either.js'
import { indexOfShard, kindOfShard, type ShardId } from '../ids.js'
import type { RecordVersion } from '../records/records.js'
import { recordFromBytes, shardOfChain, type VersionedRecord } from './protocol.js'

export interface Sighting {
  readonly id: ShardId
  readonly kind: string
  readonly index: number
  readonly record: E.Either<string, VersionedRecord>
}

/** By the bytes: nodes that share a process see the same ones, and keep one record. */
const sightings = new WeakMap<Uint8Array, Sighting>()

export const sightingOf = ({ chain, version, value }: RecordVersion): Sighting => {
  const known = sightings.get(value)
  if (known !== undefined) return known
  const id = shardOfChain(chain)
  const sighting: Sighting = {
    id,
    kind: kindOfShard(id),
    index: indexOfShard(id),
    record: recordFromBytes(version, value),
  }
  sightings.set(value, sighting)
  return sighting
}
