/** What happens to parties, told one event after the other; messages that matter are held back on purpose. */
import t from 'tap'
import { PartyId, PlayerId, SessionId } from '../../../actors/ids.js'
import type { Notice } from '../../../actors/notices.js'
import type { PartyOptions } from '../../../actors/party/options.js'
import { partyKind } from '../../../actors/party/party.js'
import { Party } from '../../../actors/party/protocol.js'
import type { PartyState } from '../../../actors/party/state.js'
import { playerSlot } from '../../../actors/player-slot/player-slot.js'
import { PlayerSlot } from '../../../actors/player-slot/protocol.js'
import type { SlotState } from '../../../actors/player-slot/state.js'
import type { Presence } from '../../../actors/presence.js'
import { seededRandom } from '../../../lib/std/random.js'
import { inOneParty, slotsAgree } from '../../fixtures/party-checkers.js'
import { World } from '../../fixtures/world.js'

const [a, b, c, d] = ['ada', 'bo', 'cy', 'dee'].map((name) => PlayerId(name)) as [
  PlayerId,
  PlayerId,
  PlayerId,
  PlayerId,
]
const [p1, p2] = [PartyId('p1'), PartyId('p2')]

const worldWith = (options: Partial<PartyOptions> = {}): World =>
  new World({ kinds: [partyKind(options), playerSlot], random: seededRandom(5) })
/** A party led by the first, joined by the others in this order. */
const partyOf = (world: World, party: PartyId, [by, ...others]: PlayerId[]): World => {
  world.settled(party, Party.Create({ by: by as PlayerId }))
  for (const target of others) {
    world.settled(party, Party.Invite({ by: by as PlayerId, target }))
    world.settled(party, Party.Accept({ player: target }))
  }
  return world
}
const code = (outcome: object): unknown =>
  'refusal' in outcome ? (outcome.refusal as { code: string }).code : 'ok'
const members = (world: World, party: PartyId): string[] =>
  (world.state<PartyState>('party', party)?.members ?? []).map(({ player }) => player)
const leader = (world: World, party: PartyId): unknown => world.state<PartyState>('party', party)?.leader
const settles = (t: { same(found: unknown, wanted: unknown): unknown }, world: World): void => {
  world.settle()
  const parties = world.states<PartyState>('party')
  t.same([...inOneParty(parties), ...slotsAgree(parties, world.states<SlotState>('player-slot'))], [])
}
const told = (world: World, player: PlayerId): Notice[] =>
  world.told.filter(({ id }) => id === player).map(({ payload }) => (payload as { notice: Notice }).notice)

let news = 0
const report = (world: World, player: PlayerId, status: Presence['status']): void => {
  const presence = { status, session: SessionId('s'), number: ++news }
  world.settled(player, PlayerSlot.Report({ presence }))
  world.settle()
}

t.test('scenario 1 - A creates, invites B and C, both accept', (t) => {
  const world = partyOf(worldWith(), p1, [a, b, c])
  const online = true
  t.match(world.settled(p1, Party.Info()), {
    reply: { leader: a, members: [a, b, c].map((player) => ({ player, online })), invites: [], version: 5 },
  })
  settles(t, world)
  t.end()
})

t.test('scenario 2 - B accepts the invitations of two parties at the same instant: exactly one', (t) => {
  for (let seed = 1; seed <= 50; seed++) {
    const world = new World({ kinds: [partyKind(), playerSlot], random: seededRandom(seed) })
    partyOf(world, p1, [a])
    partyOf(world, p2, [d])
    world.settled(p1, Party.Invite({ by: a, target: b }))
    world.settled(p2, Party.Invite({ by: d, target: b }))
    const both = [world.ask(p1, Party.Accept({ player: b })), world.ask(p2, Party.Accept({ player: b }))]
    settles(t, world)
    t.same(both.map(({ outcome }) => code(outcome ?? {})).sort(), ['ALREADY_IN_PARTY', 'ok'])
  }
  t.end()
})

t.test('scenario 3 - a leader cannot leave, but transfer and then leave', (t) => {
  const world = partyOf(worldWith(), p1, [a, b, c])
  t.equal(code(world.settled(p1, Party.Leave({ player: a }))), 'LEADER_CANNOT_LEAVE')
  t.match(world.settled(p1, Party.Transfer({ by: a, target: b })), { reply: { version: 6, changed: true } })
  t.match(world.settled(p1, Party.Leave({ player: a })), { reply: { version: 7, removed: [a] } })
  t.same([leader(world, p1), members(world, p1)], [b, [b, c]])
  settles(t, world)
  t.end()
})

