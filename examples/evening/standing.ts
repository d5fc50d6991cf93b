/** What was acknowledged when the node was killed, and whether what came back says the same. */
import type { Player } from './player.js'
import { mayBeOver, seatsOf, type Sent, untouched } from './seats.js'

/** What the answers up to some moment say for certain. */
export interface Standing {
  /** The party of each player; null for none. */
  readonly seats: ReadonlyMap<string, string | null>
  /** The socket of each player who has one. */
  readonly sessions: ReadonlyMap<string, string>
  /** How many commands had been sent. */
  readonly sentCount: number
}

export const standingOf = (players: readonly Player[], sent: readonly Sent[]): Standing => ({
  seats: seatsOf(
    players.map(({ name }) => name),
    sent,
  ),
  sessions: new Map(
    players
      .filter(({ gateway, hasQuit }) => gateway !== '' && !hasQuit)
      .map(({ name, session }) => [name, session]),
  ),
  sentCount: sent.length,
})

export interface Compared {
  /** Entities of which it was known what they must say. */
  readonly verifiedCount: number
  /** Those that said something else. */
  readonly wrong: readonly string[]
}

/** Compares what entities said between two moments with what had been acknowledged at the first. */
export const compare = (
  [before, after]: readonly [Standing, Standing],
  sent: readonly Sent[],
  said: readonly (readonly [name: string, what: string | null])[],
): Compared => {
  const seats = untouched(before.seats, sent.slice(before.sentCount))
  /** What it must say; undefined when nobody knows. */
  const expected = (kind: string | undefined, id: string): string | null | undefined => {
    if (kind === 'party') return mayBeOver(id, sent) ? undefined : id
    if (kind === 'player-slot') return seats.get(id)
    const session = before.sessions.get(id)
    return session === after.sessions.get(id) ? session : undefined
  }
  const known = said.flatMap(([name, what]) => {
    const [kind, id = ''] = name.split('/')
    const wanted = expected(kind, id)
    return wanted === undefined ? [] : [{ name, isRight: wanted === what }]
  })
  return {
    verifiedCount: known.length,
    wrong: known.filter(({ isRight }) => !isRight).map(({ name }) => name),
  }
}
