/** What a node tells about itself, as plain data. */
import type { NodeStatus } from '../../lib/api/status.js'
import { kindOfShard } from '../../lib/ids.js'
import type { Parts } from './parts.js'

type MemberState = NodeStatus['members'][number]['status']
const memberStatus = (status: string): MemberState =>
  status === 'joining' || status === 'ready' || status === 'leaving' ? status : 'dead'

export const nodeStatus = (parts: Parts): NodeStatus => {
  const { engine } = parts
  const view = engine?.membership.view()
  const owned = new Map<string, number>()
  const mirrored = new Map<string, number>()
  for (const shard of engine?.ownership.shards.values() ?? []) {
    const counted =
      shard.role === 'owner' || shard.role === 'giving' ? owned : shard.role === 'mirror' ? mirrored : null
    const kind = kindOfShard(shard.id)
    counted?.set(kind, (counted.get(kind) ?? 0) + 1)
  }
  return {
    node: engine?.me ?? parts.lastId ?? parts.name,
    cluster: parts.cluster,
    status: statusOf(parts),
    transport: parts.session.facts.summary,
    viewVersion: view?.version ?? 0,
    members: [...(view?.members ?? [])]
      .filter(([node]) => engine?.membership.isGone(node) === false)
      .map(([node, member]) => ({
        node,
        status: memberStatus(member.status),
        roles: member.roles,
        release: member.release,
      })),
    kinds: parts.kinds.map(({ kind }) => ({
      kind: kind.kind,
      consistency: kind.consistency,
      entities: parts.liveCount(kind.kind),
      shardsOwned: owned.get(kind.kind) ?? 0,
      shardsMirrored: mirrored.get(kind.kind) ?? 0,
    })),
    singletons: parts.singletons.status(),
    counters: countersOf(parts),
  }
}

const statusOf = (parts: Parts): NodeStatus['status'] => {
  if (parts.engine === null) return parts.isStopping ? 'stopped' : 'joining'
  if (parts.isStopping) return 'leaving'
  return parts.isFrozen ? 'frozen' : 'ready'
}

const countersOf = (parts: Parts): Record<string, number> => {
  const counters: Record<string, number> = { node_rejoins_total: parts.rejoins }
  const add = (prefix: string, counts: object | undefined): void => {
    for (const [name, value] of Object.entries(counts ?? {}))
      if (typeof value === 'number') counters[`${prefix}_${snake(name)}_total`] = value
  }
  add('kernel', parts.kernel.counts())
  add('limits', parts.kernel.ledger.reached)
  add('engine', parts.engine?.counts)
  add('membership', parts.engine?.membership.counts)
  add('entities', parts.engine?.entities.counts)
  add('available', parts.engine?.availableCounts)
  add('links', parts.engine?.links.counters)
  add('events', parts.eventCounts)
  const { monitorsSetCount, monitorsHeldCount } = parts.monitors.counts
  counters['monitors_set_count'] = monitorsSetCount
  counters['monitors_held_count'] = monitorsHeldCount
  return counters
}
const snake = (name: string): string =>
  name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`).replace(/^_/, '')
