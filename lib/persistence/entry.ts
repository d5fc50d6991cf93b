/**
 * How a step becomes one entry of a journal, and a state a snapshot, and back. One entry per step, so that
 * a step is kept whole or not at all.
 *
 * A single event is the entry's data as its codec encodes it, as nact writes it. Several, or those of an
 * ask with a `reqId`, are `{ "$events": [ … ], "$answer": … }`. A snapshot is the encoded state, or
 * `{ "$state": …, "$answers": [ … ] }`.
 */
import * as E from 'fp-ts/lib/Either.js'
import * as t from 'io-ts'
import { complaintsOf } from '../api/complaints.js'
import type { AnyCodec } from '../api/spec.js'
import { type Answer, answerCodec } from './answered.js'

/** Events that one step may record. */
export const eventsCountMax = 100
/** Bytes of one entry, as JSON. */
export const entryBytesMax = 262_144

/** What was encoded, as it will be read again. */
export interface Encoded {
  /** Plain JSON, shared with nobody. */
  readonly data: unknown
  readonly bytes: number
}
export interface Entry {
  readonly events: readonly unknown[]
  readonly answer: Answer | undefined
}
export interface Snapshot {
  readonly state: unknown
  readonly answers: readonly Answer[]
}
type Complaints = readonly string[]

const wrappedEntry = t.exact(
  t.intersection([t.type({ $events: t.array(t.unknown) }), t.partial({ $answer: answerCodec })]),
)
const wrappedSnapshot = t.exact(t.type({ $state: t.unknown, $answers: t.array(answerCodec) }))

const hasField = (data: unknown, field: string): boolean =>
  typeof data === 'object' && data !== null && field in data

/** Encodes, and decodes again to see that it can be: what JSON would change is found before it is written. */
const encodeJson = (codec: AnyCodec, value: unknown): E.Either<Complaints, Encoded> => {
  let text: string | undefined
  try {
    text = JSON.stringify(codec.encode(value))
  } catch (error) {
    return E.left([error instanceof Error ? error.message : String(error)])
  }
  if (text === undefined) return E.left(['expected something that JSON can hold'])
  const data: unknown = JSON.parse(text)
  const read = decoded(codec, data)
  return E.isLeft(read) ? read : E.right({ data, bytes: Buffer.byteLength(text) })
}

const decoded = <A>(codec: t.Type<A, unknown, unknown>, data: unknown): E.Either<Complaints, A> =>
  E.mapLeft(complaintsOf)(codec.decode(data))

/** The data of an entry with at least one event. The left says what does not fit. */
export const encodeEntry = (codec: AnyCodec, { events, answer }: Entry): E.Either<Complaints, Encoded> => {
  const parts: unknown[] = []
  let bytes = 0
  for (const event of events) {
    const encoded = encodeJson(codec, event)
    if (E.isLeft(encoded)) return encoded
    parts.push(encoded.right.data)
    bytes += encoded.right.bytes
  }
  const isPlain = parts.length === 1 && answer === undefined && !hasField(parts[0], '$events')
  if (isPlain) return E.right({ data: parts[0], bytes })
  if (answer === undefined) return E.right({ data: { $events: parts }, bytes })
  const text = JSON.stringify(answer)
  return E.right({
    data: { $events: parts, $answer: JSON.parse(text) },
    bytes: bytes + Buffer.byteLength(text),
  })
}

export const decodeEntry = (codec: AnyCodec, data: unknown): E.Either<Complaints, Entry> => {
  const wrapped: E.Either<Complaints, t.TypeOf<typeof wrappedEntry>> = hasField(data, '$events')
    ? decoded(wrappedEntry, data)
    : E.right({ $events: [data] })
  if (E.isLeft(wrapped)) return wrapped
  const events: unknown[] = []
  for (const part of wrapped.right.$events) {
    const event = decoded(codec, part)
    if (E.isLeft(event)) return event
    events.push(event.right)
  }
  return E.right({ events, answer: wrapped.right.$answer })
}

export const encodeSnapshot = (
  codec: AnyCodec,
  { state, answers }: Snapshot,
): E.Either<Complaints, unknown> => {
  const encoded = encodeJson(codec, state)
  if (E.isLeft(encoded)) return encoded
  const { data } = encoded.right
  const isPlain = answers.length === 0 && !hasField(data, '$state')
  return E.right(isPlain ? data : { $state: data, $answers: JSON.parse(JSON.stringify(answers)) })
}

export const decodeSnapshot = (codec: AnyCodec, data: unknown): E.Either<Complaints, Snapshot> => {
  const wrapped: E.Either<Complaints, t.TypeOf<typeof wrappedSnapshot>> = hasField(data, '$state')
    ? decoded(wrappedSnapshot, data)
    : E.right({ $state: data, $answers: [] })
  if (E.isLeft(wrapped)) return wrapped
  const state = decoded(codec, wrapped.right.$state)
  return E.isLeft(state) ? state : E.right({ state: state.right, answers: wrapped.right.$answers })
}
