/** Kinds: entities of the cluster, one per id, each a pure step. */
import type { types } from './brand.js'
import type { Handlers } from './handlers.js'
import { checkKindOptions } from './kind-options.js'
import { Misuse, notDeclared } from './misuse.js'
import type { Stepped } from './outcome.js'
import type { AnyProtocol, IdOf, KindOf, NoInner } from './protocol.js'
import { dataOf, type ProtocolData } from './protocol-data.js'
import { isName } from '../ids.js'
import type { PlacementStrategy } from '../placement/strategy.js'
import type { Ignore } from './starting.js'
import { sourceData, type SourceData, type StateSource } from './source.js'

/** Limits of one entity. What is left out has the default of the node's config. */
export interface Limits {
  /** Messages that wait; more are answered `Overloaded`. */
  readonly mailboxCountMax: number
  /** Bytes of the encoded state, at most `payloadBytesMax`; a step that exceeds it is a crash. */
  readonly stateBytesMax: number
  /** Milliseconds without a message after which the entity stops. 0: never. */
  readonly idleMs: number
}

interface KindBase<P extends AnyProtocol, S, Q extends AnyProtocol> {
  /** Where the state comes from after a loss. */
  readonly state: StateSource<S>
  /** What only its own timers and commands bring back. */
  readonly inner?: Q
  /**
   * The state that an id begins with, or `ignore`: then it does not begin, nothing is kept of it, and whoever
   * spawned or asked it gets `NoRecipient`. Must be pure.
   */
  readonly init: (id: IdOf<P>, now: number) => NoInfer<S> | Ignore
  readonly on: Handlers<P, NoInfer<S>, NoInfer<Q>>
  /**
   * `spawn` (default): an id that nobody spawned answers NoRecipient. `first-message`: every id exists as
   * soon as it is spoken to.
   */
  readonly activate?: 'spawn' | 'first-message'
  /** Ids with the same key live on the same node. Default: the id. Must be pure. */
  readonly placementKey?: (id: IdOf<P>) => string
  /**
   * Kinds of one group put the same placement key on the same node. Default: a group of its own. Must be
   * the same on all nodes and releases.
   */
  readonly placementGroup?: string
  /** Where its shards should live. Default `placement.weighted`. Must be the same on all nodes. */
  readonly placement?: PlacementStrategy
  /** Only nodes with this role run it. Default: every node that has it in its tree. */
  readonly role?: string
  /** `never`: a rebalance leaves its entities where they are. Default `allowed`. */
  readonly rebalance?: 'allowed' | 'never'
  readonly limits?: Partial<Limits>
  /** Its entities may use `act.remind`. Default false: nothing is kept for it in the store. */
  readonly reminders?: boolean
  /**
   * Its live entities come back by themselves when everything that held them was lost, also after a full
   * restart: a start is acknowledged when its id is in the store. Default false: they begin when they are
   * spawned or spoken to.
   */
  readonly remember?: boolean
}
type Consistency<S> =
  /** `strict` (default): at most one of each id acts, also in a split. */
  | { readonly consistency?: 'strict' }
  | {
      /** Runs on both sides of a split, each from its own copy of the state. */
      readonly consistency: 'available'
      /**
       * Joins two states of one entity. Must be commutative, associative and idempotent for states with a
       * common past: it may be applied in any order, and more than once.
       */
      readonly merge: (mine: S, theirs: S) => S
      /**
       * A last step of the copy that has lost, before its state is handed to the winner and it stops: what it
       * returns is what the winner merges.
       */
      readonly onConflict?: (mine: S, winner: Winner) => Stepped<S>
    }

/** Who goes on with an entity that ran on both sides of a split. */
export interface Winner {
  /** `name#incarnation`. */
  readonly node: string
  /** Of the winner's ownership by record; the highest there is. */
  readonly epoch: number
}

/** A declared kind, for `entities` and `spawn`. */
export interface Kind<N extends string, I> {
  readonly kind: N
  readonly [types]: (id: I) => void
}

/** What a handler is at run time. */
export type HandlerData = (state: unknown, payload: unknown, at: unknown) => unknown

/** A kind at run time. */
export interface KindData {
  readonly kind: string
  /** As it was declared: for refs and identity. */
  readonly protocol: object
  readonly data: ProtocolData
  readonly inner: ProtocolData | undefined
  readonly init: (id: string, now: number) => unknown
  readonly on: Readonly<Record<string, HandlerData>>
  readonly source: SourceData
  readonly activate: 'spawn' | 'first-message'
  readonly consistency: 'strict' | 'available'
  readonly merge: ((mine: unknown, theirs: unknown) => unknown) | undefined
  readonly onConflict: ((mine: unknown, winner: Winner) => unknown) | undefined
  readonly placementKey: ((id: string) => string) | undefined
  readonly placementGroup?: string | undefined
  readonly placement?: PlacementStrategy | undefined
  readonly role?: string | undefined
  readonly rebalance?: 'allowed' | 'never' | undefined
  readonly limits: Partial<Limits>
  readonly reminders: boolean
  readonly remember: boolean
}

/** The declaration as it arrives from JavaScript, where the compiler has checked nothing. */
interface Loose {
  readonly state?: StateSource<never>
  readonly inner?: object
  readonly init?: KindData['init']
  readonly on?: KindData['on']
  readonly activate?: KindData['activate']
  readonly consistency?: KindData['consistency']
  readonly merge?: KindData['merge']
  readonly onConflict?: KindData['onConflict']
  readonly placementKey?: KindData['placementKey']
  readonly placementGroup?: string
  readonly placement?: PlacementStrategy
  readonly role?: string
  readonly rebalance?: 'allowed' | 'never'
  readonly limits?: Partial<Limits>
  readonly reminders?: boolean
  readonly remember?: boolean
}

