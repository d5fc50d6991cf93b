/** What may be said to one kind of actor: its name, the type of its ids, and a constructor per message. */
import * as E from 'fp-ts/lib/Either.js'
import * as t from 'io-ts'
import { isName } from '../ids.js'
import type { types } from './brand.js'
import type { Answer, AnswerSpec } from './answer.js'
import { entityId, isId } from './id.js'
import { maker } from './maker.js'
import type { Ask, AskSpec, ReadSpec, Tell, TellSpec } from './message.js'
import { Misuse } from './misuse.js'
import { dataOf, register, type ProtocolData } from './protocol-data.js'
import type { Address } from './refs.js'
import { anyCodec, type MessageSpecData, type Reach } from './spec.js'
import type { WireCodec } from './wire.js'

type Specs = Record<string, TellSpec<any, Reach> | AskSpec<any, any, any, Reach> | ReadSpec<any, any>>
type Travelling = Record<string, TellSpec<any, 'id'> | AskSpec<any, any, any, 'id'> | ReadSpec<any, any>>
type Inner = Record<string, TellSpec<any, 'id'> | AnswerSpec<any, any, any>>

type PayloadOf<S> = S extends { readonly [types]: { readonly payload: infer A } } ? A : never
type MessageOf<N extends string, K extends string, S> =
  S extends AskSpec<infer A, infer R, infer X, infer Q>
    ? Ask<N, K, A, R, X, Q>
    : S extends ReadSpec<infer A, infer R>
      ? Ask<N, K, A, R, never, 'id'>
      : S extends AnswerSpec<infer A, infer R, infer X>
        ? Answer<N, K, A, R, X>
        : S extends TellSpec<infer A, infer Q>
          ? Tell<N, K, A, Q>
          : never
// biome-ignore lint/suspicious/noConfusingVoidType: the payload of a message without fields
type Make<A, M> = [A] extends [void] ? () => M : (payload: A) => M

/** A protocol: its name, `at`, and a constructor per message. */
export type Protocol<N extends string, I, S> = ProtocolInfo<N, I, S> & {
  readonly [K in keyof S & string]: Make<PayloadOf<S[K]>, MessageOf<N, K, S[K]>>
}
/** The protocol of an actor of which each node has one. */
export type NodeProtocol<N extends string, S> = Protocol<N, never, S> & {
  /**
   * The address of that actor on one node, by `name#incarnation` or name: plain data, so a step may tell it
   * what travels, though not command it.
   *
   * @example
   * next(state, act.tell(Sessions.on(state.node), Sessions.Close({ session })))
   */
  on(node: string): Address<N>
}
/** What every protocol has beside its constructors. */
export interface ProtocolInfo<N extends string, I, S> {
  readonly kind: N
  readonly [types]: { readonly kind: N; readonly id: I; readonly specs: S }
  /** The address of one entity: plain data, so pure code may name it. */
  at(id: I): Address<N>
}
/** For constraints: any protocol at all. */
export type AnyProtocol = ProtocolInfo<string, any, any>
/** A protocol without messages. */
export type NoInner = ProtocolInfo<string, any, Record<never, never>>

export type KindOf<P extends AnyProtocol> = P[typeof types]['kind']
export type IdOf<P extends AnyProtocol> = P[typeof types]['id']
export type SpecsOf<P extends AnyProtocol> = P[typeof types]['specs']

/** Tags are PascalCase, so they never meet `kind`, `at` or `on`. */
type Tagged<S> = { [K in keyof S]: K extends Capitalize<K & string> ? unknown : never }
type Own<S> = { readonly [K in keyof S]: S[K] extends TellSpec<infer A, 'id'> ? TellSpec<A, 'self'> : S[K] }

const tagPattern = /^[A-Z][A-Za-z0-9]{0,62}$/

const checkedSpecs = (kind: string, messages: object): ReadonlyMap<string, MessageSpecData> => {
  if (!isName(kind)) {
    throw new Misuse(
      'InvalidDeclaration',
      `protocol ${JSON.stringify(kind)}: the name is 1 to 63 letters, digits, "-" and "_".`,
    )
  }
  const specs = new Map<string, MessageSpecData>()
  for (const [tag, spec] of Object.entries(messages)) {
    if (!tagPattern.test(tag)) {
      throw new Misuse(
        'InvalidDeclaration',
        `${kind}.${tag}: a message is named in PascalCase, such as Invite.`,
      )
    }
    const { form, reach, payload, reply, refusal } = spec as MessageSpecData
    specs.set(tag, { form, reach, payload, reply, refusal })
  }
  return specs
}

