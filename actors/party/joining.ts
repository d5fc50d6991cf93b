/** How players come into a party: created, invited, looked up, accepted, claimed. */
import * as E from 'fp-ts/lib/Either.js'
import {
  act,
  type Action,
  isUndeliverable,
  next,
  putOff,
  reply,
  type Undeliverable,
} from '../../lib/index.js'
import type { PlayerId } from '../ids.js'
import type { InviteEnd } from '../notices.js'
import { PlayerSlot, type SlotRefusal } from '../player-slot/protocol.js'
import { isNewer, nextNumber, type Presence } from '../presence.js'
import { letGo } from './departing.js'
import { leaderWatch } from './leader.js'
import type { PartyOptions } from './options.js'
import { Own, type Steps } from './own.js'
import type { PartyRefusal } from './protocol.js'
import { mayDecline, inviterMay, mayAccept, mayBeInvited, mayCreate } from './rules.js'
import * as S from './state.js'

type Joins =
  | ('Create' | 'LeaderClaimed' | 'Invite' | 'Looked' | 'CancelInvite' | 'InviteExpired')
  | ('Accept' | 'Claimed' | 'Decline')

const inviteTimer = (player: PlayerId): string => `invite:${player}`

const slotRefused = (left: SlotRefusal | Undeliverable): PartyRefusal => {
  if (isUndeliverable(left)) return { code: 'SLOT_UNREACHABLE' }
  return left.code === 'ALREADY_IN_PARTY' ? { code: left.code, party: left.party } : { code: 'DUPLICATE' }
}

const joiningNow = (player: PlayerId, claim: number): S.Joining => ({
  player,
  claim,
  news: null,
  isOff: false,
})

/** The slot granted the claim; news may have overtaken its answer. */
const memberNow = ({ player, claim, news }: S.Joining, answer: Presence, now: number): S.Member => {
  const presence = news !== null && isNewer(news, answer) ? news : answer
  return { player, claim, presence, offlineSince: presence.status === 'online' ? null : now }
}

const invited = (party: S.PartyState, by: PlayerId, target: PlayerId, expiresAt: number): S.PartyState =>
  S.changed(party, {
    invites: [...party.invites, { player: target, by, expiresAt }],
    expired: party.expired.filter((player) => player !== target),
  })

const tellInvited = (party: S.PartyState, by: PlayerId, player: PlayerId, expiresAt: number): Action[] => {
  const notice = {
    notice: 'invited',
    party: party.id,
    player,
    by,
    expiresAt,
    version: party.version,
  } as const
  return [S.tellPlayer(player, notice), ...S.tellMembers(party, notice)]
}

/** The invitation is over; a claim that is on its way is given back when it is granted. */
const uninvited = (party: S.PartyState, player: PlayerId): S.PartyState =>
  S.changed(party, {
    invites: S.without(party.invites, player),
    joining: party.joining.map((one) => (one.player === player ? { ...one, isOff: true } : one)),
  })

const tellUninvited = (party: S.PartyState, player: PlayerId, why: InviteEnd): Action[] => {
  const notice = { notice: 'invite-ended', party: party.id, player, why, version: party.version } as const
  return [act.cancel(inviteTimer(player)), S.tellPlayer(player, notice), ...S.tellMembers(party, notice)]
}

const expire = (party: S.PartyState, player: PlayerId, sizeMax: number): S.PartyState => {
  const expired = [...party.expired.filter((one) => one !== player), player].slice(-sizeMax)
  return { ...uninvited(party, player), expired }
}

