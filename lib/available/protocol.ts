/** What the copy of an entity that has lost hands over to the one that goes on. */
import * as E from 'fp-ts/lib/Either.js'
import * as t from 'io-ts'
import type { Command, Due, ReplyOutcome } from '../entity/copy.js'
import type { Wire } from '../wire/envelope.js'

/** The tag of the runtime's own ask that hands a copy over. Its reply is `merged`. */
export const mergeTag = '$merge'

/** A timer: when it was due as the copy began, null when there was none; and what it is now. */
export type HandedTimer = readonly [name: string, before: number | null, now: Due | null]

export interface HandOver {
  /** False when the entity has ended there: then there is no state. */
  readonly isLive: boolean
  /** Encoded, where the kind has a codec. */
  readonly state: Wire
  /** Answers given since the copy began, so that an ask which is repeated now is applied once. */
  readonly replies: readonly (readonly [
    reqId: string,
    outcome: ReplyOutcome,
    payload: Wire,
    keepUntil: number,
  ])[]
  readonly timers: readonly HandedTimer[]
  /** Commands given since it began that wait for their answers, under the reqIds that they were sent with. */
  readonly commands: readonly Command[]
  /** The reqIds of commands of the common past that were answered there. */
  readonly answered: readonly string[]
}

const rows = t.array(t.array(t.unknown))
const HandOverRow = t.tuple([t.boolean, rows, rows, t.array(t.unknown), t.array(t.string)])

/** As it travels. The state comes last: it may be undefined. */
export const handOverToWire = (given: HandOver): Wire => {
  const { isLive, replies, timers, commands, answered, state } = given
  return [[isLive, replies, timers, commands, answered] as unknown as Wire, state]
}

/** Checks the outer shape; what is inside was written by a node of an agreed wire version. */
export const handOverFromWire = (wire: Wire): E.Either<string, HandOver> => {
  const [row, state] = Array.isArray(wire) ? (wire as readonly Wire[]) : []
  const decoded = HandOverRow.decode(row)
  if (E.isLeft(decoded)) return E.left('a hand-over with fields that do not fit')
  const [isLive, replies, timers, commands, answered] = decoded.right
  return E.right({ isLive, state, replies, timers, commands, answered } as unknown as HandOver)
}
