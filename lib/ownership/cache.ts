/**
 * The last record of every shard that a node has seen, kept small: most of them it has nothing to do with.
 * For each kind pages of records by index, and a column of short hashes to find those of one owner.
 */
import { indexOfShard, kindOfShard, type NodeId, type ShardId, shardId } from '../ids.js'
import { hash32 } from '../std/hash.js'
import type { VersionedRecord } from './protocol.js'

const pageCount = 256

interface KindRecords {
  readonly pages: (VersionedRecord | undefined)[][]
  readonly owners: Uint16Array
}

/** Never 0, which is for no owner. */
const shortHash = (node: NodeId): number => hash32(node) & 0xffff || 1

export class RecordCache {
  readonly #kinds = new Map<string, KindRecords>()
  readonly #shardCount: number

  constructor(shardCount: number) {
    this.#shardCount = shardCount
  }

  get(id: ShardId): VersionedRecord | null {
    return this.at(kindOfShard(id), indexOfShard(id))
  }
  at(kind: string, index: number): VersionedRecord | null {
    return this.#kinds.get(kind)?.pages[Math.floor(index / pageCount)]?.[index % pageCount] ?? null
  }

  set(id: ShardId, record: VersionedRecord): void {
    this.put(kindOfShard(id), indexOfShard(id), record)
  }
  /** A shard that cannot be, by its number, is left out. */
  put(kind: string, index: number, record: VersionedRecord): void {
    if (!(index >= 0 && index < this.#shardCount)) return
    let its = this.#kinds.get(kind)
    if (its === undefined) {
      its = { pages: [], owners: new Uint16Array(this.#shardCount) }
      this.#kinds.set(kind, its)
    }
    const at = Math.floor(index / pageCount)
    const page = its.pages[at] ?? []
    if (page.length === 0) {
      for (let i = 0; i < pageCount; i++) page.push(undefined)
      for (let i = its.pages.length; i < at; i++) its.pages.push([])
      its.pages[at] = page
    }
    page[index % pageCount] = record
    its.owners[index] = shortHash(record.owner)
  }

  /** All that are known of a kind, by index. */
  *ofKind(kind: string): Iterable<readonly [index: number, record: VersionedRecord]> {
    for (const [at, page] of this.#kinds.get(kind)?.pages.entries() ?? [])
      for (const [i, record] of page.entries()) if (record !== undefined) yield [at * pageCount + i, record]
  }

  /** The shards that this node owns by record: one look through a column per kind. */
  ownedBy(node: NodeId): readonly ShardId[] {
    const found: ShardId[] = []
    const hash = shortHash(node)
    for (const [kind, { owners }] of this.#kinds)
      for (let i = owners.indexOf(hash); i >= 0; i = owners.indexOf(hash, i + 1))
        if (this.at(kind, i)?.owner === node) found.push(shardId(kind, i))
    return found
  }
}
