/**
 * Circles in which people come too late: an invitation that has run out when it is accepted, and one for a
 * player who has gone home.
 */
import type { Cmd, Line } from './session.js'

export interface LateTimes {
  readonly inviteMs: number
  readonly graceMs: number
}

/** Players of a late circle. */
export const lateCircleSize = 3

type Draft = Omit<Line, 'n' | 'after'> & { readonly after?: readonly number[] }

/** The commands of one late circle; `after` counts within the circle, from 0. */
export const lateCircle = (name: string, players: readonly string[], times: LateTimes): Draft[] => {
  const [leader = '', slow = '', homing = ''] = players
  const party = `${name}-1`
  const by = (player: string, cmd: Cmd, more: Partial<Line> = {}): Draft => ({ player, cmd, party, ...more })
  return [
    by(leader, 'create'),
    by(leader, 'invite', { target: slow }),
    by(homing, 'info', { after: [0], quit: true }),
    by(leader, 'invite', { target: homing, after: [2], pauseMs: times.graceMs * 2 }),
    by(slow, 'accept', { after: [1], pauseMs: times.inviteMs + 500 }),
    by(leader, 'chat', { text: `where are you, ${slow}`, after: [4] }),
  ]
}
