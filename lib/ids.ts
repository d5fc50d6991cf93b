/**
 * The ids of the runtime, and the only place that formats or parses them.
 *
 * A node has a name that people choose and an incarnation that grows with each life of that name; the two
 * together are a `NodeId`, written `n1#3`. A shard is one of `shardCount` groups of the entities of a kind,
 * written `party.17`.
 */
import * as E from 'fp-ts/lib/Either.js'

/** One life of one node: `name#incarnation`. */
export type NodeId = string
/** `kind.index`. */
export type ShardId = string

/** What a name of a cluster, node, role or kind may be: it becomes part of a NATS subject. */
const namePattern = /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/
export const isName = (text: string): boolean => namePattern.test(text)

/** The longest id of an entity, in characters. */
export const entityIdCharsMax = 256

export const nodeId = (name: string, incarnation: number): NodeId => `${name}#${incarnation}`

export interface NodeIdParts {
  readonly name: string
  readonly incarnation: number
}
export const parseNodeId = (id: NodeId): E.Either<string, NodeIdParts> => {
  const cut = id.lastIndexOf('#')
  const name = id.slice(0, cut)
  const incarnation = Number(id.slice(cut + 1))
  return cut > 0 && isName(name) && Number.isSafeInteger(incarnation) && incarnation > 0
    ? E.right({ name, incarnation })
    : E.left(`"${id.slice(0, 80)}" is not a node id such as n1#3`)
}

export const shardId = (kind: string, index: number): ShardId => `${kind}.${index}`
export const kindOfShard = (shard: ShardId): string => shard.slice(0, shard.lastIndexOf('.'))
export const indexOfShard = (shard: ShardId): number => Number(shard.slice(shard.lastIndexOf('.') + 1))

/** How an address is written for people: `party/p1`. */
export const formatAddress = (kind: string, id: string): string => `${kind}/${id}`
