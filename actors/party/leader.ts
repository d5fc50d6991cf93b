/** What follows when another member leads, or the leader goes offline or comes back. */
import { act, type Action } from '../../lib/index.js'
import type { PlayerId } from '../ids.js'
import type { PartyOptions } from './options.js'
import { Own } from './own.js'
import { memberOf, type PartyState, tellMembers } from './state.js'

const timer = 'leader'

/** Since when the leader is offline; null when it is online, or there is none. */
const offline = (party: PartyState): { readonly leader: PlayerId; readonly since: number } | null => {
  const leader = party.leader === null ? undefined : memberOf(party, party.leader)
  const since = leader?.offlineSince ?? null
  return leader === undefined || since === null ? null : { leader: leader.player, since }
}

/** Starts or ends the grace of a leader who is offline, after a change that may concern it. */
export const leaderWatch = (
  before: PartyState,
  after: PartyState,
  options: PartyOptions,
  now: number,
): Action[] => {
  const [was, is] = [offline(before), offline(after)]
  if (was?.leader === is?.leader && was?.since === is?.since) return []
  if (is === null) return [act.cancel(timer)]
  const leftMs = Math.max(0, is.since + options.graceMs - now)
  return [act.after(leftMs, Own.LeaderOverdue(is), timer)]
}

/** The same, and the members are told who leads now. */
export const leaderChange = (
  before: PartyState,
  after: PartyState,
  options: PartyOptions,
  now: number,
): Action[] => {
  const { id: party, leader, version } = after
  const watch = leaderWatch(before, after, options, now)
  if (leader === null || leader === before.leader) return watch
  return [...tellMembers(after, { notice: 'leader-changed', party, leader, version }), ...watch]
}