const addressOn = (kind: string, node: unknown): { kind: string; id: string; node: string } => {
  if (typeof node === 'string' && node !== '') return { kind, id: '', node }
  throw new Misuse('InvalidId', `${kind}: on(…) takes the id or name of a node, such as node.id.`)
}
const noEntities = (kind: string): never => {
  throw new Misuse(
    'WrongScope',
    `"${kind}" is a nodeProtocol, whose actors have no ids: take its address with on(nodeId).`,
  )
}

const build = (data: ProtocolData): object => {
  const { kind, specs, scope } = data
  const built: Record<string, unknown> =
    scope === 'id'
      ? { kind, at: (id: string) => ({ kind, id: entityId(kind, id) }) }
      : { kind, at: () => noEntities(kind), on: (node: string) => addressOn(kind, node) }
  for (const [tag, spec] of specs) built[tag] = maker({ kind, tag, spec })
  register(built, data)
  return Object.freeze(built)
}

/**
 * Declares what may be said to the entities of a kind. They may live on any node, so all of it can travel.
 *
 * Limits: the name is 1 … 63 letters, digits, `-` and `_`; tags are PascalCase.
 *
 * Errors: `Misuse` for a name, tag or codec that cannot be.
 */
export const protocol = <const N extends string, I extends string, S extends Travelling>(
  kind: N,
  id: t.Type<I, string, unknown>,
  messages: S & Tagged<S>,
): Protocol<N, I, S> => {
  const specs = checkedSpecs(kind, messages)
  for (const [tag, { payload }] of specs) {
    if (payload !== undefined) continue
    throw new Misuse(
      'CannotTravel',
      `${kind}.${tag}: an entity may live anywhere, so nodeMessage is only for a nodeProtocol.`,
    )
  }
  return build({ kind, scope: 'id', id: anyCodec(id), specs, outer: undefined }) as Protocol<N, I, S>
}

/** Declares what may be said to an actor of which each node has one; also what never leaves the node. */
export const nodeProtocol = <const N extends string, S extends Specs>(
  kind: N,
  messages: S & Tagged<S>,
): NodeProtocol<N, S> =>
  build({
    kind,
    scope: 'node',
    id: undefined,
    specs: checkedSpecs(kind, messages),
    outer: undefined,
  }) as NodeProtocol<N, S>

/** Declares what only the actor's own timers and commands bring back: nobody else can send it. */
export const inner = <P extends AnyProtocol, S extends Inner>(
  protocol: P,
  messages: S & Tagged<S>,
): Protocol<KindOf<P>, IdOf<P>, Own<S>> => {
  const outer = dataOf(protocol)
  const specs = new Map<string, MessageSpecData>()
  for (const [tag, spec] of checkedSpecs(outer.kind, messages)) {
    if (outer.specs.has(tag)) {
      throw new Misuse(
        'InvalidDeclaration',
        `${outer.kind}.${tag} is declared twice: outside and as an inner message.`,
      )
    }
    specs.set(tag, { ...spec, reach: 'self' })
  }
  const data: ProtocolData = { kind: outer.kind, scope: outer.scope, id: outer.id, specs, outer }
  return build(data) as Protocol<KindOf<P>, IdOf<P>, Own<S>>
}

/** Codec for the address of an entity of this kind inside a message or a state; it travels as the id. */
export const address = <P extends AnyProtocol>(protocol: P): WireCodec<Address<KindOf<P>>> => {
  const { kind } = dataOf(protocol)
  const is = (value: unknown): value is { kind: string; id: string } => {
    const candidate = value as { kind?: unknown; id?: unknown } | null
    return typeof candidate === 'object' && candidate?.kind === kind && isId(candidate.id)
  }
  const codec = new t.Type<{ kind: string; id: string }, string, unknown>(
    `Address<${kind}>`,
    is,
    (value, context) =>
      isId(value) ? E.right({ kind, id: value }) : t.failure(value, context, `expected the id of a ${kind}`),
    (to) => to.id,
  )
  return codec as unknown as WireCodec<Address<KindOf<P>>>
}
