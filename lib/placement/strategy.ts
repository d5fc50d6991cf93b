/**
 * How a kind spreads its shards over the members: a pure question with one answer on every node. It only
 * proposes; who owns a shard is what its record says.
 */
import { isName, type NodeId, type ShardId } from '../ids.js'
import { Misuse } from '../api/misuse.js'
import { type Candidate, type Ranking, ranking } from './placement.js'
import { hasQuorum } from './quorum.js'

/** A member that runs the kind. Only a `ready` one may be given shards. */
export interface PlacementMember extends Candidate {
  readonly name: string
  readonly status: string
  readonly roles: readonly string[]
  /** Of tumen, such as `1.2.0`. */
  readonly release: string
}

/**
 * Where the shards of a kind should live. Its kind is declared alike on all nodes, so they all get the same
 * answer.
 */
export interface PlacementStrategy {
  readonly name: string
  /**
   * The members in order: the first should own the shard, the next ones mirror it; at most `count` of them,
   * default all. Only ready ones; none at all means that nobody may begin it now.
   *
   * Must be pure, and must not depend on the order of `members` nor on incarnations, else nodes would
   * disagree. `members` is the same array until a member changes.
   */
  rank(shard: ShardId, members: readonly PlacementMember[], count?: number): readonly NodeId[]
  /** Whether a rebalance moves shards to where it puts them now. Default true. */
  readonly isRebalanced?: boolean
}

const isReady = ({ status }: PlacementMember): boolean => status === 'ready'

/** One ranking per set of members: it hashes each name once. */
const kept = (
  make: (ready: readonly PlacementMember[]) => Ranking,
): ((members: readonly PlacementMember[]) => Ranking) => {
  const rankings = new WeakMap<readonly PlacementMember[], Ranking>()
  return (members) => {
    const known = rankings.get(members)
    if (known !== undefined) return known
    const made = make(members.filter(isReady))
    rankings.set(members, made)
    return made
  }
}

const weightedRanking = kept(ranking)
const uniformRanking = kept((ready) => ranking(ready.map(({ node }) => ({ node, weight: 1 }))))

const nameOf = ({ node }: Candidate): string => node.slice(0, node.lastIndexOf('#'))

/** Drawn by the names of all of them, so that another set of members is another draw. */
const drawnRanking = kept((ready) => {
  const { rank } = ranking(ready.map(({ node }) => ({ node, weight: 1 })))
  const draw = ready.map(nameOf).sort().join(' ')
  const drawn: Ranking['rank'] = (shard, count) => rank(`${shard} ${draw}`, count)
  return { rank: drawn, owner: (shard) => drawn(shard, 1)[0] }
})

/** Throws `Misuse` unless it is a name of a node. */
const pinned = (node: string): PlacementStrategy => {
  if (typeof node !== 'string' || !isName(node))
    throw new Misuse('InvalidDeclaration', "placement.pinned: expected the name of a node, such as 'n1'.")
  return {
    name: `pinned to ${node}`,
    isRebalanced: false,
    rank: (shard, members, count = members.length) => {
      const order = weightedRanking(members).rank(shard)
      const first = members.find((member) => isReady(member) && nameOf(member) === node)?.node
      if (first === undefined) return order.slice(0, count)
      return [first, ...order.filter((one) => one !== first)].slice(0, count)
    },
  }
}

/** Throws `Misuse` unless they are names of nodes. */
const quorum = (names: readonly string[]): PlacementStrategy => {
  if (!Array.isArray(names) || names.length === 0 || !names.every((name) => isName(String(name))))
    throw new Misuse(
      'InvalidDeclaration',
      "placement.quorum: expected the names of all nodes that count, such as ['n1', 'n2', 'n3'].",
    )
  const nobody: Ranking = { rank: () => [], owner: () => undefined }
  const quorate = kept((ready) => (hasQuorum(names, ready.map(nameOf)) ? ranking(ready) : nobody))
  return {
    name: `quorum of ${names.join(', ')}`,
    rank: (shard, members, count) => quorate(members).rank(shard, count),
  }
}

/**
 * The strategies that come with tumen. A kind names one as `placement`.
 *
 * - `weighted`, the default: each ready member takes shards in proportion to the `weight` of its node.
 * - `uniform`: the same, but every member counts alike.
 * - `pinned(name)`: the node of that name while it is ready, else as `weighted`. Never rebalanced.
 * - `quorum(names)`: as `weighted`, but nobody may begin anything while less than half of these nodes are
 *   ready, or half of them without the first by name. What has an owner is taken over as ever.
 * - `random`: drawn anew for each set of members, so it says nothing of where things were. Never rebalanced.
 */
export const placement = {
  weighted: {
    name: 'weighted',
    rank: (shard, members, count) => weightedRanking(members).rank(shard, count),
  } as PlacementStrategy,
  uniform: {
    name: 'uniform',
    rank: (shard, members, count) => uniformRanking(members).rank(shard, count),
  } as PlacementStrategy,
  random: {
    name: 'random',
    isRebalanced: false,
    rank: (shard, members, count) => drawnRanking(members).rank(shard, count),
  } as PlacementStrategy,
  pinned,
  quorum,
} as const
