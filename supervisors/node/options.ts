/** What `startNode` is given, looked at before anything is opened: one sentence that names the field. */
import * as E from 'fp-ts/lib/Either.js'
import {
  checkOneProtocolPerName,
  type EntitiesData,
  type SingletonData,
  type SupervisorData,
} from '../../lib/api/internal.js'
import { Misuse, notDeclared } from '../../lib/api/misuse.js'
import type { NodeOptions } from '../../lib/api/node-options.js'
import { type Config, namesInstead, resolveConfig, sentenceOf } from '../../lib/config.js'
import { StartFailed } from '../../lib/errors.js'
import { isName } from '../../lib/ids.js'
import type { Session } from '../../lib/transport/transport.js'
import { entitiesIn, rooted, singletonsIn, workersIn } from './tree.js'

export interface CheckedOptions {
  readonly config: Config
  readonly root: SupervisorData
}

const invalid = (sentence: string): StartFailed => new StartFailed('InvalidConfig', sentence)

const nameRule = 'a name, that is 1 to 63 letters, digits, "-" and "_", and begins with a letter or digit'

type Rules = {
  readonly [K in keyof Required<NodeOptions>]: readonly [fits: (value: unknown) => boolean, expected: string]
}
const has = (value: unknown, ...methods: readonly string[]): boolean =>
  typeof value === 'object' &&
  value !== null &&
  methods.every((name) => typeof (value as Record<string, unknown>)[name] === 'function')
const optional =
  (fits: (value: unknown) => boolean) =>
  (value: unknown): boolean =>
    value === undefined || fits(value)

/** The tree and the configuration have sentences of their own. */
const rules: Rules = {
  cluster: [isNameText, nameRule],
  name: [optional(isNameText), nameRule],
  transport: [optional((value) => has(value, 'open')), "memory(), or nats({ servers: 'nats://…' })"],
  roles: [
    optional((value) => Array.isArray(value) && value.every((role) => typeof role === 'string')),
    "a list of names, such as ['game']",
  ],
  weight: [
    optional((value) => typeof value === 'number' && value >= 0.001 && value <= 1_000),
    'a number from 0.001 to 1000; 1 is usual',
  ],
  tree: [(value) => value !== undefined, 'what runs on this node, such as supervisor("game", {}, [ … ])'],
  persistence: [
    optional((value) => has(value, 'events', 'latestSnapshot', 'persist', 'takeSnapshot')),
    'a persistence engine, such as memoryEngine()',
  ],
  snapshots: [
    optional((value) => has(value, 'write', 'read', 'remove', 'setAside')),
    'a store of snapshots, such as snapshotFiles(directory)',
  ],
  config: [() => true, ''],
  tracing: [optional((value) => has(value, 'capture', 'handle')), 'a Tracing, such as otelTracing(api)'],
  clock: [optional((value) => has(value, 'now', 'monotonic', 'after')), 'a Clock'],
  random: [optional((value) => has(value, 'next')), 'a Random'],
}
function isNameText(value: unknown): boolean {
  return typeof value === 'string' && isName(value)
}

/**
 * Errors: throws `StartFailed` with `InvalidConfig` or `InvalidTree`. From JavaScript anything may come,
 * nothing at all included.
 */
export const checkedOptions = (options: NodeOptions): CheckedOptions => {
  if (typeof options !== 'object' || options === null)
    throw invalid("startNode: expected an object with cluster and tree, such as { cluster: 'game', tree }.")
  for (const name of Object.keys(options)) {
    if (Object.hasOwn(rules, name)) continue
    const all = Object.keys(rules)
    const instead = namesInstead(name.slice(0, 80), all, `expected ${all.join(', ')}.`)
    throw invalid(`"${name.slice(0, 80)}" is not an option of startNode; ${instead}`)
  }
  for (const [name, [fits, expected]] of Object.entries(rules)) {
    if (!fits(options[name as keyof NodeOptions])) throw invalid(`${name}: expected ${expected}.`)
  }
  return { config: checkedConfig(options), root: checkedTree(options) }
}

const checkedConfig = ({ config = {} }: NodeOptions): Config => {
  const resolved = resolveConfig(config)
  if (E.isRight(resolved)) return resolved.right
  throw invalid(`The configuration does not fit: ${sentenceOf(resolved.left)}`)
}

const checkedTree = ({ tree, persistence, snapshots }: NodeOptions): SupervisorData => {
  try {
    if (typeof tree !== 'object' || tree === null) throw notDeclared('a tree made by supervisor(…)')
    const root = rooted(tree)
    const hosted = entitiesIn(root)
    const kinds = hosted.map(({ kind }) => kind)
    const workers = workersIn(root).map(({ behavior }) => behavior)
    const alone = singletonsIn(root)
    checkOneProtocolPerName(
      [...kinds, ...workers, ...alone.map(({ kind }) => kind)].map(({ protocol }) => protocol),
    )
    checkOnce(hosted)
    checkAlone(alone, workers)
    const stores = { persistence: persistence !== undefined, snapshots: snapshots !== undefined }
    for (const kind of kinds) checkRuns(kind, stores)
    return root
  } catch (error) {
    if (error instanceof Misuse) throw new StartFailed('InvalidTree', `tree: ${error.message}`, error)
    throw error
  }
}

const checkOnce = (hosted: readonly EntitiesData[]): void => {
  const seen = new Set<string>()
  for (const { kind } of hosted) {
    if (seen.has(kind.kind))
      throw new Misuse('InvalidDeclaration', `entities of "${kind.kind}" stand in it twice; take one out.`)
    seen.add(kind.kind)
  }
}

const checkAlone = (alone: readonly SingletonData[], workers: readonly { readonly kind: string }[]): void => {
  const seen = new Set(workers.map(({ kind }) => kind))
  for (const { kind } of alone) {
    if (seen.has(kind.kind))
      throw new Misuse(
        'InvalidDeclaration',
        `singleton("${kind.kind}") shares the tree with another actor of its protocol; take one out.`,
      )
    seen.add(kind.kind)
  }
}

interface Stores {
  readonly persistence: boolean
  readonly snapshots: boolean
}
const checkRuns = ({ kind, source, consistency }: EntitiesData['kind'], stores: Stores): void => {
  if (consistency === 'available' && source.type !== 'mirrored' && source.type !== 'disposable')
    throw new Misuse(
      'InvalidDeclaration',
      `"${kind}" is available and ${source.type}; available kinds are mirrored or disposable.`,
    )
  if (source.type === 'persisted' && !stores.persistence)
    throw new Misuse(
      'InvalidDeclaration',
      `"${kind}" is persisted, so startNode needs persistence: an engine, such as memoryEngine().`,
    )
  if (source.type === 'mirrored' && source.snapshotOnLeave && !stores.snapshots)
    throw new Misuse(
      'InvalidDeclaration',
      `"${kind}" has snapshotOnLeave, so startNode needs snapshots, such as snapshotFiles('/var/…').`,
    )
}

/** What an envelope adds to its payload, at most. */
const envelopeBytes = 1_024

/** A state that fits into no frame would reach no mirror: a server that takes less is refused at once. */
export const fitting = async (session: Session, { payloadBytesMax }: Config): Promise<Session> => {
  const { frameBytesMax } = session.facts
  if (frameBytesMax >= payloadBytesMax + envelopeBytes) return session
  await session.close()
  throw invalid(
    `payloadBytesMax: expected at most ${frameBytesMax - envelopeBytes}, because the server takes messages ` +
      `of ${frameBytesMax} bytes: lower it on all nodes, or raise max_payload of the nats-server.`,
  )
}
