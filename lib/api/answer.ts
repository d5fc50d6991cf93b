/** Late answers and continuations as data, so that they survive a failover. Closures would not. */
import * as E from 'fp-ts/lib/Either.js'
import * as t from 'io-ts'
import type { types } from './brand.js'
import { fieldsCodec, type Ask } from './message.js'
import { Misuse } from './misuse.js'
import { madeBy } from './maker.js'
import type { MessageSpecData, Reach } from './spec.js'
import type { Fields, FieldsOf, WireCodec } from './wire.js'

/**
 * An ask that is still open. It may wait in the state or in a message; `act.answer` and `act.refuse` close
 * it.
 */
export interface Asked<R, X> {
  /** Made by the runtime. Means something only to the actor that was asked. */
  readonly asked: string
  readonly [types]: { readonly reply: (reply: R) => void; readonly refusal: (refusal: X) => void }
}

/**
 * Why a command came back: nobody lives at that id, no ready node has the kind, the message does not fit the
 * receiver's codec or is larger than `payloadBytesMax`, or the receiver crashed on it
 * `commandAttemptsCountMax` times. `AnswerMalformed`: it was handled, but its answer does not fit the codec.
 */
export const WhyUndeliverable = t.keyof({
  NoRecipient: null,
  UnknownKind: null,
  Malformed: null,
  PayloadTooLarge: null,
  Crashed: null,
  AnswerMalformed: null,
})
export type WhyUndeliverable = t.TypeOf<typeof WhyUndeliverable>

/**
 * What comes back for a command that no trying again would bring to an answer. Unless `why` is
 * `AnswerMalformed` it has changed nothing, or what it changed is gone with every copy of the receiver.
 */
export type Undeliverable = {
  readonly tag: 'Undeliverable'
  readonly why: WhyUndeliverable
  /** Whom the command was for. */
  readonly address: string
  /** What happened and what to do, in one sentence, for people. */
  readonly detail: string
}
/** Codec of it, for a state or a message that keeps one. */
export const Undeliverable: t.Type<Undeliverable, Undeliverable, unknown> = t.type({
  tag: t.literal('Undeliverable'),
  why: WhyUndeliverable,
  address: t.string,
  detail: t.string,
})

/**
 * Tells a command that came back from a refusal of its receiver.
 *
 * @example
 * if (E.isLeft(answer)) return isUndeliverable(answer.left) ? lost(answer.left.why) : no(answer.left)
 */
export const isUndeliverable = <X>(left: X | Undeliverable): left is Undeliverable =>
  typeof left === 'object' && left !== null && (left as Partial<Undeliverable>).tag === 'Undeliverable'

/** What comes back for a `command`: the fixed part `A` was kept as data, the answer joins it on return. */
export interface AnswerSpec<A, R, X> {
  readonly [types]: {
    readonly form: 'answer'
    readonly payload: A
    readonly reach: 'self'
    readonly reply: R
    readonly refusal: X
  }
}
/** The fixed part of a continuation, made by its constructor. */
export interface Answer<N extends string, K extends string, A, R, X> {
  readonly kind: N
  readonly tag: K
  readonly payload: A
  readonly [types]: {
    readonly form: 'answer'
    readonly reach: 'self'
    readonly reply: R
    readonly refusal: X
  }
}

/** The constructor of an ask, such as `Party.Accept`. */
export type Maker<R, X> = (payload: never) => Ask<string, string, unknown, R, X, Reach>

const isAsked = (value: unknown): value is { readonly asked: string } =>
  typeof value === 'object' && value !== null && typeof (value as { asked?: unknown }).asked === 'string'

const openAsk = new t.Type<{ readonly asked: string }, string, unknown>(
  'Asked',
  isAsked,
  (value, context) =>
    typeof value === 'string' && value !== ''
      ? E.right({ asked: value })
      : t.failure(value, context, 'expected an open ask'),
  (open) => open.asked,
)

const specOfMaker = (maker: unknown, place: string): MessageSpecData => {
  const made = madeBy(maker)
  if (made !== undefined && (made.spec.form === 'ask' || made.spec.form === 'read')) return made.spec
  throw new Misuse(
    'WrongForm',
    `${place} takes the constructor of a message that is asked, such as Party.Accept.`,
  )
}

/** Codec of an open ask inside a state or an inner message. */
export const asked = <R, X>(message: Maker<R, X>): WireCodec<Asked<R, X>> => {
  if (specOfMaker(message, 'asked').form === 'read') {
    throw new Misuse('WrongForm', 'A message that .reads is answered at once, so it is never left open.')
  }
  return openAsk as unknown as WireCodec<Asked<R, X>>
}

/**
 * Declares how the answer to a `command` comes back: with the `fields` that were fixed when the command was
 * given, and `answer`, an Either: right with the reply of `message`, left with its refusal or with
 * `Undeliverable`.
 *
 * @example
 * const Own = inner(Party, { Claimed: answerTo(PlayerSlot.Claim, { player: PlayerId }) })
 */
export const answerTo = <R, X, F extends Fields>(
  message: Maker<R, X>,
  fields: F,
): AnswerSpec<FieldsOf<F>, R, X> => {
  const { reply, refusal } = specOfMaker(message, 'answerTo')
  const payload = fieldsCodec(fields, 'answerTo')
  if ('answer' in fields) {
    throw new Misuse('InvalidDeclaration', 'answerTo: the field "answer" is taken by the answer itself.')
  }
  const spec: MessageSpecData = { form: 'answer', reach: 'self', payload, reply, refusal }
  return spec as unknown as AnswerSpec<FieldsOf<F>, R, X>
}
