/** One node with what its app opens beside it, wherever it runs. */
import type { ConfigInput } from '../lib/config.js'
import { supervisor, type Transport, type TumenNode, worker } from '../lib/index.js'
import type { Clock } from '../lib/std/clock.js'
import { startNode } from '../supervisors/index.js'
import { kindsOf, type LoadedApp } from './app.js'
import type { Json, Served } from '../supervisors/launched.js'
import { Plain, sentenceOf } from './plain.js'
import { launcherActor } from './remote.js'
import { perform } from './verbs.js'

export interface NodeStart {
  readonly app: LoadedApp
  readonly cluster: string
  readonly name: string
  readonly transport: Transport
  readonly config: ConfigInput
  /** Where what happens on it is told. */
  readonly log: (node: TumenNode) => void
  /** Default: the system's. */
  readonly clock?: Clock
  /** Somebody asked this node from afar to drain. */
  readonly onDrain?: () => void
}

export interface HostedNode {
  readonly node: TumenNode
  readonly info: { readonly [name: string]: Json }
  /** `status`, `tree`, `where`, `ask`, `tell`, or `call` with `{ name, argument }`. */
  perform(verb: string, argument: Json): Promise<Json>
  /** Closes what the app opened, then drains and leaves. */
  stop(): Promise<void>
  /** Closes what the app opened as the death of a process would. */
  drop(): void
}

const called = async (served: Served, argument: Json): Promise<Json> => {
  const { name, argument: inner } = argument as { readonly name: string; readonly argument: Json }
  const call = served.calls?.[name]
  if (call === undefined) throw new Plain(`This node's app has nothing to call by the name "${name}".`)
  return call(inner)
}

/** Starts it. When the app's own start fails nothing is left running. */
export const hostNode = async (start: NodeStart): Promise<HostedNode> => {
  const { app, cluster, name, transport, config } = start
  const kinds = kindsOf(app.tree)
  const launcher = launcherActor(async (node, verb, argument) => {
    if (verb !== 'drain') return perform({ node, kinds }, verb, argument)
    // After the answer has left.
    setTimeout(() => start.onDrain?.(), 50)
    return { draining: true }
  })
  const tree = supervisor('launched', {}, [worker('tumen-launcher', launcher), app.tree])
  const clock = start.clock === undefined ? {} : { clock: start.clock }
  const node = await startNode({ cluster, name, transport, config, tree, ...clock })
  start.log(node)
  let served: Served
  try {
    served = (await app.onNode?.(node)) ?? {}
  } catch (error) {
    await node.stop()
    throw new Plain(`onNode of ${app.path} failed: ${sentenceOf(error)}`)
  }
  const target = { node, kinds }
  return {
    node,
    info: served.info ?? {},
    perform: (verb, argument) =>
      verb === 'call' ? called(served, argument) : perform(target, verb, argument),
    stop: async () => {
      await served.stop?.()
      await node.stop()
    },
    drop: () => served.drop?.(),
  }
}
