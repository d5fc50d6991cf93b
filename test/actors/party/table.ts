/** Each command, by each role, in each state of a party: what comes of it. */
import t from 'tap'
import { PartyId, PlayerId } from '../../../actors/ids.js'
import { partyKind } from '../../../actors/party/party.js'
import { Party } from '../../../actors/party/protocol.js'
import { playerSlot } from '../../../actors/player-slot/player-slot.js'
import { seededRandom } from '../../../lib/std/random.js'
import { World } from '../../fixtures/world.js'

const [p1, p2] = [PartyId('p1'), PartyId('p2')]
const role = {
  stranger: PlayerId('stranger'),
  invited: PlayerId('invited'),
  /** Invited, and a member of another party. */
  elsewhere: PlayerId('elsewhere'),
  /** Was invited, but too long ago. */
  expired: PlayerId('expired'),
  member: PlayerId('member'),
  leader: PlayerId('leader'),
}
type Role = keyof typeof role
const roles = Object.keys(role) as Role[]
const someone = PlayerId('someone')

/** In the order of the columns. `full`: members and invitations take all seats. */
const states = ['none', 'open', 'full', 'muted', 'disbanded'] as const
type State = (typeof states)[number]

const inviteMs = 1_000
const worldIn = (state: State): World => {
  const kinds = [partyKind({ sizeMax: state === 'full' ? 5 : 8, inviteMs }), playerSlot]
  const world = new World({ kinds, random: seededRandom(1) })
  world.settled(p2, Party.Create({ by: role.elsewhere }))
  if (state === 'none') return world
  const by = role.leader
  world.settled(p1, Party.Create({ by }))
  world.settled(p1, Party.Invite({ by, target: role.expired }))
  world.advance(inviteMs)
  world.settled(p1, Party.Invite({ by, target: role.member }))
  world.settled(p1, Party.Accept({ player: role.member }))
  for (const target of [role.invited, role.elsewhere]) world.settled(p1, Party.Invite({ by, target }))
  if (state === 'full') world.settled(p1, Party.Invite({ by, target: PlayerId('last') }))
  if (state === 'muted') world.settled(p1, Party.Mute({ by, muted: true }))
  if (state === 'disbanded') world.settled(p1, Party.Disband({ by, asAdmin: false }))
  return world
}

const commands: Record<string, (by: PlayerId) => object> = {
  create: (by) => Party.Create({ by }),
  'invite someone': (by) => Party.Invite({ by, target: someone }),
  'invite invited': (by) => Party.Invite({ by, target: role.invited }),
  'invite member': (by) => Party.Invite({ by, target: role.member }),
  'invite oneself': (by) => Party.Invite({ by, target: by }),
  'cancel invited': (by) => Party.CancelInvite({ by, target: role.invited }),
  'cancel someone': (by) => Party.CancelInvite({ by, target: someone }),
  accept: (by) => Party.Accept({ player: by }),
  decline: (by) => Party.Decline({ player: by }),
  'transfer to member': (by) => Party.Transfer({ by, target: role.member }),
  'transfer to someone': (by) => Party.Transfer({ by, target: someone }),
  'transfer to oneself': (by) => Party.Transfer({ by, target: by }),
  leave: (by) => Party.Leave({ player: by }),
  disband: (by) => Party.Disband({ by, asAdmin: false }),
  'disband as admin': (by) => Party.Disband({ by, asAdmin: true }),
  'kick member': (by) => Party.Kick({ by, target: role.member }),
  'kick someone': (by) => Party.Kick({ by, target: someone }),
  'kick oneself': (by) => Party.Kick({ by, target: by }),
  clear: (by) => Party.Clear({ by, includeGrace: false }),
  mute: (by) => Party.Mute({ by, muted: true }),
  unmute: (by) => Party.Mute({ by, muted: false }),
  chat: (by) => Party.Chat({ by, text: 'hello' }),
}

const none = 'NO_SUCH_PARTY'
const columns = (open: string, { full = open, muted = open } = {}): string =>
  `${none} ${open} ${full} ${muted} ${none}`
const used = (open: string): string => `ok ${open} ${open} ${open} DUPLICATE`
const outside = { stranger: columns('NOT_IN_PARTY'), member: columns('NOT_LEADER') }

/** Per command and role, a word per state; a role that is not there fares as a stranger. */
const table: Record<string, Partial<Record<Role, string>> & { readonly stranger: string }> = {
  create: {
    stranger: used('DUPLICATE'),
    elsewhere: 'ALREADY_IN_PARTY DUPLICATE DUPLICATE DUPLICATE DUPLICATE',
    member: used('ALREADY_IN_PARTY'),
    leader: used('ALREADY_IN_PARTY'),
  },
  'invite someone': { ...outside, leader: columns('ok', { full: 'PARTY_FULL' }) },
  'invite invited': { ...outside, leader: columns('ALREADY_INVITED') },
  'invite member': { ...outside, leader: columns('ALREADY_MEMBER') },
  'invite oneself': { ...outside, leader: columns('ALREADY_MEMBER') },
  'cancel invited': { ...outside, leader: columns('ok') },
  'cancel someone': { ...outside, leader: columns('NOT_INVITED') },
  accept: {
    stranger: columns('NOT_INVITED'),
    invited: columns('ok'),
    elsewhere: columns('ALREADY_IN_PARTY'),
    expired: columns('INVITE_EXPIRED'),
    member: columns('ALREADY_MEMBER'),
    leader: columns('ALREADY_MEMBER'),
  },
  decline: {
    stranger: columns('NOT_INVITED'),
    invited: columns('ok'),
    elsewhere: columns('ok'),
    expired: columns('INVITE_EXPIRED'),
  },
  'transfer to member': { ...outside, leader: columns('ok') },
  'transfer to someone': { ...outside, leader: columns('NOT_A_MEMBER') },
  'transfer to oneself': { ...outside, leader: columns('ok') },
  leave: { stranger: columns('NOT_IN_PARTY'), member: columns('ok'), leader: columns('LEADER_CANNOT_LEAVE') },
  disband: { ...outside, leader: columns('ok') },
  'disband as admin': { stranger: columns('ok') },
  'kick member': { ...outside, leader: columns('ok') },
  'kick someone': { ...outside, leader: columns('NOT_A_MEMBER') },
  'kick oneself': { ...outside, leader: columns('SELF_TARGET') },
  clear: { ...outside, leader: columns('ok') },
  mute: { ...outside, leader: columns('ok') },
  unmute: { ...outside, leader: columns('ok') },
  chat: {
    stranger: columns('NOT_IN_PARTY'),
    member: columns('ok', { muted: 'MUTED' }),
    leader: columns('ok'),
  },
}

const outcomeOf = (state: State, command: string, by: PlayerId): string => {
  const world = worldIn(state)
  const before = world.settled(p1, Party.Info())
  const outcome = world.settled(p1, commands[command]?.(by) as object)
  if ('reply' in outcome) return 'ok'
  t.same(world.settled(p1, Party.Info()), before, `${command}: a refusal changes nothing`)
  return (outcome.refusal as { code: string }).code
}

for (const [command, expected] of Object.entries(table)) {
  t.test(`party - ${command}: every role in every state`, (t) => {
    for (const by of roles) {
      const found = states.map((state) => outcomeOf(state, command, role[by]))
      t.equal(found.join(' '), expected[by] ?? expected.stranger, by)
    }
    t.end()
  })
}

t.test('party - the table has a row for every command', (t) => {
  t.same(Object.keys(table), Object.keys(commands))
  t.end()
})
