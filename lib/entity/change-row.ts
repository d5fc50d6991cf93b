/** Changes as they travel to a mirror: rows, because the names of fields would cost more than the rest. */
import type { Wire } from '../wire/envelope.js'
import type { Change, Output } from './copy.js'

/** An answer that is also remembered is a reference into the replies of the same change. */
type AskerRow =
  | readonly [node: string, ask: number, reply: number]
  | readonly [node: string, ask: number, outcome: 'reply' | 'refusal', payload: Wire]

/** Answers to askers are by far the most; the others keep the names of their fields. */
const outputToWire = (output: Output, replies: Change['replies']): Wire => {
  if (output.to !== 'asker') return output as unknown as Wire
  const { asker, ask, outcome, payload } = output
  const at = replies?.findIndex((reply) => reply[1] === outcome && Object.is(reply[2], payload)) ?? -1
  return at < 0 ? [asker, ask, outcome, payload] : [asker, ask, at]
}
const outputFromWire = (wire: Wire, replies: Change['replies']): Output => {
  if (!Array.isArray(wire)) return wire as unknown as Output
  const row = wire as unknown as AskerRow
  const [asker, ask] = row
  if (row.length === 4) return { to: 'asker', asker, ask, outcome: row[2], payload: row[3] }
  const [, outcome, payload] = replies?.[row[2]] ?? []
  return { to: 'asker', asker, ask, outcome: outcome === 'refusal' ? 'refusal' : 'reply', payload }
}

type ChangeRow = readonly [
  seq: number,
  id: string,
  at: number,
  outputs: readonly Wire[],
  state?: Wire,
  replies?: NonNullable<Change['replies']>,
  life?: NonNullable<Change['life']>,
  timers?: NonNullable<Change['timers']>,
  commands?: NonNullable<Change['commands']>,
  heard?: NonNullable<Change['heard']>,
  forgets?: NonNullable<Change['forgets']>,
]

/** Seq, id, time and outputs; then what changes for most steps; what is absent at the end is left out. */
export const changeToWire = (change: Change): Wire => {
  const { seq, id, at, outputs, state, replies, life, timers, commands, heard, forgets } = change
  const row: unknown[] = [seq, id, at, outputs.map((output) => outputToWire(output, replies)), state, replies]
  if (life !== undefined || (timers ?? commands ?? heard ?? forgets) !== undefined)
    row.push(life, timers, commands, heard, forgets)
  return row as Wire
}

export const isChangeRow = (wire: unknown): boolean => Array.isArray(wire) && Array.isArray(wire[3])

/** The change of such a row; its parts are those that a node of an agreed wire version has written. */
export const changeFromWire = (wire: Wire): Change => {
  const [seq, id, at, outputs, state, replies, life, timers, commands, heard, forgets] =
    wire as unknown as ChangeRow
  const change: { -readonly [K in keyof Change]: Change[K] } = {
    seq,
    id,
    at,
    outputs: outputs.map((output) => outputFromWire(output, replies)),
  }
  if (state !== undefined) change.state = state
  if (replies !== undefined) change.replies = replies
  if (life !== undefined) change.life = life
  if (timers !== undefined) change.timers = timers
  if (commands !== undefined) change.commands = commands
  if (heard !== undefined) change.heard = heard
  if (forgets !== undefined) change.forgets = forgets
  return change
}
