/** Messages as they are declared, and what the compiler knows of them. */
import * as t from 'io-ts'
import type { types } from './brand.js'
import { anyCodec, noFields, type AnyCodec, type MessageSpecData, type Reach } from './spec.js'
import { checkTravels, type Fields, type FieldsOf, type WireCodec } from './wire.js'

/** A message nobody waits for: plain data, and under one symbol how it is encoded. */
export interface Tell<N extends string, K extends string, A, S extends Reach> {
  readonly kind: N
  readonly tag: K
  readonly payload: A
  readonly [types]: { readonly form: 'tell'; readonly reach: S }
}

/** A message with a reply `R`, or a refusal `X`: an answer of the domain, not a fault. */
export interface Ask<N extends string, K extends string, A, R, X, S extends Reach> {
  readonly kind: N
  readonly tag: K
  readonly payload: A
  readonly [types]: { readonly form: 'ask'; readonly reach: S; readonly reply: R; readonly refusal: X }
}

export interface TellSpec<A, S extends Reach> {
  readonly [types]: { readonly form: 'tell'; readonly payload: A; readonly reach: S }
}
export interface AskSpec<A, R, X, S extends Reach> {
  readonly [types]: {
    readonly form: 'ask'
    readonly payload: A
    readonly reach: S
    readonly reply: R
    readonly refusal: X
  }
}
/** An ask whose handler gives back the value alone, so it changes nothing. */
export interface ReadSpec<A, R> {
  readonly [types]: {
    readonly form: 'read'
    readonly payload: A
    readonly reach: 'id'
    readonly reply: R
    readonly refusal: never
  }
}

/** A tell, until `.replies` or `.reads` makes it an ask. */
export interface MessageSpec<A> extends TellSpec<A, 'id'> {
  /** The sender waits, until the actor has handled it. */
  replies(): ReplySpec<A, void>
  /** The sender waits for a reply. It is remembered by `reqId`, so the message is applied once. */
  replies<R>(reply: WireCodec<R>): ReplySpec<A, R>
  /** The sender waits for a value that the handler reads from the state, which stays as it is. */
  reads<R>(reply: WireCodec<R>): ReadSpec<A, R>
}
export interface ReplySpec<A, R> extends AskSpec<A, R, never, 'id'> {
  /** The domain's own "no". A refused message has changed nothing. */
  refuses<X>(refusal: WireCodec<X>): AskSpec<A, R, X, 'id'>
}

const data = (
  form: MessageSpecData['form'],
  payload: AnyCodec | undefined,
  reply?: AnyCodec,
  refusal?: AnyCodec,
): MessageSpecData => ({ form, reach: payload === undefined ? 'node' : 'id', payload, reply, refusal })

/** The payload codec of a message with these fields. */
export const fieldsCodec = (fields: Readonly<Record<string, AnyCodec>>, place: string): AnyCodec => {
  for (const [name, codec] of Object.entries(fields)) checkTravels(codec, `${place}.${name}`)
  return anyCodec(t.type(fields))
}

const travelling = <A>(codec: WireCodec<A>, place: string): AnyCodec => {
  checkTravels(codec, place)
  return anyCodec(codec)
}

const replying = (payload: AnyCodec, reply: AnyCodec) => ({
  ...data('ask', payload, reply),
  refuses: <X>(refusal: WireCodec<X>) => data('ask', payload, reply, travelling(refusal, 'refusal')),
})

/**
 * Declares a message that may travel: a tell, until `.replies(codec)` or `.reads(codec)` is added.
 *
 * Limits: each field has an io-ts codec whose output can travel (checked by the compiler and again here). The
 * encoded message is at most `payloadBytesMax`.
 *
 * Errors: `Misuse` where a codec lets anything through.
 *
 * @example
 * const Counter = protocol('counter', CounterId, {
 *   Add: message({ n: t.number }),
 *   Take: message({ n: t.number }).replies(t.number).refuses(t.literal('TOO_FEW')),
 *   Total: message().reads(t.number),
 * })
 */
export function message(): MessageSpec<void>
export function message<F extends Fields>(fields: F): MessageSpec<FieldsOf<F>>
export function message(fields?: Fields): MessageSpec<unknown> {
  const payload = fields === undefined ? noFields : fieldsCodec(fields, 'message')
  const declared = {
    ...data('tell', payload),
    replies: <R>(reply?: WireCodec<R>) =>
      replying(payload, reply === undefined ? noFields : travelling(reply, 'reply')),
    reads: <R>(reply: WireCodec<R>) => data('read', payload, travelling(reply, 'reply')),
  }
  return declared as unknown as MessageSpec<unknown>
}

/** A message that never leaves its node, so it may carry sockets and functions, and needs no codec. */
export const nodeMessage = <A>(): TellSpec<A, 'node'> =>
  data('tell', undefined) as unknown as TellSpec<A, 'node'>
