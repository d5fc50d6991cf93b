/** Ids of the domain: strings of a brand, so that a player's id is not taken for a party's. */
import * as E from 'fp-ts/lib/Either.js'
import * as t from 'io-ts'
import { entityIdCharsMax } from '../ids.js'
import type { brand } from './brand.js'
import { Misuse } from './misuse.js'

/** A string that only its own constructor makes: `PlayerId('alice')`. */
export type Id<B extends string> = string & { readonly [brand]: B }

/** The constructor of an id, which is its io-ts codec as well. */
export interface IdCodec<B extends string> extends t.Type<Id<B>, string, unknown> {
  /** Throws `Misuse` unless `raw` is 1 … 256 characters. For input from outside use `decode`. */
  (raw: string): Id<B>
}

/** A lone half of a surrogate pair is not the same string after it has travelled. */
const loneSurrogate = /\p{Surrogate}/u

/** What the id of an entity may be, whatever its brand: it must be the same string on every node. */
export const isId = (value: unknown): value is string =>
  typeof value === 'string' &&
  value.length > 0 &&
  value.length <= entityIdCharsMax &&
  !loneSurrogate.test(value)

/**
 * The id as it was given to a ref or an address. The compiler has seen that it is one; JavaScript has not.
 * Lone surrogates are left to the codec, because this runs for every ref.
 */
export const entityId = (kind: string, id: unknown): string => {
  if (typeof id === 'string' && id.length > 0 && id.length <= entityIdCharsMax) return id
  const given = id === undefined ? 'nothing' : typeof id === 'string' ? `${id.length} characters` : typeof id
  throw new Misuse(
    'InvalidId',
    `The id of a "${kind}" is 1 to ${entityIdCharsMax} characters, made by its constructor; got ${given}.`,
  )
}

/**
 * Declares an id: codec, constructor and brand in one.
 *
 * Limits: 1 … 256 characters, well-formed Unicode. Anything else does not decode.
 *
 * @example
 * export const PlayerId = id('PlayerId')
 * export type PlayerId = t.TypeOf<typeof PlayerId>
 */
export const id = <const B extends string>(name: B): IdCodec<B> => {
  const is = (value: unknown): value is Id<B> => isId(value)
  const expected = `expected ${name}, 1 to ${entityIdCharsMax} characters`
  const codec = new t.Type<Id<B>, string, unknown>(
    name,
    is,
    (value, context) => (is(value) ? E.right(value) : t.failure(value, context, expected)),
    t.identity,
  )
  const make = (raw: string): Id<B> => {
    if (is(raw)) return raw
    throw new Misuse('InvalidId', `${expected}, such as ${name}('a1').`)
  }
  const { validate, encode, decode } = codec
  const { pipe, asDecoder, asEncoder } = t.Type.prototype
  // What a codec of io-ts has, on the constructor itself: `name` and the others of a function are not
  // writable.
  const members = { name, is, validate, encode, decode, pipe, asDecoder, asEncoder }
  for (const [key, value] of Object.entries(members)) Object.defineProperty(make, key, { value })
  return make as unknown as IdCodec<B>
}
