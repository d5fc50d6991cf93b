/** What may be put into a message that travels, and the check of its codecs at the place of declaration. */
import type * as t from 'io-ts'
import type { Wire } from '../wire/envelope.js'
import { Misuse } from './misuse.js'

export type { Wire } from '../wire/envelope.js'

/** A codec for something that travels: its output is plain data, so a socket or a function has none. */
export type WireCodec<A> = t.Type<A, Wire, unknown>

/** The fields of a message by name. */
export type Fields = Record<string, WireCodec<any>>
export type FieldsOf<F extends Fields> = { readonly [K in keyof F]: t.TypeOf<F[K]> }

/** Codecs of io-ts that let anything through, or things that have no form on the wire. */
const notOnTheWire: ReadonlyMap<string, string> = new Map([
  ['FunctionType', 'a function cannot travel'],
  ['AnyType', 't.any says nothing about what travels'],
  ['UnknownType', 't.unknown says nothing about what travels'],
  ['ObjectType', 't.object says nothing about what travels'],
  ['AnyArrayType', 't.UnknownArray says nothing about what travels'],
  ['AnyDictionaryType', 't.UnknownRecord says nothing about what travels'],
  ['BigIntType', 'a bigint has no form on the wire; send it as a string'],
])

/** The parts of io-ts codecs that have codecs inside, by their `_tag`. */
interface Parts {
  readonly _tag?: unknown
  readonly props?: Readonly<Record<string, unknown>>
  readonly types?: readonly unknown[]
  readonly type?: unknown
  readonly codomain?: unknown
}

const hasParts = new Set(['ReadonlyType', 'ExactType', 'ArrayType', 'ReadonlyArrayType', 'RefinementType'])

const isCodec = (value: unknown): value is Parts =>
  (typeof value === 'object' || typeof value === 'function') &&
  value !== null &&
  typeof (value as { decode?: unknown }).decode === 'function' &&
  typeof (value as { encode?: unknown }).encode === 'function'

/**
 * Throws `Misuse` with a sentence that names the place when `codec` cannot be for something that travels.
 * Looks into io-ts' own combinators; a recursive codec and one of another library are taken at their word.
 */
export const checkTravels = (codec: unknown, place: string): void => {
  if (!isCodec(codec)) throw new Misuse('NotACodec', `${place}: expected an io-ts codec.`)
  const tag = codec._tag
  const complaint = typeof tag === 'string' ? notOnTheWire.get(tag) : undefined
  if (complaint !== undefined) throw new Misuse('CannotTravel', `${place}: ${complaint}.`)
  if (tag === 'InterfaceType' || tag === 'StrictType' || tag === 'PartialType') {
    for (const [name, part] of Object.entries(codec.props ?? {})) checkTravels(part, `${place}.${name}`)
  } else if (tag === 'UnionType' || tag === 'IntersectionType' || tag === 'TupleType') {
    codec.types?.forEach((part, index) => {
      checkTravels(part, tag === 'TupleType' ? `${place}.${index}` : place)
    })
  } else if (tag === 'DictionaryType') {
    checkTravels(codec.codomain, `${place}.*`)
  } else if (typeof tag === 'string' && hasParts.has(tag)) {
    checkTravels(codec.type, tag.endsWith('ArrayType') ? `${place}.*` : place)
  }
}
