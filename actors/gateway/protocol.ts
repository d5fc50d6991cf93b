/** What clients and a gateway say to each other: JSON texts, one object each. */
import * as t from 'io-ts'
import type { Invitation } from '../session/protocol.js'
import { PartyId, PlayerId } from '../ids.js'
import type { Notice } from '../notices.js'
import type { PartyCode } from '../party/protocol.js'

/** A codec whose name is what a client is told when a field does not fit it. */
const text = <A extends string>(
  expectation: string,
  fits: RegExp,
  brand: (raw: string) => A,
): t.Type<A, string> => {
  const is = (value: unknown): value is A => typeof value === 'string' && fits.test(value)
  return new t.Type<A, string>(
    expectation,
    is,
    (value, context) => (is(value) ? t.success(brand(value)) : t.failure(value, context)),
    t.identity,
  )
}

export const Player = text('a player: 1 to 64 visible ASCII characters', /^[\x21-\x7e]{1,64}$/, PlayerId)
export const PartyName = text('a party: 1 to 192 visible ASCII characters', /^[\x21-\x7e]{1,192}$/, PartyId)
export const ReqId = text('1 to 64 visible ASCII characters', /^[\x21-\x7e]{1,64}$/, (raw) => raw)
export const Flag = new t.Type<boolean, boolean>(
  'true or false',
  t.boolean.is,
  t.boolean.validate,
  t.identity,
)
export const Credentials = new t.Type<Readonly<Record<string, unknown>>>(
  'an object',
  t.UnknownRecord.is,
  t.UnknownRecord.validate,
  t.identity,
)

/** The client's own mark of a command; its answer carries it. */
export type ClientId = string | number
export const isClientId = (value: unknown): value is ClientId =>
  Number.isSafeInteger(value) || (typeof value === 'string' && value.length >= 1 && value.length <= 64)

/**
 * Why a command was not carried out.
 *
 * Only `UNAVAILABLE` leaves open whether it was: give the same `reqId`, and `party`, with the next try, on
 * any node, and it is applied once. All others mean that nothing happened.
 */
export type ErrorCode =
  /** The message cannot be read; `message` names the field and what was expected. */
  | 'BAD_REQUEST'
  | 'NOT_LOGGED_IN'
  /** The credentials were refused. */
  | 'FORBIDDEN'
  /** Too many messages, or too many without an answer. */
  | 'RATE_LIMITED'
  | 'UNAVAILABLE'
  /** All copies of the party's state are gone; it begins anew. */
  | 'STATE_LOST'

interface Failure {
  readonly error: ErrorCode
  readonly message: string
  /** When to try again, in milliseconds. */
  readonly retryAfterMs?: number
  /** For another try of the same command. */
  readonly reqId?: string
}
interface Refusal {
  readonly refused: PartyCode
  readonly message: string
  /** Where the player is instead. */
  readonly party?: PartyId
}
/** The answer to one command. `id` is null when the command had none that could be read. */
export type Answer = { readonly id: ClientId | null } & (
  | { readonly ok: true }
  | ({ readonly ok: false } & (Refusal | Failure))
)

/** What a login is answered: the player's own party and the invitations that wait. */
export interface Welcome {
  readonly player: PlayerId
  readonly session: string
  readonly node: string
  readonly party: PartyId | null
  readonly invitations: readonly Invitation[]
}

/** Everything that a gateway sends. */
export type ToClient = Answer | Notice
