/**
 * How the events of one step become one entry of a journal, and back. One entry per step, so that a step is
 * kept whole or not at all.
 *
 * A single event is the entry's data as its codec encodes it, as nact writes it. Several are
 * `{ "$events": [ … ] }`.
 */
import * as E from 'fp-ts/lib/Either.js'
import { complaintsOf } from '../api/complaints.js'
import type { AnyCodec } from '../api/spec.js'

const several = '$events'
/** Events that one step may record. */
export const eventsCountMax = 100
/** Bytes of one entry, as JSON. */
export const entryBytesMax = 262_144

const isSeveral = (data: unknown): data is { readonly [several]: readonly unknown[] } =>
  typeof data === 'object' &&
  data !== null &&
  Object.keys(data).length === 1 &&
  Array.isArray((data as { readonly [several]?: unknown })[several])

/** What was encoded, as it will be read again; the left says what does not fit. */
export interface Encoded {
  /** Plain JSON, shared with nobody. */
  readonly data: unknown
  readonly bytes: number
}

/** Encodes, and decodes again to see that it can be: what JSON would change is found before it is written. */
export const encodeJson = (codec: AnyCodec, value: unknown): E.Either<readonly string[], Encoded> => {
  let text: string | undefined
  try {
    text = JSON.stringify(codec.encode(value))
  } catch (error) {
    return E.left([error instanceof Error ? error.message : String(error)])
  }
  if (text === undefined) return E.left(['expected something that JSON can hold'])
  const data: unknown = JSON.parse(text)
  const read = codec.decode(data)
  return E.isLeft(read) ? E.left(complaintsOf(read.left)) : E.right({ data, bytes: Buffer.byteLength(text) })
}

export const decodeJson = (codec: AnyCodec, data: unknown): E.Either<readonly string[], unknown> =>
  E.mapLeft(complaintsOf)(codec.decode(data))

/** The data of the entry for these events, of which there is at least one. */
export const encodeEntry = (
  codec: AnyCodec,
  events: readonly unknown[],
): E.Either<readonly string[], Encoded> => {
  const parts: unknown[] = []
  let bytes = 0
  for (const event of events) {
    const encoded = encodeJson(codec, event)
    if (E.isLeft(encoded)) return encoded
    parts.push(encoded.right.data)
    bytes += encoded.right.bytes
  }
  const isPlain = parts.length === 1 && !isSeveral(parts[0])
  return E.right({ data: isPlain ? parts[0] : { [several]: parts }, bytes })
}

/** The events of an entry. */
export const decodeEntry = (
  codec: AnyCodec,
  data: unknown,
): E.Either<readonly string[], readonly unknown[]> => {
  const parts = isSeveral(data) ? data[several] : [data]
  const events: unknown[] = []
  for (const part of parts) {
    const decoded = decodeJson(codec, part)
    if (E.isLeft(decoded)) return decoded
    events.push(decoded.right)
  }
  return E.right(events)
}
