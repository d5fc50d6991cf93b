/** What the players of a circle do, as the script imagines that it comes off, and what each touches. */
import type { Circle, Party } from './circle.js'
import type { Footprint } from './footprint.js'
import type { Cmd } from './session.js'

/** A command before it has a number, and what it touches. */
export interface Move extends Footprint {
  readonly player: string
  readonly cmd: Cmd
  readonly party: string
  readonly target?: string
  readonly text?: string
}

const without = (list: readonly string[], gone: string): string[] => list.filter((one) => one !== gone)
const seat = (party: Party, player: string): string => `${party.name}:member:${player}`
const asLeader = (party: Party): string[] => [party.name, `${party.name}:leader`, seat(party, party.leader)]
const invitation = (party: Party, player: string): string => `${party.name}:invite:${player}`
const count = (party: Party): string => `${party.name}:count`
const muting = (party: Party): string => `${party.name}:muted`
const slot = (player: string): string => `slot:${player}`

/** Names of the things in the footprints, for the commands that are wrong on purpose. */
export const things = { seat, asLeader, invitation, count, slot, muting }

export const create = (circle: Circle, player: string): Move => {
  circle.named += 1
  const party: Party = {
    name: `${circle.name}-${circle.named}`,
    leader: player,
    members: [player],
    invites: [],
    isMuted: false,
    age: 0,
  }
  circle.parties.push(party)
  const changes = [party.name, `${party.name}:leader`, seat(party, player), count(party), slot(player)]
  return { player, cmd: 'create', party: party.name, changes }
}

export const invite = (party: Party, target: string): Move => {
  party.invites.push(target)
  return {
    player: party.leader,
    cmd: 'invite',
    party: party.name,
    target,
    uses: [...asLeader(party), seat(party, target), count(party)],
    changes: [invitation(party, target)],
  }
}

export const cancelInvite = (party: Party, target: string): Move => {
  party.invites = without(party.invites, target)
  return {
    player: party.leader,
    cmd: 'cancelInvite',
    party: party.name,
    target,
    uses: asLeader(party),
    changes: [invitation(party, target), count(party)],
  }
}

export const accept = (party: Party, player: string): Move => {
  party.invites = without(party.invites, player)
  party.members.push(player)
  const changes = [invitation(party, player), seat(party, player), slot(player)]
  return { player, cmd: 'accept', party: party.name, uses: [party.name], changes }
}

export const decline = (party: Party, player: string): Move => {
  party.invites = without(party.invites, player)
  const changes = [invitation(party, player), count(party)]
  return { player, cmd: 'decline', party: party.name, uses: [party.name], changes }
}

export const transfer = (party: Party, target: string): Move => {
  const player = party.leader
  party.leader = target
  const uses = [party.name, seat(party, player), seat(party, target)]
  return { player, cmd: 'transfer', party: party.name, target, uses, changes: [`${party.name}:leader`] }
}

const unseat = (party: Party, player: string): string[] => {
  party.members = without(party.members, player)
  return [seat(party, player), slot(player), count(party)]
}
export const leave = (party: Party, player: string): Move => {
  const uses = [party.name, `${party.name}:leader`]
  return { player, cmd: 'leave', party: party.name, uses, changes: unseat(party, player) }
}
export const kick = (party: Party, target: string): Move => ({
  player: party.leader,
  cmd: 'kick',
  party: party.name,
  target,
  uses: asLeader(party),
  changes: unseat(party, target),
})

/** Ended by its leader, or by an admin who is none of the circle. */
export const disband = (circle: Circle, party: Party, player = party.leader): Move => {
  circle.parties = circle.parties.filter((one) => one !== party)
  circle.ended.push(party.name)
  const seats = party.members.flatMap((player) => [seat(party, player), slot(player)])
  const open = party.invites.map((player) => invitation(party, player))
  const changes = [party.name, `${party.name}:leader`, count(party), ...seats, ...open]
  return { player, cmd: 'disband', party: party.name, changes }
}

/** Mutes the party, or ends that. */
export const mute = (party: Party): Move => {
  party.isMuted = !party.isMuted
  return {
    player: party.leader,
    cmd: party.isMuted ? 'mute' : 'unmute',
    party: party.name,
    uses: asLeader(party),
    changes: [muting(party)],
  }
}

export const chat = (party: Party, player: string, text: string): Move => ({
  player,
  cmd: 'chat',
  party: party.name,
  text,
  uses: [party.name, seat(party, player), muting(party), ...(party.isMuted ? asLeader(party) : [])],
})
export const info = (party: Party, player: string): Move => ({
  player,
  cmd: 'info',
  party: party.name,
  uses: [party.name, seat(party, player)],
})
