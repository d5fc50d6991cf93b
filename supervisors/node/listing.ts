/**
 * Which entities of a kind live where, page by page: what an owner answers of its shards, and how the answers
 * of all become one page. Pages go by shard and then by id, so that an entity which moves between two pages
 * is neither missed nor listed twice.
 */
import type { EntityPlace } from '../../lib/api/listing.js'
import type { NodeId } from '../../lib/ids.js'

/** After which entity a page begins. */
export interface Position {
  readonly index: number
  readonly id: string
}
export const beginning: Position = { index: 0, id: '' }

export const positionText = ({ index, id }: Position): string => `${index}/${id}`
export const positionOf = (text: string): Position | undefined => {
  const cut = text.indexOf('/')
  const index = Number(text.slice(0, cut))
  return cut > 0 && Number.isSafeInteger(index) && index >= 0 ? { index, id: text.slice(cut + 1) } : undefined
}

/** One shard that the answering node owns, and those of its ids that are asked for, in order. */
export type ShardRow = readonly [index: number, epoch: number, ids: readonly string[]]
export interface Answer {
  readonly rows: readonly ShardRow[]
  /** Nothing follows the last row. Else it has more, from the last id on. */
  readonly isAll: boolean
}

export interface OwnedShard {
  readonly index: number
  readonly epoch: number
  /** Those that live, in any order. */
  ids(): string[]
}
export interface Wanted {
  readonly after: Position
  readonly limit: number
}

/** A row costs about this much beside its ids, and an id beside its characters. */
const rowBytes = 16
const idBytes = 4

/** What an owner answers: at most `limit` ids, and about `bytesMax` bytes, but always one id. */
export const answerOf = (
  owned: readonly OwnedShard[],
  { after, limit }: Wanted,
  bytesMax: number,
): Answer => {
  const rows: ShardRow[] = []
  let room = limit
  let bytes = 0
  const inOrder = owned.filter(({ index }) => index >= after.index).sort((a, b) => a.index - b.index)
  for (const shard of inOrder) {
    if (room === 0 || (bytes >= bytesMax && room < limit)) return { rows, isAll: false }
    const all = shard.ids().sort()
    const ids = shard.index === after.index ? all.filter((id) => id > after.id) : all
    let count = 0
    bytes += rowBytes
    while (count < ids.length && room > 0 && (bytes < bytesMax || room === limit)) {
      // A character is three bytes at most.
      bytes += 3 * (ids[count]?.length ?? 0) + idBytes
      count++
      room--
    }
    rows.push([shard.index, shard.epoch, ids.slice(0, count)])
    if (count < ids.length) return { rows, isAll: false }
  }
  return { rows, isAll: true }
}

const isBefore = (a: Position, b: Position): boolean =>
  a.index < b.index || (a.index === b.index && a.id <= b.id)

/** Up to where an answer is complete; undefined: to the end. */
const endOf = ({ rows, isAll }: Answer): Position | undefined => {
  const last = rows.at(-1)
  return isAll || last === undefined ? undefined : { index: last[0], id: last[2].at(-1) ?? '' }
}

interface Best<A> {
  readonly node: NodeId
  readonly epoch: number
  readonly value: A
}
/** Who says what of each shard: of two that think they own it, the one with the higher epoch. */
export const bestOf = <A>(
  answers: ReadonlyMap<NodeId, readonly (readonly [index: number, epoch: number, value: A])[]>,
): ReadonlyMap<number, Best<A>> => {
  const best = new Map<number, Best<A>>()
  for (const [node, rows] of answers) {
    for (const [index, epoch, value] of rows) {
      const known = best.get(index)
      if (known === undefined || known.epoch < epoch) best.set(index, { node, epoch, value })
    }
  }
  return best
}

export interface Merged {
  readonly entities: readonly EntityPlace<string>[]
  /** Where the next page begins; undefined when this is the last. */
  readonly next: Position | undefined
  /** Shards from the first to the last of this page of which somebody has answered. */
  readonly best: ReadonlyMap<number, Best<readonly string[]>>
}

export const pageOf = (answers: ReadonlyMap<NodeId, Answer>, limit: number): Merged => {
  const ends = [...answers.values()].flatMap((answer) => endOf(answer) ?? [])
  const horizon = ends.length === 0 ? undefined : ends.reduce((a, b) => (isBefore(a, b) ? a : b))
  const best = bestOf(new Map([...answers].map(([node, { rows }]) => [node, rows])))
  const entities: EntityPlace<string>[] = []
  let last: Position | undefined
  for (const [index, { node, value }] of [...best].sort(([a], [b]) => a - b)) {
    for (const id of value) {
      if (horizon !== undefined && !isBefore({ index, id }, horizon)) return { entities, next: horizon, best }
      if (entities.length === limit) return { entities, next: last, best }
      last = { index, id }
      entities.push({ id, node })
    }
  }
  return { entities, next: horizon, best }
}
