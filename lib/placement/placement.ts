/**
 * Where things should live: an entity's shard, and for each shard the order in which members should own and
 * mirror it. Pure, and the same on every node and machine: only integer
 * arithmetic and the four IEEE operations are used.
 *
 * Frozen: the vectors in `test/lib/placement/placement.ts` must not change, or
 * nodes of two versions would disagree.
 *
 * Reference: Thaler and Ravishankar, "Using name-based mappings to increase hit rates" (1998), rendezvous
 * hashing; weights by the logarithmic method. The record of a shard decides who owns it; this only proposes.
 */
import { type NodeId, type ShardId, shardId } from '../ids.js'
import { combine32, hash32 } from '../std/hash.js'

/** A member that may be given shards. `weight` is its share beside the others, above 0; 1 is usual. */
export interface Candidate {
  readonly node: NodeId
  readonly weight: number
}

/**
 * The index of the shard, 0 to `shardCount` - 1. Only kind and placement key are
 * hashed; `shardCount` is a power of two.
 */
export const shardIndexOf = (kind: string, placementKey: string, shardCount: number): number =>
  combine32(hash32(kind), hash32(placementKey)) & (shardCount - 1)

/** The shard of an entity; `placementKey` is its id unless its kind says otherwise. */
export const shardOf = (kind: string, placementKey: string, shardCount: number): ShardId =>
  shardId(kind, shardIndexOf(kind, placementKey, shardCount))

/**
 * The natural logarithm of (h + 0.5) / 2^32, always below 0. `Math.log` may differ in its last bit from
 * engine to engine, and two nodes that disagree on one bit disagree on an owner;
 * sums and products may not differ.
 */
const lnOfFraction = (h: number): number => {
  const x = h + 0.5
  const exponent = h === 0 ? -1 : 31 - Math.clz32(h)
  const z = (x / 2 ** exponent - 1) / (x / 2 ** exponent + 1)
  const square = z * z
  let sum = 0
  let power = z
  for (let n = 1; n <= 35; n += 2) {
    sum += power / n
    power *= square
  }
  return 2 * sum + (exponent - 32) * Math.LN2
}

interface Entry {
  readonly node: NodeId
  readonly weight: number
  readonly hash: number
}

const nameOf = (node: NodeId): string => {
  const cut = node.lastIndexOf('#')
  return cut < 0 ? node : node.slice(0, cut)
}

/** The order of all shards over one set of members. */
export interface Ranking {
  /**
   * The members in order: the first should own the shard, the next ones mirror it. At most `count` of them.
   */
  rank(shard: ShardId, count?: number): readonly NodeId[]
  /** The first of `rank`; undefined without members. */
  owner(shard: ShardId): NodeId | undefined
}

/**
 * Prepares the order of shards over `members`; hashes each name once, so keep it as long as the members stay.
 *
 * Guarantees
 * - The order of `members` does not matter, and neither do incarnations: a node
 *   that restarts gets its shards back.
 * - Moves are minimal: a member that joins takes shards from the others and causes no other move; when one
 *   leaves only its own shards move. The same holds for each place of the order, not only the first.
 * - Each member owns a share of shards in proportion to its weight, as far as chance allows.
 *
 * Limits: `owner` is linear in the members, `rank` in the members times `count` at worst.
 */
export const ranking = (members: readonly Candidate[]): Ranking => {
  const entries: readonly Entry[] = members
    .map(({ node, weight }) => ({ node, weight, hash: hash32(nameOf(node)) }))
    .sort((a, b) => (a.node < b.node ? -1 : 1))
  const first = entries[0]?.weight ?? 1
  const isUniform = entries.every(({ weight }) => weight === first)
  // With equal weights the hash itself gives the order: the logarithm grows with it.
  const score = (shardHash: number, { hash, weight }: Entry): number => {
    const drawn = combine32(shardHash, hash)
    return isUniform ? drawn : -weight / lnOfFraction(drawn)
  }
  const owner = (shard: ShardId): NodeId | undefined => {
    const shardHash = hash32(shard)
    let best: NodeId | undefined
    let bestScore = Number.NEGATIVE_INFINITY
    for (const entry of entries) {
      const its = score(shardHash, entry)
      if (its > bestScore) {
        best = entry.node
        bestScore = its
      }
    }
    return best
  }
  const rank = (shard: ShardId, count = entries.length): readonly NodeId[] => {
    const shardHash = hash32(shard)
    const nodes: NodeId[] = []
    const scores: number[] = []
    for (const entry of entries) {
      const its = score(shardHash, entry)
      let place = nodes.length
      while (place > 0 && (scores[place - 1] ?? 0) < its) place--
      if (place >= count) continue
      nodes.splice(place, 0, entry.node)
      scores.splice(place, 0, its)
      if (nodes.length > count) {
        nodes.pop()
        scores.pop()
      }
    }
    return nodes
  }
  return { rank, owner }
}

/** One question to `ranking`, for callers that ask once. */
export const rank = (
  shard: ShardId,
  members: readonly Candidate[],
  count: number = members.length,
): readonly NodeId[] => ranking(members).rank(shard, count)
