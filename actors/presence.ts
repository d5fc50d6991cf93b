/** Whether a player can be reached, as sessions say it, slots keep it and parties show it. */
import * as t from 'io-ts'
import { SessionId } from './ids.js'

export const Presence = t.type({
  /** `away`: the socket is gone but may come back. `gone`: the time for that is over. */
  status: t.keyof({ online: null, away: null, gone: null }),
  session: t.union([SessionId, t.null]),
  /** Grows with each news of one player, so that news which comes late is known to be old. */
  number: t.number,
})
export type Presence = t.TypeOf<typeof Presence>

/** Of a player of whom no session has said anything: taken for present. */
export const neverSeen: Presence = { status: 'online', session: null, number: 0 }

export const isNewer = (news: Presence, known: Presence): boolean => news.number > known.number

/**
 * The next number of something that must never repeat one, even when the last one was lost with its entity:
 * the time, or one more than the last where the clock has not moved.
 */
export const nextNumber = (last: number, now: number): number => Math.max(last + 1, now)
