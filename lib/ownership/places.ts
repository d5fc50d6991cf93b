/** Where the shards of each kind should live, over the members of one view. */
import { indexOfShard, kindOfShard, type NodeId, type ShardId, shardId } from '../ids.js'
import type { View } from '../membership/state.js'
import type { Ranking } from '../placement/placement.js'
import { ofNewestRelease } from '../placement/release.js'
import { placement, type PlacementMember, type PlacementStrategy } from '../placement/strategy.js'

/** What a kind says of its place. */
export interface Placing {
  readonly strategy: PlacementStrategy
  /** By its name shards are ranked, so that kinds of one group go to the same nodes. */
  readonly group: string
  /** The other kinds of its group. */
  readonly siblings: readonly string[]
}

export interface Place extends Ranking {
  readonly placing: Placing
  /** Members of more than one release run the kind. */
  readonly isMixed: boolean
  /** As `owner`, among members of the newest release: for a shard that begins. */
  beginner(shard: ShardId): NodeId | undefined
}

export class Places {
  readonly #view: () => View
  readonly #placingOf: (kind: string) => Placing | undefined
  readonly #places = new Map<string, { version: number; place: Place }>()

  constructor(view: () => View, placingOf: (kind: string) => Placing | undefined) {
    this.#view = view
    this.#placingOf = placingOf
  }

  of(kind: string): Place {
    const view = this.#view()
    const known = this.#places.get(kind)
    if (known?.version === view.version) return known.place
    const place = placeOf(kind, view, this.#placingOf(kind))
    this.#places.set(kind, { version: view.version, place })
    return place
  }
}

/** The same few shards are asked about again and again while something is under way. */
const remembered = (rank: Ranking['rank']): Ranking['rank'] => {
  const known = new Map<ShardId, { readonly count: number | undefined; readonly order: readonly NodeId[] }>()
  return (shard, count) => {
    const before = known.get(shard)
    if (before !== undefined && before.count === count) return before.order
    const order = rank(shard, count)
    known.set(shard, { count, order })
    return order
  }
}

const placeOf = (kind: string, view: View, given: Placing | undefined): Place => {
  const placing = given ?? { strategy: placement.weighted, group: kind, siblings: [] }
  const { strategy, group } = placing
  const members: readonly PlacementMember[] = [...view.members.values()].filter((member) =>
    member.kinds.includes(kind),
  )
  const newest = ofNewestRelease(members)
  const nameOf = (shard: ShardId): ShardId => (group === kind ? shard : shardId(group, indexOfShard(shard)))
  return {
    placing,
    isMixed: newest !== members,
    rank: remembered((shard, count) => strategy.rank(nameOf(shard), members, count)),
    owner: (shard) => strategy.rank(nameOf(shard), members, 1)[0],
    beginner: (shard) => strategy.rank(nameOf(shard), newest, 1)[0],
  }
}

/** The same part of the other kinds of its group. */
export const siblingsOf = ({ siblings }: Placing, shard: ShardId): readonly ShardId[] => {
  if (siblings.length === 0) return []
  const index = indexOfShard(shard)
  return siblings.filter((kind) => kind !== kindOfShard(shard)).map((kind) => shardId(kind, index))
}