t.test('scenario 4 - clear removes who is gone, and with includeGrace who is away', (t) => {
  const world = partyOf(worldWith(), p1, [a, b, c])
  report(world, c, 'gone')
  report(world, b, 'away')
  t.match(world.settled(p1, Party.Clear({ by: a, includeGrace: false })), { reply: { removed: [c] } })
  t.match(world.settled(p1, Party.Clear({ by: a, includeGrace: false })), { reply: { removed: [] } })
  t.match(world.settled(p1, Party.Clear({ by: a, includeGrace: true })), { reply: { removed: [b] } })
  t.same(members(world, p1), [a])
  settles(t, world)
  t.end()
})

t.test('scenario 17 - a leader offline beyond the grace is followed by who is online the longest', (t) => {
  const world = partyOf(worldWith(), p1, [a, b, c])
  report(world, b, 'away')
  report(world, a, 'away')
  world.advance(60_000)
  report(world, a, 'gone')
  world.advance(239_000)
  t.equal(leader(world, p1), a, 'after 4:59')
  world.advance(2_000)
  t.equal(leader(world, p1), c, 'after 5:01')
  settles(t, world)
  t.end()
})

t.test('scenario 17 - with nobody online the party ends', (t) => {
  const world = partyOf(worldWith({ graceMs: 1_000 }), p1, [a, b])
  report(world, b, 'gone')
  report(world, a, 'gone')
  world.advance(1_001)
  settles(t, world)
  t.equal(code(world.settled(p1, Party.Chat({ by: b, text: 'hi' }))), 'NO_SUCH_PARTY')
  t.match(told(world, b).at(-1), { notice: 'disbanded', why: 'abandoned' })
  t.end()
})

t.test('party - a leader who comes back in time stays leader', (t) => {
  const world = partyOf(worldWith({ graceMs: 1_000 }), p1, [a, b])
  report(world, a, 'away')
  world.advance(999)
  report(world, a, 'online')
  world.advance(5_000)
  t.equal(leader(world, p1), a)
  t.end()
})

t.test('party - with promote the leader leaves and the longest-serving member leads', (t) => {
  const world = partyOf(worldWith({ leaderLeave: 'promote' }), p1, [a, b, c])
  report(world, b, 'away')
  t.equal(code(world.settled(p1, Party.Leave({ player: a }))), 'ok')
  t.same([leader(world, p1), members(world, p1)], [c, [b, c]])
  settles(t, world)
  t.end()
})

t.test('party - an answered leave means that the player can join another party at once', (t) => {
  const world = partyOf(worldWith(), p1, [a, b])
  const left = world.ask(p1, Party.Leave({ player: b }))
  world.settle('player-slot.Release')
  t.equal(left.outcome, undefined, 'not answered while the slot is held')
  t.equal(code(world.settled(p2, Party.Create({ by: a }))), 'ALREADY_IN_PARTY')
  world.settle()
  t.equal(code(left.outcome ?? {}), 'ok')
  t.equal(code(world.settled(p2, Party.Create({ by: b }))), 'ok')
  settles(t, world)
  t.end()
})

t.test('party - a member who comes back before the old release arrives keeps the slot', (t) => {
  const world = partyOf(worldWith({ inviteOffline: true }), p1, [a, b])
  const left = world.ask(p1, Party.Leave({ player: b }))
  world.settle('player-slot.Release')
  const steps = [Party.Invite({ by: a, target: b }), Party.Accept({ player: b })]
  const asked = steps.map((step) => {
    const question = world.ask(p1, step)
    world.settle('player-slot.Release')
    return question
  })
  t.same(
    asked.map(({ outcome }) => code(outcome ?? {})),
    ['ok', 'ok'],
  )
  settles(t, world)
  t.equal(code(left.outcome ?? {}), 'ok')
  t.same(members(world, p1), [a, b])
  t.end()
})

t.test('party - an invitation that is taken back while its accept is under way admits nobody', (t) => {
  const world = partyOf(worldWith(), p1, [a])
  world.settled(p1, Party.Invite({ by: a, target: b }))
  const accept = world.ask(p1, Party.Accept({ player: b }))
  world.settle('player-slot.Claim')
  const cancel = world.ask(p1, Party.CancelInvite({ by: a, target: b }))
  world.settle('player-slot.Claim')
  t.equal(code(cancel.outcome ?? {}), 'ok')
  settles(t, world)
  t.equal(code(accept.outcome ?? {}), 'NOT_INVITED')
  t.same(members(world, p1), [a])
  t.end()
})

