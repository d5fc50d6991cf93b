import * as t from 'io-ts'
import { act, asked, type Action, refuse } from '../../lib/index.js'
import { PartyId, PlayerId } from '../ids.js'
import { type Notice, Why } from '../notices.js'
import { Presence } from '../presence.js'
import { Session } from '../session/protocol.js'
import { Gone, Party, type PartyCode, PartySettings, type PartyView } from './protocol.js'

const nullable = <A, O>(codec: t.Type<A, O>) => t.union([codec, t.null])

export const Member = t.type({
  player: PlayerId,
  /** The number of the claim that holds the member's slot. */
  claim: t.number,
  presence: Presence,
  /** Since when the member is not online. */
  offlineSince: nullable(t.number),
})
export type Member = t.TypeOf<typeof Member>

const Invite = t.type({ player: PlayerId, by: PlayerId, expiresAt: t.number })
export type Invite = t.TypeOf<typeof Invite>

/** An accept whose slot has been asked and has not answered yet. The invitation stays until it has. */
const Joining = t.type({
  player: PlayerId,
  claim: t.number,
  /** News of the player that came before the slot's answer. */
  news: nullable(Presence),
  /** True when the invitation ended, or the party: a claim that is granted is released again. */
  isOff: t.boolean,
})
export type Joining = t.TypeOf<typeof Joining>

/** Slots that are being released. Who asked for it is answered when all of them are free. */
const Departure = t.type({
  number: t.number,
  waiting: t.array(PlayerId),
  /** Null for a claim of somebody who never became a member. */
  why: nullable(Why),
  gone: Gone,
  ask: nullable(asked(Party.Leave)),
})
export type Departure = t.TypeOf<typeof Departure>

export const PartyState = t.type({
  /** `none`: nobody has created it. `closed`: it ended, and its id is not used again. */
  phase: t.keyof({ none: null, creating: null, open: null, closed: null }),
  id: PartyId,
  leader: nullable(PlayerId),
  settings: PartySettings,
  /** In the order in which they joined. */
  members: t.array(Member),
  invites: t.array(Invite),
  /** Whose invitation ran out, the newest last, so that a late accept is told why. At most `sizeMax`. */
  expired: t.array(PlayerId),
  /** Whom somebody invites while it is looked up whether they can be reached. */
  lookups: t.array(PlayerId),
  joining: t.array(Joining),
  departures: t.array(Departure),
  /** The last number given to a claim or a departure. */
  lastNumber: t.number,
  lastChat: t.number,
  version: t.number,
})
export type PartyState = t.TypeOf<typeof PartyState>

export const noParty = (id: PartyId): PartyState => ({
  phase: 'none',
  id,
  leader: null,
  settings: { muted: false },
  members: [],
  invites: [],
  expired: [],
  lookups: [],
  joining: [],
  departures: [],
  lastNumber: 0,
  lastChat: 0,
  version: 0,
})

// ── what is so ────────────────────────────────────────────────────────────

type Named = { readonly player: PlayerId }
export const byPlayer = <A extends Named>(all: readonly A[], player: PlayerId): A | undefined =>
  all.find((one) => one.player === player)
export const without = <A extends Named>(all: readonly A[], player: PlayerId): A[] =>
  all.filter((one) => one.player !== player)

export const memberOf = (party: PartyState, player: PlayerId) => byPlayer(party.members, player)
export const isOnline = (member: Member): boolean => member.presence.status === 'online'
export const seatsTaken = (party: PartyState): number =>
  party.members.length + party.invites.length + party.lookups.length

/** The member who has been there longest, preferably one who is online. */
export const successor = (party: PartyState, except: PlayerId | null): Member | undefined => {
  const others = party.members.filter(({ player }) => player !== except)
  return others.find(isOnline) ?? others[0]
}

export const viewOf = (party: PartyState, leader: PlayerId, sizeMax: number): PartyView => ({
  party: party.id,
  leader,
  members: party.members.map((member) => ({ player: member.player, online: isOnline(member) })),
  invites: party.invites.map(({ player }) => player),
  sizeMax,
  settings: party.settings,
  chats: party.lastChat,
  version: party.version,
})

// ── what changes ────────────────────────────────────────────────────────────

/** Every change of leader, members, invitations and settings goes through here: one change, one version. */
export const changed = (party: PartyState, change: Partial<PartyState>): PartyState => ({
  ...party,
  ...change,
  version: party.version + 1,
})

/** The domain's "no". */
export const no = (code: PartyCode) => refuse<{ readonly code: PartyCode }>({ code })

// ── what is told ────────────────────────────────────────────────────────────

export const tellPlayer = (player: PlayerId, notice: Notice): Action =>
  act.tell(Session.at(player), Session.Notify({ notice }))

export const tellMembers = (party: PartyState, notice: Notice): Action[] =>
  party.members.map(({ player }) => tellPlayer(player, notice))
