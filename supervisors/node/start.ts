/** Starts a node: checks what it is given, connects, starts the tree, joins. */
import { holdFreezing } from '../../lib/api/internal.js'
import type { NodeOptions } from '../../lib/api/node-options.js'
import type { TumenNode } from '../../lib/api/node-types.js'
import { Kernel } from '../../lib/kernel/kernel.js'
import { nactHost } from '../../lib/kernel/nact.js'
import { createPubSub } from '../../lib/pubsub/pubsub.js'
import type { Clock } from '../../lib/std/clock.js'
import { type Random, token } from '../../lib/std/random.js'
import { systemClock, systemRandom } from '../../lib/std/system.js'
import { sharedMemory } from '../../lib/transport/memory.js'
import type { Session } from '../../lib/transport/transport.js'
import { release } from '../../lib/version.js'
import { Node } from './node.js'
import { checkedOptions, type CheckedOptions, fitting } from './options.js'
import { Parts } from './parts.js'
import { entitiesIn } from './tree.js'

/**
 * Starts a node and joins its cluster; resolves when it is a ready member that may own entities.
 *
 * Guarantees: when it rejects, nothing of the node is left running. The library installs no process-wide
 * handler, writes nothing to the console and never exits the process.
 *
 * Errors: rejects with `StartFailed`, whose sentence says what is wrong and what to do.
 */
export const startNode = async (options: NodeOptions): Promise<TumenNode> => (await startParts(options)).node

/** As `startNode`, with what is behind the node: for the test cluster. */
export const startParts = async (options: NodeOptions): Promise<Parts> => {
  const { config, root } = checkedOptions(options)
  const clock = options.clock ?? systemClock
  const random = options.random ?? systemRandom
  const name = options.name ?? `n-${token(random, 4)}`
  const thaw = config.diagnostics ? holdFreezing() : () => undefined
  const session = await open(options, name, clock, random)
    .then((opened) => fitting(opened, config))
    .catch((error: unknown) => {
      thaw()
      throw error
    })
  const parts = assemble(options, { config, root, clock, random, name, session, thaw })
  try {
    await parts.tree.begin()
    await parts.join()
  } catch (error) {
    await parts.stop(0)
    throw error
  }
  return parts
}

const open = async (
  options: NodeOptions,
  nodeName: string,
  clock: Clock,
  random: Random,
): Promise<Session> => {
  const transport = options.transport ?? sharedMemory()
  return transport.open({ cluster: options.cluster, nodeName, clock, random })
}

interface Ingredients extends CheckedOptions {
  readonly clock: Clock
  readonly random: Random
  readonly name: string
  readonly session: Session
  readonly thaw: () => void
}

const assemble = (options: NodeOptions, given: Ingredients): Parts => {
  const { config, root, clock, random, name, session, thaw } = given
  const kernel = new Kernel({ clock, random, host: nactHost(), limits: config, tracing: options.tracing })
  const parts: Parts = new Parts({
    cluster: options.cluster,
    name,
    roles: options.roles ?? [],
    weight: options.weight ?? 1,
    config,
    clock,
    random,
    session,
    kernel,
    pubsub: createPubSub({
      broadcast: (topic, payload) => {
        parts.engine?.publish(topic, payload)
        return parts.engine !== null
      },
      malformed: (topic, complaints) => kernel.deadLetter(`topic ${topic}`, 'unhandled', complaints),
    }),
    root,
    kinds: entitiesIn(root),
    release,
    persistence: options.persistence,
    snapshots: options.snapshots,
    stopped: thaw,
  })
  parts.node = new Node(parts)
  return parts
}
