/** The judge's own short copy of the rules of a party. It knows nothing of the code that it judges. */
import type { Case, State } from './case.js'
import type { View } from './evidence.js'
import type { Line } from './session.js'

export const without = (list: readonly string[], gone: string): string[] => list.filter((one) => one !== gone)

const leads = new Set<Line['cmd']>([
  'invite',
  'cancelInvite',
  'transfer',
  'kick',
  'disband',
  'mute',
  'unmute',
])

/** Every "no" that the rules of a party allow for this command in this state. No id is used twice. */
export const objections = (
  party: Pick<Case, 'evidence' | 'states'>,
  state: State,
  line: Line,
): Set<string> => {
  const codes = new Set<string>()
  if (line.cmd === 'create') return party.states.length > 1 ? codes.add('DUPLICATE') : codes
  if (state === undefined) return codes.add('NO_SUCH_PARTY')
  const { player, target = '' } = line
  const isMember = state.members.includes(player)
  // An admin may end any party, and nothing else.
  if (line.cmd === 'disband' && party.evidence.admins.includes(player)) return codes
  if (leads.has(line.cmd) && state.leader !== player) codes.add('NOT_LEADER')
  if (!isMember && !['accept', 'decline', 'info'].includes(line.cmd)) codes.add('NOT_IN_PARTY')
  if (line.cmd === 'invite') {
    if (state.members.includes(target)) codes.add('ALREADY_MEMBER')
    if (state.invites.includes(target)) codes.add('ALREADY_INVITED')
    if (state.members.length + state.invites.length >= party.evidence.partySizeMax) codes.add('PARTY_FULL')
  }
  if (line.cmd === 'cancelInvite' && !state.invites.includes(target)) codes.add('NOT_INVITED')
  if (line.cmd === 'accept' && isMember) codes.add('ALREADY_MEMBER')
  if ((line.cmd === 'accept' || line.cmd === 'decline') && !state.invites.includes(player)) {
    codes.add('NOT_INVITED')
  }
  if (line.cmd === 'chat' && isMember && state.muted && state.leader !== player) codes.add('MUTED')
  if (line.cmd === 'kick' && target === player) codes.add('SELF_TARGET')
  if ((line.cmd === 'kick' || line.cmd === 'transfer') && !state.members.includes(target)) {
    codes.add('NOT_A_MEMBER')
  }
  const isLeaderOfOthers = state.leader === player && state.members.length > 1
  return line.cmd === 'leave' && isLeaderOfOthers ? codes.add('LEADER_CANNOT_LEAVE') : codes
}

/** The state after a command that nothing objects to. */
export const applied = (state: State, line: Line): State => {
  const { player, target = '' } = line
  const version = (state?.version ?? 0) + 1
  if (line.cmd === 'create' || state === undefined) {
    return { version, leader: player, members: [player], invites: [], muted: false }
  }
  const { members, invites } = state
  if (line.cmd === 'disband') return undefined
  if (line.cmd === 'invite') return { ...state, version, invites: [...invites, target] }
  if (line.cmd === 'cancelInvite') return { ...state, version, invites: without(invites, target) }
  if (line.cmd === 'decline') return { ...state, version, invites: without(invites, player) }
  if (line.cmd === 'transfer') return { ...state, version, leader: target }
  if (line.cmd === 'mute' || line.cmd === 'unmute') return { ...state, version, muted: line.cmd === 'mute' }
  if (line.cmd === 'kick') return { ...state, version, members: without(members, target) }
  if (line.cmd === 'accept') {
    return { ...state, version, members: [...members, player], invites: without(invites, player) }
  }
  const left = without(members, player)
  return left.length === 0 ? undefined : { ...state, version, members: left }
}

/** Whether the state is already what the command asks for. */
export const isSoAlready = (state: State, { cmd, target }: Line): boolean =>
  state !== undefined &&
  ((cmd === 'transfer' && state.leader === target) ||
    (cmd === 'mute' && state.muted) ||
    (cmd === 'unmute' && !state.muted))

export const isSame = (one: View, other: View): boolean =>
  one.leader === other.leader &&
  one.muted === other.muted &&
  one.members.join() === other.members.join() &&
  [...one.invites].sort().join() === [...other.invites].sort().join()
export const show = (state: State): string =>
  state === undefined
    ? 'no party'
    : `${state.members.join()} led by ${state.leader}${state.muted ? ', muted' : ''}, ` +
      `invited: ${state.invites.join() || 'nobody'}`