t.test('party - a disband while an accept is under way leaves nobody behind', (t) => {
  const world = partyOf(worldWith(), p1, [a])
  world.settled(p1, Party.Invite({ by: a, target: b }))
  const accept = world.ask(p1, Party.Accept({ player: b }))
  world.settle('player-slot.Claim')
  world.ask(p1, Party.Disband({ by: a, asAdmin: false }))
  world.settle('player-slot.Claim')
  settles(t, world)
  t.equal(code(accept.outcome ?? {}), 'NO_SUCH_PARTY')
  t.end()
})

t.test('party - an accept in time counts although the invitation expires while the slot is asked', (t) => {
  const world = partyOf(worldWith({ inviteMs: 100 }), p1, [a])
  world.settled(p1, Party.Invite({ by: a, target: b }))
  const accept = world.ask(p1, Party.Accept({ player: b }))
  world.settle('player-slot.Claim')
  world.advance(1_000)
  settles(t, world)
  t.equal(code(accept.outcome ?? {}), 'ok')
  t.same(members(world, p1), [a, b])
  t.end()
})

t.test('party - an invitation expires, is told, and its seat is free again', (t) => {
  const world = partyOf(worldWith({ inviteMs: 100, sizeMax: 2 }), p1, [a])
  world.settled(p1, Party.Invite({ by: a, target: b }))
  t.equal(code(world.settled(p1, Party.Invite({ by: a, target: c }))), 'PARTY_FULL')
  world.advance(100)
  t.equal(code(world.settled(p1, Party.Invite({ by: a, target: c }))), 'ok')
  t.match(told(world, b).at(-1), { notice: 'invite-ended', why: 'expired' })
  t.equal(code(world.settled(p1, Party.Accept({ player: b }))), 'INVITE_EXPIRED')
  t.end()
})

t.test('party - who is gone cannot be invited, unless the host allows it', (t) => {
  for (const [inviteOffline, expected] of [
    [false, 'TARGET_OFFLINE'],
    [true, 'ok'],
  ] as const) {
    const world = partyOf(worldWith({ inviteOffline }), p1, [a])
    report(world, b, 'gone')
    t.equal(code(world.settled(p1, Party.Invite({ by: a, target: b }))), expected)
  }
  t.end()
})

t.test('party - whoever loses the lead while an invitation is looked up has not invited', (t) => {
  const world = partyOf(worldWith(), p1, [a, b])
  const invite = world.ask(p1, Party.Invite({ by: a, target: c }))
  world.settle('player-slot.Look')
  world.ask(p1, Party.Transfer({ by: a, target: b }))
  world.settle('player-slot.Look')
  world.settle()
  t.equal(code(invite.outcome ?? {}), 'NOT_LEADER')
  t.end()
})

t.test('party - whose slot cannot be spoken to neither creates nor holds up a party', (t) => {
  const world = new World({ kinds: [partyKind()], random: seededRandom(5) })
  const first = world.settled(p1, Party.Create({ by: a }))
  t.equal(code(first), 'SLOT_UNREACHABLE')
  t.equal(world.state<PartyState>('party', p1)?.phase, 'none')
  t.end()
})

t.test('party - a second accept while the first is under way is a duplicate', (t) => {
  const world = partyOf(worldWith(), p1, [a])
  world.settled(p1, Party.Invite({ by: a, target: b }))
  const [first, second] = [
    world.ask(p1, Party.Accept({ player: b })),
    world.ask(p1, Party.Accept({ player: b })),
  ]
  settles(t, world)
  t.same([first.outcome, second.outcome].map((outcome) => code(outcome ?? {})).sort(), ['DUPLICATE', 'ok'])
  t.end()
})

t.test('party - a create asked twice under one reqId makes one party', (t) => {
  const world = worldWith()
  const twice = [world.ask(p1, Party.Create({ by: a }), 'r1'), world.ask(p1, Party.Create({ by: a }), 'r1')]
  settles(t, world)
  // Whoever asks while the first is open has no answer of its own until it is sent again.
  world.crash()
  settles(t, world)
  t.match(twice, [{ outcome: { reply: { version: 1 } } }, { outcome: { reply: { version: 1 } } }])
  t.end()
})

t.test('party - the last one out closes it; its id is not used again until it is forgotten', (t) => {
  const world = partyOf(worldWith({ tombstoneMs: 1_000 }), p1, [a])
  t.match(world.settled(p1, Party.Leave({ player: a })), { reply: { removed: [a] } })
  t.equal(code(world.settled(p1, Party.Create({ by: a }))), 'DUPLICATE')
  t.match(world.settled(p1, Party.Info()), { reply: null })
  world.advance(1_001)
  t.equal(world.state('party', p1), undefined, 'it has stopped')
  t.end()
})

