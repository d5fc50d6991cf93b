/** Starts a node: checks what it is given, connects, starts the tree, joins. */
import * as E from 'fp-ts/lib/Either.js'
import { checkOneProtocolPerName, holdFreezing, type SupervisorData } from '../../lib/api/internal.js'
import { Misuse } from '../../lib/api/misuse.js'
import type { NodeOptions } from '../../lib/api/node-options.js'
import type { TumenNode } from '../../lib/api/node-types.js'
import { type Config, resolveConfig } from '../../lib/config.js'
import { StartFailed } from '../../lib/errors.js'
import { isName } from '../../lib/ids.js'
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
import { Parts } from './parts.js'
import { entitiesIn, rooted, workersIn } from './tree.js'

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
  const config = checkedConfig(options)
  const spec = checkedTree(options)
  const clock = options.clock ?? systemClock
  const random = options.random ?? systemRandom
  const name = checkedName(options, random)
  const thaw = config.diagnostics ? holdFreezing() : () => undefined
  const session = await open(options, name, clock, random).catch((error: unknown) => {
    thaw()
    throw error
  })
  const parts = assemble(options, { config, spec, clock, random, name, session, thaw })
  try {
    await parts.tree.begin()
    await parts.join()
  } catch (error) {
    await parts.stop(0)
    throw error
  }
  return parts
}

const checkedConfig = ({ config = {} }: NodeOptions): Config => {
  const resolved = resolveConfig(config)
  if (E.isRight(resolved)) return resolved.right
  throw new StartFailed('InvalidConfig', `The configuration does not fit: ${resolved.left.join('; ')}.`)
}

const checkedName = ({ cluster, name }: NodeOptions, random: Random): string => {
  const rule = '1 to 63 letters, digits, "-" and "_", and begins with a letter or digit'
  if (!isName(cluster)) throw new StartFailed('InvalidConfig', `cluster: expected a name, that is ${rule}.`)
  if (name === undefined) return `n-${token(random, 4)}`
  if (!isName(name)) throw new StartFailed('InvalidConfig', `name: expected a name, that is ${rule}.`)
  return name
}

const checkedTree = ({ tree }: NodeOptions): SupervisorData => {
  try {
    const spec = rooted(tree)
    const kinds = entitiesIn(spec).map(({ kind }) => kind)
    checkOneProtocolPerName(
      [...kinds, ...workersIn(spec).map(({ behavior }) => behavior)].map((d) => d.protocol),
    )
    for (const { kind, source, consistency } of kinds) {
      if (source.type === 'persisted' || source.type === 'rebuilt')
        throw new Misuse(
          'InvalidDeclaration',
          `"${kind}" is ${source.type}; this version runs mirrored and disposable kinds.`,
        )
      if (source.type === 'mirrored' && source.snapshotOnLeave)
        throw new Misuse(
          'InvalidDeclaration',
          `"${kind}" asks for snapshotOnLeave; this version writes no snapshots.`,
        )
      if (consistency === 'available')
        throw new Misuse('InvalidDeclaration', `"${kind}" is available; this version runs strict kinds.`)
    }
    return spec
  } catch (error) {
    if (error instanceof Misuse) throw new StartFailed('InvalidTree', error.message, error)
    throw error
  }
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

interface Ingredients {
  readonly config: Config
  readonly spec: SupervisorData
  readonly clock: Clock
  readonly random: Random
  readonly name: string
  readonly session: Session
  readonly thaw: () => void
}

const assemble = (options: NodeOptions, given: Ingredients): Parts => {
  const { config, spec, clock, random, name, session, thaw } = given
  const kernel = new Kernel({ clock, host: nactHost(), limits: config })
  const parts: Parts = new Parts({
    cluster: options.cluster,
    name,
    roles: options.roles ?? [],
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
    root: spec,
    kinds: entitiesIn(spec),
    release,
    stopped: thaw,
  })
  parts.node = new Node(parts)
  return parts
}
