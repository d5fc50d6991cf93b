/** What the runtime knows of one declared message: its form, its reach, and how its parts are encoded. */
import * as E from 'fp-ts/lib/Either.js'
import * as t from 'io-ts'
import type { Wire } from '../wire/envelope.js'
import { complaintsOf } from './complaints.js'

/**
 * Where a message to one actor may go: `id` finds the actor wherever it lives, `node` never leaves this node,
 * `self` only comes from the actor's own actions.
 */
export type Reach = 'id' | 'node' | 'self'

/** `read` is an ask that cannot change anything; `answer` brings back what a command was answered. */
export type Form = 'tell' | 'ask' | 'read' | 'answer'

/** A codec as the runtime holds it, when the type of its values is no longer known. */
export type AnyCodec = t.Type<unknown, Wire, unknown>

export interface MessageSpecData {
  readonly form: Form
  readonly reach: Reach
  /** Absent for a node message: it is never encoded. For an answer: the codec of its fixed part. */
  readonly payload: AnyCodec | undefined
  readonly reply: AnyCodec | undefined
  readonly refusal: AnyCodec | undefined
}

/** How a codec is kept once the declaration is over. */
export const anyCodec = <A, O>(codec: t.Type<A, O, unknown>): AnyCodec => codec as unknown as AnyCodec

/** The payload of a message without fields. */
export const noFields: AnyCodec = anyCodec(t.undefined)

/** True when encoding would give back the very value. */
export const isPlain = (codec: AnyCodec): boolean => (codec.encode as unknown) === t.identity

const encoded = (codec: AnyCodec | undefined, value: unknown): Wire =>
  codec === undefined || isPlain(codec) ? (value as Wire) : codec.encode(value)

const decoded = (codec: AnyCodec | undefined, wire: unknown): E.Either<readonly string[], unknown> => {
  const result = (codec ?? noFields).decode(wire)
  return E.isLeft(result) ? E.left(complaintsOf(result.left)) : result
}

/** Of a message that may travel; a node message has no form on the wire. */
export const encodePayload = (spec: MessageSpecData, payload: unknown): Wire => encoded(spec.payload, payload)
/** The left names fields and expectations, never values. */
export const decodePayload = (spec: MessageSpecData, wire: unknown): E.Either<readonly string[], unknown> =>
  decoded(spec.payload, wire)
export const encodeReply = (spec: MessageSpecData, reply: unknown): Wire => encoded(spec.reply, reply)
export const decodeReply = (spec: MessageSpecData, wire: unknown): E.Either<readonly string[], unknown> =>
  decoded(spec.reply, wire)
export const encodeRefusal = (spec: MessageSpecData, refusal: unknown): Wire => encoded(spec.refusal, refusal)
export const decodeRefusal = (spec: MessageSpecData, wire: unknown): E.Either<readonly string[], unknown> =>
  decoded(spec.refusal, wire)