t.test('party - news that overtakes the answer of the slot counts', (t) => {
  const world = worldWith()
  const held = 'answer to player-slot.Claim'
  const away = (player: PlayerId): void => {
    const presence = { status: 'away', session: SessionId('s'), number: ++news } as const
    world.ask(player, PlayerSlot.Report({ presence }))
    world.settle(held)
    settles(t, world)
  }
  world.ask(p1, Party.Create({ by: a }))
  world.settle(held)
  away(a)
  world.settled(p1, Party.Invite({ by: a, target: b }))
  world.ask(p1, Party.Accept({ player: b }))
  world.settle(held)
  away(b)
  t.match(world.settled(p1, Party.Info()), { reply: { members: [{ online: false }, { online: false }] } })
  t.end()
})

t.test('party - chat is trimmed, numbered, and reaches the speaker too', (t) => {
  const world = partyOf(worldWith(), p1, [a, b])
  t.match(world.settled(p1, Party.Chat({ by: b, text: '  hello  ' })), { reply: { number: 1 } })
  for (const player of [a, b]) {
    t.match(told(world, player).at(-1), { notice: 'chat', from: b, text: 'hello', number: 1 })
  }
  t.end()
})

t.test('party - while it is muted only whoever leads it is heard, and everybody is told of it', (t) => {
  const world = partyOf(worldWith(), p1, [a, b])
  const mute = (muted: boolean) => world.settled(p1, Party.Mute({ by: a, muted }))
  const says = (by: PlayerId): unknown => code(world.settled(p1, Party.Chat({ by, text: 'hello' })))
  t.match(mute(true), { reply: { version: 4, changed: true } })
  for (const player of [a, b]) {
    const notice = { notice: 'settings-changed', party: p1, settings: { muted: true }, version: 4 }
    t.match(told(world, player).at(-1), notice)
  }
  t.match(mute(true), { reply: { version: 4, changed: false } }, 'as it is')
  t.same([says(a), says(b)], ['ok', 'MUTED'])
  t.match(world.settled(p1, Party.Info()), { reply: { settings: { muted: true }, chats: 1, version: 4 } })
  world.settled(p1, Party.Transfer({ by: a, target: b }))
  t.same([says(a), says(b)], ['MUTED', 'ok'], 'it goes with the lead')
  t.match(world.settled(p1, Party.Mute({ by: b, muted: false })), { reply: { version: 6, changed: true } })
  t.same([says(a), says(b)], ['ok', 'ok'])
  t.end()
})

t.test('party - an admin who is no member ends it: all are told, and their slots are free', (t) => {
  const world = partyOf(worldWith(), p1, [a, b])
  world.settled(p1, Party.Invite({ by: a, target: c }))
  const ended = world.settled(p1, Party.Disband({ by: d, asAdmin: true }))
  t.match(ended, { reply: { version: 5, removed: [a, b] } })
  for (const player of [a, b]) {
    t.match(told(world, player).at(-1), { notice: 'disbanded', party: p1, why: 'disbanded', version: 5 })
  }
  t.match(told(world, c).at(-1), { notice: 'invite-ended', party: p1, why: 'closed' })
  t.same(told(world, d), [], 'the admin has the answer')
  settles(t, world)
  t.equal(code(world.settled(p2, Party.Create({ by: b }))), 'ok')
  t.equal(code(world.settled(p1, Party.Disband({ by: d, asAdmin: true }))), 'NO_SUCH_PARTY')
  t.end()
})

t.test('party - who is kicked is told when the slot is free, the others at once', (t) => {
  const world = partyOf(worldWith(), p1, [a, b, c])
  world.ask(p1, Party.Kick({ by: a, target: b }))
  world.settle('player-slot.Release')
  t.match(told(world, c).at(-1), { notice: 'left', player: b, why: 'kicked' })
  t.notMatch(told(world, b).at(-1), { notice: 'left' })
  world.settle()
  t.match(told(world, b).at(-1), { notice: 'left', player: b, why: 'kicked' })
  t.end()
})

t.test('party - an option out of its range is named', (t) => {
  t.throws(() => partyKind({ sizeMax: 0 }), /sizeMax: expected a whole number from 1 to 256/)
  t.throws(() => partyKind({ inviteMs: 0.5 }), /inviteMs/)
  t.end()
})
