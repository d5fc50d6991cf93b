/**
 * One string per shard for all of a process: a fresh one would be hashed again by each map that it is looked
 * up in. Kept in pages, because a node names few of many shards.
 */
import { type ShardId, shardId } from '../ids.js'

const pageCount = 256
/** Kinds beyond these get fresh strings. */
const kindsCountMax = 1_024
const pagesByKind = new Map<string, (ShardId | undefined)[][]>()

export const nameOfShard = (kind: string, index: number): ShardId => {
  const pages = pagesByKind.get(kind)
  const known = pages?.[Math.floor(index / pageCount)]?.[index % pageCount]
  return known ?? keep(kind, index, pages)
}

const keep = (kind: string, index: number, known: (ShardId | undefined)[][] | undefined): ShardId => {
  const name = shardId(kind, index)
  if (known === undefined && pagesByKind.size >= kindsCountMax) return name
  const pages = known ?? []
  if (known === undefined) pagesByKind.set(kind, pages)
  const at = Math.floor(index / pageCount)
  while (pages.length <= at) pages.push([])
  const page = pages[at] as (ShardId | undefined)[]
  while (page.length < pageCount) page.push(undefined)
  page[index % pageCount] = name
  return name
}
