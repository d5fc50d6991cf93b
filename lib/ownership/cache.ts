/**
 * The last record of every shard that a node has seen, kept small: most of them it has nothing to do with.
 * For each kind pages of records by index, and a column of short hashes to find those of one owner.
 */
import { indexOfShard, kindOfShard, type NodeId, type ShardId, shardId } from '../ids.js'
import { hash32 } from '../std/hash.js'
import type { VersionedRecord } from './protocol.js'

const pageCount = 256

type Page = (VersionedRecord | undefined)[]

interface KindRecords {
  readonly pages: (Page | undefined)[]
  readonly owners: Uint16Array
}

const newPage = (pages: (Page | undefined)[], at: number): Page => {
  const page: Page = []
  for (let i = 0; i < pageCount; i++) page.push(undefined)
  while (pages.length <= at) pages.push(undefined)
  pages[at] = page
  return page
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
    this.take(kindOfShard(id), indexOfShard(id), record)
  }
  /**
   * Keeps a record if it is newer than what is kept; the one before it, null without one, or undefined when
   * it is not newer. A shard that cannot be, by its number, is left out.
   */
  take(kind: string, index: number, record: VersionedRecord): VersionedRecord | null | undefined {
    if (!(index >= 0 && index < this.#shardCount)) return undefined
    const its = this.#kinds.get(kind) ?? this.#newKind(kind)
    const at = Math.floor(index / pageCount)
    const page = its.pages[at] ?? newPage(its.pages, at)
    const before = page[index % pageCount]
    if (before !== undefined && before.version >= record.version) return undefined
    page[index % pageCount] = record
    if (before?.owner !== record.owner) its.owners[index] = shortHash(record.owner)
    return before ?? null
  }

  #newKind(kind: string): KindRecords {
    const made = { pages: [], owners: new Uint16Array(this.#shardCount) }
    this.#kinds.set(kind, made)
    return made
  }

  /** All that are known of a kind, by index. */
  *ofKind(kind: string): Iterable<readonly [index: number, record: VersionedRecord]> {
    for (const [at, page] of this.#kinds.get(kind)?.pages.entries() ?? [])
      for (const [i, record] of page?.entries() ?? [])
        if (record !== undefined) yield [at * pageCount + i, record]
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