export const joining = (options: PartyOptions): Pick<Steps, Joins> => ({
  Create: (party, { by }, at) => {
    const code = mayCreate(party, by)
    if (code !== undefined) return S.no(code)
    const claim = nextNumber(party.lastNumber, at.now)
    return putOff(
      { ...party, phase: 'creating', lastNumber: claim, joining: [joiningNow(by, claim)] },
      act.command(
        PlayerSlot.at(by),
        PlayerSlot.Claim({ party: party.id, claim }),
        Own.LeaderClaimed({ by, create: at.asked }),
      ),
    )
  },
  LeaderClaimed: (before, { by, create, answer }, at) => {
    const pending = S.byPlayer(before.joining, by)
    if (pending === undefined) return next(before)
    const party = { ...before, joining: [] }
    if (E.isLeft(answer)) {
      const forget = act.after(options.tombstoneMs, Own.Forget(), 'forget')
      return next({ ...party, phase: 'none' }, act.refuse(create, slotRefused(answer.left)), forget)
    }
    const members = [memberNow(pending, answer.right, at.now)]
    const opened = S.changed(party, { phase: 'open', leader: by, members })
    return next(
      opened,
      act.cancel('forget'),
      ...leaderWatch(party, opened, options, at.now),
      act.answer(create, S.viewOf(opened, by, options.sizeMax)),
    )
  },

  Invite: (party, { by, target }, at) => {
    const code = inviterMay(party, by, options) ?? mayBeInvited(party, target, options)
    if (code !== undefined) return S.no(code)
    if (!options.inviteOffline) {
      return putOff(
        { ...party, lookups: [...party.lookups, target] },
        act.command(PlayerSlot.at(target), PlayerSlot.Look(), Own.Looked({ by, target, invite: at.asked })),
      )
    }
    const expiresAt = at.now + options.inviteMs
    const asked = invited(party, by, target, expiresAt)
    return reply(
      asked,
      { version: asked.version, changed: true },
      act.after(options.inviteMs, Own.InviteExpired({ target, expiresAt }), inviteTimer(target)),
      ...tellInvited(asked, by, target, expiresAt),
    )
  },
  Looked: (before, { by, target, invite, answer }, at) => {
    const party = { ...before, lookups: before.lookups.filter((player) => player !== target) }
    // The party may have changed in the meantime, so it is judged again.
    const isOffline = E.isRight(answer) && answer.right.status === 'gone'
    const code =
      inviterMay(party, by, options) ??
      mayBeInvited(party, target, options) ??
      (isOffline ? 'TARGET_OFFLINE' : undefined)
    if (code !== undefined) return next(party, act.refuse(invite, { code }))
    const expiresAt = at.now + options.inviteMs
    const asked = invited(party, by, target, expiresAt)
    return next(
      asked,
      act.answer(invite, { version: asked.version, changed: true }),
      act.after(options.inviteMs, Own.InviteExpired({ target, expiresAt }), inviteTimer(target)),
      ...tellInvited(asked, by, target, expiresAt),
    )
  },
  CancelInvite: (party, { by, target }) => {
    const code = inviterMay(party, by, options)
    if (code !== undefined) return S.no(code)
    if (S.byPlayer(party.invites, target) === undefined) return S.no('NOT_INVITED')
    const left = uninvited(party, target)
    return reply(left, { version: left.version, changed: true }, ...tellUninvited(left, target, 'cancelled'))
  },
  InviteExpired: (party, { target, expiresAt }) => {
    // An accept that came in time counts: its claim decides.
    const isJoining = S.byPlayer(party.joining, target) !== undefined
    if (isJoining || S.byPlayer(party.invites, target)?.expiresAt !== expiresAt) return next(party)
    const left = expire(party, target, options.sizeMax)
    return next(left, ...tellUninvited(left, target, 'expired'))
  },

  Accept: (party, { player }, at) => {
    const code = mayAccept(party, player, at.now)
    if (code !== undefined) return S.no(code)
    const claim = nextNumber(party.lastNumber, at.now)
    return putOff(
      {
        ...party,
        lastNumber: claim,
        joining: [...party.joining, joiningNow(player, claim)],
      },
      act.command(
        PlayerSlot.at(player),
        PlayerSlot.Claim({ party: party.id, claim }),
        Own.Claimed({ player, accept: at.asked }),
      ),
    )
  },
  Claimed: (before, { player, accept, answer }, at) => {
    const pending = S.byPlayer(before.joining, player)
    if (pending === undefined) return next(before)
    const party = { ...before, joining: S.without(before.joining, player) }
    if (E.isLeft(answer))
      return claimRefused(party, player, act.refuse(accept, slotRefused(answer.left)), at.now)
    if (pending.isOff || before.leader === null) {
      const code = party.phase === 'open' ? 'NOT_INVITED' : 'NO_SUCH_PARTY'
      const left = letGo(party, pending, at.now)
      return next(left.party, ...left.actions, act.refuse(accept, { code }))
    }
    const joined = S.changed(party, {
      members: [...party.members, memberNow(pending, answer.right, at.now)],
      invites: S.without(party.invites, player),
    })
    return next(
      joined,
      act.cancel(inviteTimer(player)),
      act.answer(accept, S.viewOf(joined, before.leader, options.sizeMax)),
      ...S.tellMembers(joined, { notice: 'joined', party: party.id, player, version: joined.version }),
    )
  },
  Decline: (party, { player }, at) => {
    const code = mayDecline(party, player, at.now)
    if (code !== undefined) return S.no(code)
    const left = uninvited(party, player)
    return reply(left, { version: left.version, changed: true }, ...tellUninvited(left, player, 'declined'))
  },
})

/** The player is in another party. The invitation holds on, unless it expired while the slot was asked. */
const claimRefused = (party: S.PartyState, player: PlayerId, refusal: Action, now: number) => {
  const invite = S.byPlayer(party.invites, player)
  if (invite === undefined || invite.expiresAt > now) return next(party, refusal)
  const left = expire(party, player, party.members.length + party.invites.length)
  return next(left, refusal, ...tellUninvited(left, player, 'expired'))
}
