/** When each player was in which party, as far as questions and answers say it. */
import type { Case, Done } from './case.js'

interface Span {
  readonly party: string
  /** Surely a member from … until, and possibly. */
  readonly surely: readonly [number, number]
  readonly possibly: readonly [number, number]
}
export type Spans = ReadonlyMap<string, readonly Span[]>

/** When each player was in which party. */
export const findSpans = (parties: readonly Case[]): Spans => {
  const byPlayer = new Map<string, Span[]>()
  const add = (player: string, span: Span): unknown =>
    byPlayer.set(player, [...(byPlayer.get(player) ?? []), span])
  for (const party of parties) {
    const joined = new Map<string, Done | undefined>()
    for (const [version, state] of party.states.entries()) {
      const maker = party.makers[version]
      for (const player of state?.members ?? []) if (!joined.has(player)) joined.set(player, maker)
      for (const [player, by] of joined) {
        if (state?.members.includes(player)) continue
        joined.delete(player)
        add(player, spanOf(party.name, by, maker))
      }
    }
    for (const [player, by] of joined) add(player, spanOf(party.name, by, undefined))
  }
  return byPlayer
}
const spanOf = (party: string, by: Done | undefined, until: Done | undefined): Span => ({
  party,
  surely: [
    by?.answer.answeredAt ?? Number.POSITIVE_INFINITY,
    until?.answer.sentAt ?? Number.POSITIVE_INFINITY,
  ],
  possibly: [
    by?.answer.sentAt ?? Number.NEGATIVE_INFINITY,
    until?.answer.answeredAt ?? Number.POSITIVE_INFINITY,
  ],
})

export const judgeSlots = (spans: Spans, fault: (party: string, text: string) => void): void => {
  for (const [player, all] of spans) {
    const sorted = [...all].sort((a, b) => a.surely[0] - b.surely[0])
    for (const [at, span] of sorted.entries()) {
      const next = sorted[at + 1]
      if (next === undefined || next.surely[0] >= span.surely[1]) continue
      if (Number.isFinite(next.surely[0]))
        fault(next.party, `${player} was in ${span.party} at the same time`)
    }
  }
}
