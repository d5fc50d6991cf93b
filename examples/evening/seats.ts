/** What the answers say for certain about single players: which party each is in, and which socket counts. */
import type { Answer } from './evidence.js'
import type { Cmd, Line } from './session.js'

export interface Sent {
  readonly line: Line
  /** Absent while there is no answer. */
  readonly outcome?: Answer['outcome']
}

/** Commands that may put somebody into a party, or out of it. */
const moving: ReadonlySet<Cmd> = new Set<Cmd>(['create', 'accept', 'leave', 'kick', 'disband'])
const isMoving = ({ line }: Sent): boolean => moving.has(line.cmd)
const mayHaveCounted = ({ outcome }: Sent): boolean => outcome?.tag !== 'refused'
const isCertain = ({ outcome }: Sent): boolean => outcome !== undefined && outcome.tag !== 'unknown'

/** Whose seats these commands may change: of players, or of all in a party. Their names are different. */
const touchedBy = (commands: readonly Sent[]): Set<string> =>
  new Set(
    commands
      .filter((one) => isMoving(one) && mayHaveCounted(one))
      .map(({ line: { cmd, party, player, target = '' } }) =>
        cmd === 'disband' ? party : cmd === 'kick' ? target : player,
      ),
  )

/** The members of each party, by the acknowledged changes in the order of their versions. */
const membersOf = (sent: readonly Sent[]): Map<string, Set<string>> => {
  const changes = sent
    .filter(isMoving)
    .flatMap(({ line, outcome }) =>
      outcome?.tag === 'ok' ? [{ line, outcome, version: outcome.version ?? 0 }] : [],
    )
    .sort((a, b) => a.version - b.version)
  const parties = new Map<string, Set<string>>()
  for (const { line, outcome } of changes) {
    const members = parties.get(line.party) ?? new Set()
    if (line.cmd === 'disband') members.clear()
    else if (line.cmd === 'kick') members.delete(line.target ?? '')
    else if (line.cmd === 'leave') members.delete(line.player)
    else parties.set(line.party, new Set(outcome.view?.members ?? [...members, line.player]))
  }
  return parties
}

/**
 * The party of each player of whom the answers say it for certain; null for none. Players whom a command
 * without an answer may have moved are left out.
 */
export const seatsOf = (players: readonly string[], sent: readonly Sent[]): Map<string, string | null> => {
  const open = touchedBy(sent.filter((one) => !isCertain(one)))
  const seats = new Map<string, string | null>(players.map((player) => [player, null]))
  for (const [party, members] of membersOf(sent)) {
    for (const player of members) {
      if (open.has(party)) seats.delete(player)
      else if (seats.has(player)) seats.set(player, party)
    }
  }
  for (const player of players) if (open.has(player)) seats.delete(player)
  return seats
}

/** Those of `seats` that nothing sent later may have changed. */
export const untouched = (
  seats: ReadonlyMap<string, string | null>,
  later: readonly Sent[],
): Map<string, string | null> => {
  const touched = touchedBy(later)
  const isTouched = (name: string | null): boolean => name !== null && touched.has(name)
  return new Map([...seats].filter(([player, party]) => !isTouched(player) && !isTouched(party)))
}

/** Whether somebody asked for the end of this party, so that it may be gone. */
export const mayBeOver = (party: string, sent: readonly Sent[]): boolean =>
  sent.some(
    (one) => one.line.party === party && ['disband', 'leave'].includes(one.line.cmd) && mayHaveCounted(one),
  )