/** Throws `Misuse` unless there is one handler per message, none missing and none unknown. */
export const checkHandlers = (kind: string, tags: ReadonlySet<string>, on: object): void => {
  const handled = new Set(Object.keys(on))
  for (const tag of tags) {
    if (!handled.has(tag)) throw new Misuse('InvalidDeclaration', `"${kind}" has no handler for ${tag}.`)
  }
  for (const tag of handled) {
    if (!tags.has(tag))
      throw new Misuse('InvalidDeclaration', `"${kind}" handles ${tag}, which is not declared.`)
  }
}

const checked = (data: ProtocolData, inner: ProtocolData | undefined, given: Loose): void => {
  const { kind } = data
  if (data.scope === 'node') {
    throw new Misuse('InvalidDeclaration', `"${kind}" is a nodeProtocol: declare its actor with behavior(…).`)
  }
  checkKindOptions(kind, given)
  if (inner !== undefined && inner.outer !== data) {
    throw new Misuse('InvalidDeclaration', `"${kind}": inner belongs to another protocol.`)
  }
  if (given.consistency === 'available' && given.merge === undefined) {
    throw new Misuse('InvalidDeclaration', `"${kind}" is available, so it needs a merge.`)
  }
  const { activate = 'spawn' } = given
  if (activate !== 'spawn' && activate !== 'first-message')
    throw new Misuse('InvalidDeclaration', `"${kind}": activate: expected 'spawn' or 'first-message'.`)
  checkPlacement(kind, given)
  const isKept = given.reminders === true || given.remember === true
  if (isKept && given.state !== undefined && sourceData(given.state).type === 'persisted') {
    throw new Misuse(
      'InvalidDeclaration',
      `"${kind}" is persisted, so its journal keeps its timers and ids: use act.after, ` +
        'without reminders and remember.',
    )
  }
  if (given.consistency === 'available' && (given.reminders === true || given.remember === true)) {
    throw new Misuse(
      'InvalidDeclaration',
      `"${kind}" is available: reminders and remember need the records, so they are for strict kinds.`,
    )
  }
  if (given.consistency !== 'available' && (given.merge ?? given.onConflict) !== undefined) {
    throw new Misuse(
      'InvalidDeclaration',
      `"${kind}" is strict: merge and onConflict are for available kinds.`,
    )
  }
  checkHandlers(kind, new Set([...data.specs.keys(), ...(inner?.specs.keys() ?? [])]), given.on ?? {})
}

const checkPlacement = (kind: string, { placementGroup, placement, role, rebalance }: Loose): void => {
  const refuse = (field: string, expected: string): never => {
    throw new Misuse('InvalidDeclaration', `"${kind}": ${field}: expected ${expected}.`)
  }
  const isNamed = (name: unknown): boolean => name === undefined || (typeof name === 'string' && isName(name))
  if (!isNamed(placementGroup)) refuse('placementGroup', "a name, such as 'match'")
  if (!isNamed(role)) refuse('role', "the name of a role, such as 'game'")
  if (placement !== undefined && typeof placement?.rank !== 'function')
    refuse('placement', 'a strategy, such as placement.uniform')
  if (rebalance !== undefined && rebalance !== 'allowed' && rebalance !== 'never')
    refuse('rebalance', "'allowed' or 'never'")
}

const kinds = new WeakMap<object, KindData>()

/** Throws `Misuse` for what `kind` did not make. */
export const kindData = (kind: object): KindData => {
  const data = kinds.get(kind)
  if (data !== undefined) return data
  throw notDeclared('a kind made by kind(…)')
}

/**
 * Declares a kind: how its entities begin, what they do with each message, and where their state comes from
 * after a loss. Plain data; nothing runs until a tree with `entities(kind)` is started.
 *
 * Guarantees: the steps of one entity run one at a time. For `strict` kinds at most one entity per id has
 * effects anywhere in the cluster.
 *
 * Errors: `Misuse` for a handler too few or too many, `available` without `merge`, and the like.
 *
 * @example
 * const counter = kind(Counter, {
 *   state: mirrored(t.number),
 *   init: () => 0,
 *   on: { Add: (total, { n }) => next(total + n), Total: (total) => total },
 * })
 */
export const kind = <P extends AnyProtocol, S, Q extends AnyProtocol = NoInner>(
  protocol: P,
  definition: KindBase<P, S, Q> & Consistency<NoInfer<S>>,
): Kind<KindOf<P>, IdOf<P>> => {
  const given = definition as unknown as Loose
  const data = dataOf(protocol)
  const inner = given?.inner === undefined ? undefined : dataOf(given.inner)
  checked(data, inner, given)
  const made: KindData = Object.freeze({
    kind: data.kind,
    protocol,
    data,
    inner,
    init: given.init as KindData['init'],
    on: given.on as KindData['on'],
    source: sourceData(given.state as StateSource<never>),
    activate: given.activate ?? 'spawn',
    consistency: given.consistency ?? 'strict',
    merge: given.merge,
    onConflict: given.onConflict,
    placementKey: given.placementKey,
    placementGroup: given.placementGroup,
    placement: given.placement,
    role: given.role,
    rebalance: given.rebalance,
    limits: given.limits ?? {},
    reminders: given.reminders ?? false,
    remember: given.remember ?? false,
  })
  kinds.set(made, made)
  return made as unknown as Kind<KindOf<P>, IdOf<P>>
}

/** The same kind with other handlers. */
export const kindWith = <K extends object>(kind: K, on: KindData['on']): K => {
  const made: KindData = Object.freeze({ ...kindData(kind), on })
  kinds.set(made, made)
  return made as unknown as K
}
