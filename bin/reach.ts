/**
 * How a verb reaches its cluster: through the control endpoint of this machine's `tumen up`, or, with
 * `--nats`, as an observer that joins for a moment and runs nothing.
 */
import type { TumenNode } from '../lib/index.js'
import type { Json } from '../supervisors/launched.js'
import { giveOrder } from './control.js'
import { lastNode, Plain } from './plain.js'
import { readSettings } from './settings.js'
import { clusterName, findState } from './state-file.js'

export interface ReachOptions {
  readonly nats?: string
  readonly cluster?: string
  /** For an observer: what must be equal on all nodes. */
  readonly [knob: string]: unknown
}

export interface Reached {
  /** For the whole cluster, or for the node that is named. */
  perform(verb: string, argument: Json, node?: string): Promise<Json>
  close(): Promise<void>
}

/** Opens the way to a cluster. Throws a sentence when there is none. */
export const reach = async (options: ReachOptions): Promise<Reached> => {
  if (options.nats !== undefined) return observe(options.nats, options)
  const state = findState(options.cluster === undefined ? undefined : clusterName(options.cluster))
  return {
    perform: (verb, argument, node) =>
      giveOrder(
        { url: state.controlUrl, token: state.token },
        { verb, argument: { node: node ?? null, argument } },
      ),
    close: () => Promise.resolve(),
  }
}

const observe = async (url: string, options: ReachOptions): Promise<Reached> => {
  const { cluster } = options
  if (cluster === undefined) throw new Plain('With --nats also name the cluster: --cluster NAME.', 2)
  const [{ nats }, { startNode, supervisor }] = await Promise.all([
    import('../lib/nats.js'),
    import('../supervisors/index.js'),
  ])
  const { given: config } = readSettings({
    flags: options,
    environment: process.env,
    directory: process.cwd(),
  })
  const tree = supervisor('observer', {}, [])
  const name = `observer-${process.pid}`
  const node = await startNode({
    cluster,
    name,
    transport: nats({ servers: url }),
    tree,
    config,
    roles: ['observer'],
  })
  return {
    perform: (verb, argument, to) => performAt(node, verb, argument, to),
    close: () => node.stop(),
  }
}

const isOther = (node: TumenNode) => (member: { readonly node: string; readonly status: string }) =>
  member.node !== node.id && member.status === 'ready' && !member.node.startsWith('observer-')

const performAt = async (node: TumenNode, verb: string, argument: Json, to?: string): Promise<Json> => {
  const others = node.status().members.filter(isOther(node))
  if (others.length === 0) throw new Plain(`No node of cluster "${node.status().cluster}" is ready there.`)
  const { Launcher, performRemotely } = await import('./remote.js')
  const at = (id: string): Promise<Json> => performRemotely(node.remote(id, Launcher), verb, argument)
  if (to === undefined && (verb === 'status' || verb === 'tree')) {
    return Promise.all(
      others.map(async ({ node: id }) => ({ name: id, isUp: true, pid: null, [verb]: await at(id) })),
    )
  }
  const meant =
    to === undefined ? others[0] : others.find(({ node: id }) => id === to || id.startsWith(`${to}#`))
  const isLastToo = (argument as { readonly last?: boolean } | null)?.last === true
  if (verb === 'drain' && meant !== undefined && others.length === 1 && !isLastToo) {
    throw new Plain(lastNode(meant.node.split('#')[0] ?? ''))
  }
  if (meant !== undefined) return at(meant.node)
  throw new Plain(`No node "${to}" is ready; there are ${others.map(({ node: id }) => id).join(', ')}.`, 2)
}
