/**
 * Commands that a player should not give: each is aimed at one "no" of the party. Every mistake looks at the
 * imagined circle for a chance to be made, and changes nothing in it.
 */
import type { Circle, Party, Pick } from './circle.js'
import { isFull, partyOf, strangers } from './circle.js'
import { type Move, things } from './moves.js'

const { seat, asLeader, invitation, count, slot, muting } = things

/** Makes the mistake in this party, or nothing when there is no chance for it now. */
export type Mistake = (circle: Circle, party: Party, pick: Pick) => Move | undefined

const others = (party: Party): string[] => party.members.filter((player) => player !== party.leader)
const asMember = (party: Party, player: string): string[] => [
  party.name,
  `${party.name}:leader`,
  seat(party, player),
]

const notLeader: Mistake = (circle, party, pick) => {
  const player = pick(others(party))
  const cmd = pick(['invite', 'kick', 'transfer', 'disband', 'mute'] as const)
  if (player === undefined || cmd === undefined) return undefined
  const base = { player, party: party.name, uses: asMember(party, player) }
  if (cmd === 'disband' || cmd === 'mute') return { ...base, cmd }
  const target = pick(
    cmd === 'invite' ? strangers(circle, party) : party.members.filter((one) => one !== player),
  )
  return target === undefined
    ? undefined
    : { ...base, cmd, target, uses: [...base.uses, seat(party, target), invitation(party, target)] }
}

const byLeader = (party: Party, cmd: Move['cmd'], target: string | undefined): Move | undefined =>
  target === undefined
    ? undefined
    : {
        player: party.leader,
        cmd,
        party: party.name,
        target,
        uses: [...asLeader(party), seat(party, target), invitation(party, target)],
      }

const alreadyInvited: Mistake = (_circle, party, pick) => byLeader(party, 'invite', pick(party.invites))
const alreadyMember: Mistake = (_circle, party, pick) => byLeader(party, 'invite', pick(others(party)))
const selfTarget: Mistake = (_circle, party) => byLeader(party, 'kick', party.leader)
const notAMember: Mistake = (circle, party, pick) =>
  byLeader(party, pick(['kick', 'transfer'] as const) ?? 'kick', pick(strangers(circle, party)))
const cancelOfNothing: Mistake = (circle, party, pick) =>
  byLeader(party, 'cancelInvite', pick(strangers(circle, party)))

const partyFull: Mistake = (circle, party, pick) => {
  if (!isFull(circle, party)) return undefined
  const move = byLeader(party, 'invite', pick(strangers(circle, party)))
  return move && { ...move, uses: [...(move.uses ?? []), count(party)] }
}

const byStranger = (party: Party, player: string | undefined, cmd: Move['cmd']): Move | undefined =>
  player === undefined
    ? undefined
    : {
        player,
        cmd,
        party: party.name,
        ...(cmd === 'chat' ? { text: 'is anybody there' } : {}),
        uses: [party.name, seat(party, player), invitation(party, player), slot(player)],
      }
const notInvited: Mistake = (circle, party, pick) =>
  byStranger(party, pick(strangers(circle, party)), pick(['accept', 'decline'] as const) ?? 'accept')
const notInParty: Mistake = (circle, party, pick) =>
  byStranger(party, pick(strangers(circle, party)), pick(['chat', 'leave', 'disband'] as const) ?? 'chat')

const chatWhileMuted: Mistake = (_circle, party, pick) => {
  const player = pick(others(party))
  if (player === undefined || !party.isMuted) return undefined
  const uses = [...asMember(party, player), muting(party)]
  return { player, cmd: 'chat', party: party.name, text: 'why is it so quiet', uses }
}

const leaderLeaves: Mistake = (_circle, party, pick) => {
  const other = pick(others(party))
  if (other === undefined) return undefined
  const uses = [...asLeader(party), seat(party, other)]
  return { player: party.leader, cmd: 'leave', party: party.name, uses }
}

const secondParty: Mistake = (circle, party, pick) => {
  const player = pick(party.members)
  if (player === undefined) return undefined
  circle.named += 1
  const uses = [party.name, seat(party, player), slot(player)]
  return { player, cmd: 'create', party: `${circle.name}-${circle.named}`, uses }
}
/** The id of a party that is there, or was. */
const usedName: Mistake = (circle, party, pick) => {
  const player = pick(strangers(circle, party))
  const name = pick([party.name, ...circle.ended])
  if (player === undefined || name === undefined) return undefined
  return { player, cmd: 'create', party: name, uses: [name, slot(player)] }
}
const acceptElsewhere: Mistake = (circle, party, pick) => {
  const player = pick(party.invites.filter((one) => partyOf(circle, one) !== undefined))
  const other = player === undefined ? undefined : partyOf(circle, player)
  if (player === undefined || other === undefined) return undefined
  const uses = [party.name, invitation(party, player), other.name, seat(other, player), slot(player)]
  return { player, cmd: 'accept', party: party.name, uses }
}

const noSuchParty: Mistake = (circle, party, pick) => {
  const player = pick(strangers(circle, party))
  const cmd = pick(['accept', 'info', 'invite', 'disband'] as const)
  const name = pick([...circle.ended, `${circle.name}-none`])
  if (player === undefined || cmd === undefined || name === undefined) return undefined
  const target = cmd === 'invite' ? { target: party.leader } : {}
  return { player, cmd, party: name, ...target, uses: [name, slot(player)] }
}

/** All of them; the script makes each about equally often. */
export const mistakes: readonly Mistake[] = [
  notLeader,
  alreadyInvited,
  alreadyMember,
  selfTarget,
  notAMember,
  cancelOfNothing,
  partyFull,
  notInvited,
  notInParty,
  chatWhileMuted,
  leaderLeaves,
  secondParty,
  usedName,
  acceptElsewhere,
  noSuchParty,
]
