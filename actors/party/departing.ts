/** How members go: removed at once, told and answered when their slots are free to join another party. */
import { act, type Action, type Asked } from '../../lib/index.js'
import type { PlayerId } from '../ids.js'
import type { Notice, Why } from '../notices.js'
import { PlayerSlot } from '../player-slot/protocol.js'
import { nextNumber } from '../presence.js'
import { leaderChange } from './leader.js'
import type { PartyOptions } from './options.js'
import { Own } from './own.js'
import type { Gone, PartyRefusal } from './protocol.js'
import {
  changed,
  type Departure,
  type Joining,
  type Member,
  type PartyState,
  tellMembers,
  tellPlayer,
} from './state.js'

export interface Move {
  readonly party: PartyState
  readonly actions: readonly Action[]
}

export interface Exit {
  readonly why: Why
  /** Who waits until the slots are free. */
  readonly ask: Asked<Gone, PartyRefusal> | null
  readonly now: number
}

const release = (
  party: PartyState,
  { player, claim }: Pick<Member, 'player' | 'claim'>,
  departure: number,
): Action =>
  act.command(
    PlayerSlot.at(player),
    PlayerSlot.Release({ party: party.id, claim }),
    Own.Released({ player, departure }),
  )

/** Gives back the slot of somebody who did not become a member after all. */
export const letGo = (party: PartyState, claimed: Joining, now: number): Move => {
  const number = nextNumber(party.lastNumber, now)
  const gone = { version: party.version, removed: [] }
  const departure = { number, waiting: [claimed.player], why: null, gone, ask: null }
  return {
    party: { ...party, lastNumber: number, departures: [...party.departures, departure] },
    actions: [release(party, claimed, number)],
  }
}

const leftNotice = ({ id, version }: PartyState, player: PlayerId, why: Why): Notice => ({
  notice: 'left',
  party: id,
  player,
  why,
  version,
})

/** Removes `going`; `leader` leads those who stay. */
export const depart = (
  party: PartyState,
  {
    going,
    leader,
    why,
    ask,
    now,
  }: Exit & { readonly going: readonly Member[]; readonly leader: PlayerId | null },
  options: PartyOptions,
): Move => {
  const removed = going.map(({ player }) => player)
  const number = nextNumber(party.lastNumber, now)
  const gone = { version: party.version + 1, removed }
  const left = changed(party, {
    leader,
    members: party.members.filter(({ player }) => !removed.includes(player)),
    lastNumber: number,
    departures: [...party.departures, { number, waiting: removed, why, gone, ask }],
  })
  return {
    party: left,
    actions: [
      ...going.map((member) => release(party, member, number)),
      ...removed.flatMap((player) => tellMembers(left, leftNotice(left, player, why))),
      ...leaderChange(party, left, options, now),
    ],
  }
}

/** Ends the party: everybody goes, no invitation holds, and its id is remembered for a while. */
export const close = (party: PartyState, exit: Exit, options: PartyOptions): Move => {
  const { party: left, actions } = depart(party, { ...exit, going: party.members, leader: null }, options)
  const closed: PartyState = {
    ...left,
    phase: 'closed',
    invites: [],
    joining: party.joining.map((one) => ({ ...one, isOff: true })),
  }
  const { id, version } = closed
  const uninvited = party.invites.flatMap(({ player }) => [
    act.cancel(`invite:${player}`),
    tellPlayer(player, { notice: 'invite-ended', party: id, player, why: 'closed', version }),
  ])
  return {
    party: closed,
    actions: [...actions, ...uninvited, act.after(options.tombstoneMs, Own.Forget(), 'forget')],
  }
}

const endings: ReadonlySet<Why> = new Set<Why>(['disbanded', 'empty', 'abandoned'])

/** What somebody who went is told. */
export const farewell = (party: PartyState, player: PlayerId, { why, gone }: Departure): Action[] => {
  if (why === null) return []
  const { version } = gone
  const notice: Notice = endings.has(why)
    ? { notice: 'disbanded', party: party.id, why, version }
    : leftNotice({ ...party, version }, player, why)
  return [tellPlayer(player, notice)]
}
