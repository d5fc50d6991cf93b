/** Who may do what, as the first refusal that applies. */
import type { PlayerId } from '../ids.js'
import type { PartyOptions } from './options.js'
import type { PartyCode } from './protocol.js'
import { byPlayer, memberOf, type PartyState, seatsTaken } from './state.js'

/** Undefined: nothing speaks against it. */
type Verdict = PartyCode | undefined

const either = (wrong: boolean, code: PartyCode): Verdict => (wrong ? code : undefined)

const isThere = (party: PartyState): Verdict => either(party.phase !== 'open', 'NO_SUCH_PARTY')

const memberMay = (party: PartyState, by: PlayerId): Verdict =>
  isThere(party) ?? either(memberOf(party, by) === undefined, 'NOT_IN_PARTY')

export const leaderMay = (party: PartyState, by: PlayerId): Verdict =>
  memberMay(party, by) ?? either(party.leader !== by, 'NOT_LEADER')

export const inviterMay = (party: PartyState, by: PlayerId, options: PartyOptions): Verdict =>
  options.allInvite ? memberMay(party, by) : leaderMay(party, by)

export const mayCreate = (party: PartyState, by: PlayerId): Verdict =>
  either(memberOf(party, by) !== undefined, 'ALREADY_IN_PARTY') ?? either(party.phase !== 'none', 'DUPLICATE')

export const mayBeInvited = (party: PartyState, target: PlayerId, options: PartyOptions): Verdict =>
  either(memberOf(party, target) !== undefined, 'ALREADY_MEMBER') ??
  either(
    byPlayer(party.invites, target) !== undefined || party.lookups.includes(target),
    'ALREADY_INVITED',
  ) ??
  either(seatsTaken(party) >= options.sizeMax, 'PARTY_FULL')

/** Both accepting and declining need an invitation that still holds. */
export const mayDecline = (party: PartyState, player: PlayerId, now: number): Verdict => {
  const invite = byPlayer(party.invites, player)
  const isExpired = invite === undefined ? party.expired.includes(player) : invite.expiresAt <= now
  return isThere(party) ?? either(isExpired, 'INVITE_EXPIRED') ?? either(invite === undefined, 'NOT_INVITED')
}

export const mayAccept = (party: PartyState, player: PlayerId, now: number): Verdict =>
  isThere(party) ??
  either(memberOf(party, player) !== undefined, 'ALREADY_MEMBER') ??
  mayDecline(party, player, now) ??
  either(byPlayer(party.joining, player) !== undefined, 'DUPLICATE')

export const mayLeave = (party: PartyState, player: PlayerId, options: PartyOptions): Verdict =>
  memberMay(party, player) ??
  either(
    party.leader === player && party.members.length > 1 && options.leaderLeave === 'refuse',
    'LEADER_CANNOT_LEAVE',
  )

/** An admin may end any party, and has no other right that others do not have. */
export const mayDisband = (party: PartyState, by: PlayerId, asAdmin: boolean): Verdict =>
  asAdmin ? isThere(party) : leaderMay(party, by)

export const mayChat = (party: PartyState, by: PlayerId): Verdict =>
  memberMay(party, by) ?? either(party.settings.muted && party.leader !== by, 'MUTED')

export const mayKick = (party: PartyState, by: PlayerId, target: PlayerId): Verdict =>
  leaderMay(party, by) ??
  either(by === target, 'SELF_TARGET') ??
  either(memberOf(party, target) === undefined, 'NOT_A_MEMBER')

export const mayTransfer = (party: PartyState, by: PlayerId, target: PlayerId): Verdict =>
  leaderMay(party, by) ?? either(memberOf(party, target) === undefined, 'NOT_A_MEMBER')
