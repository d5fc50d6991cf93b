import t from 'tap'
import { PartyId, PlayerId, SessionId } from '../../../actors/ids.js'
import { partyKind } from '../../../actors/party/party.js'
import { Party } from '../../../actors/party/protocol.js'
import type { PartyState } from '../../../actors/party/state.js'
import { playerSlot } from '../../../actors/player-slot/player-slot.js'
import { PlayerSlot } from '../../../actors/player-slot/protocol.js'
import { Session, type SessionView } from '../../../actors/session/protocol.js'
import { sessionKind } from '../../../actors/session/session.js'
import { seededRandom } from '../../../lib/std/random.js'
import { World } from '../../fixtures/world.js'

const [ada, bo] = [PlayerId('ada'), PlayerId('bo')]
const [s1, s2] = [SessionId('s1'), SessionId('s2')]
const p1 = PartyId('p1')
const on = (node: string, session: SessionId) => ({ node, session })

const worldWith = (): World =>
  new World({ kinds: [sessionKind(), playerSlot, partyKind()], random: seededRandom(3) })
const where = (world: World): SessionView => {
  const outcome = world.settled(ada, Session.Where())
  if ('reply' in outcome) return outcome.reply as SessionView
  throw new Error('not answered')
}
const status = (world: World): unknown => {
  world.settle()
  const outcome = world.settled(ada, PlayerSlot.Look())
  return 'reply' in outcome && (outcome.reply as { status: unknown }).status
}
/** What the nodes' actors were told. */
const toNodes = (world: World): string[] =>
  world.told
    .filter(({ kind }) => kind === 'sessions')
    .map(({ id, tag, payload }) => `${id} ${tag} ${JSON.stringify(payload)}`)
const beat = (world: World, session: SessionId, node = 'n1#1'): void => {
  world.tell(ada, Session.Alive(on(node, session)))
  world.settle()
}

t.test('session - it is where it was attached, from wherever it is asked', (t) => {
  const world = worldWith()
  world.settled(ada, Session.Attach(on('n1#1', s1)))
  t.match(where(world), { online: true, node: 'n1#1', session: s1 })
  t.equal(status(world), 'online')
  t.end()
})

t.test('session - a newer one replaces an older one, whose node is told to close it', (t) => {
  const world = worldWith()
  world.settled(ada, Session.Attach(on('n1#1', s1)))
  world.settled(ada, Session.Attach(on('n2#1', s2)))
  world.settle()
  t.match(where(world), { online: true, node: 'n2#1', session: s2 })
  t.same(toNodes(world), ['n1#1 Close {"session":"s1","reason":"replaced"}'])
  t.end()
})

t.test('session - what an older one says is ignored', (t) => {
  const world = worldWith()
  world.settled(ada, Session.Attach(on('n1#1', s1)))
  world.settled(ada, Session.Attach(on('n2#1', s2)))
  world.tell(ada, Session.Detach(on('n1#1', s1)))
  world.settle()
  t.match(where(world), { online: true, session: s2 })
  beat(world, s1)
  t.match(where(world), { online: true, session: s2 })
  t.end()
})

t.test('session - the same one attached again changes nothing', (t) => {
  const world = worldWith()
  world.settled(ada, Session.Attach(on('n1#1', s1)))
  const before = where(world)
  world.advance(5)
  world.settled(ada, Session.Attach(on('n1#1', s1)))
  t.same(where(world), before)
  t.end()
})

t.test('session - after a detach it is away, and gone when the grace is over', (t) => {
  const world = worldWith()
  world.settled(ada, Session.Attach(on('n1#1', s1)))
  world.tell(ada, Session.Detach(on('n1#1', s1)))
  t.equal(status(world), 'away')
  world.advance(59_999)
  t.equal(status(world), 'away')
  world.advance(1)
  t.equal(status(world), 'gone')
  t.end()
})

t.test('session - who comes back within the grace was never gone', (t) => {
  const world = worldWith()
  world.settled(ada, Session.Attach(on('n1#1', s1)))
  world.tell(ada, Session.Detach(on('n1#1', s1)))
  world.settle()
  world.advance(30_000)
  world.settled(ada, Session.Attach(on('n3#1', s2)))
  world.advance(30_001)
  t.equal(status(world), 'online')
  t.end()
})

t.test('session - a node that says nothing more has lost its sockets', (t) => {
  const world = worldWith()
  world.settled(ada, Session.Attach(on('n1#1', s1)))
  for (let i = 0; i < 5; i++) {
    world.advance(20_000)
    beat(world, s1)
  }
  t.equal(status(world), 'online', 'while it says so')
  world.advance(60_000)
  t.equal(status(world), 'away', 'a minute after the last word')
  beat(world, s1)
  t.equal(status(world), 'online', 'when it was only late')
  t.end()
})

t.test('session - one whose state was lost is found again by the next beat', (t) => {
  const world = worldWith()
  beat(world, s1)
  t.match(where(world), { online: true, node: 'n1#1', session: s1 })
  t.end()
})

t.test('session - notices go to the node with the socket, and nowhere when there is none', (t) => {
  const world = worldWith()
  const notice = { notice: 'greeting', text: 'hi' } as const
  world.tell(ada, Session.Notify({ notice }))
  world.settle()
  t.same(toNodes(world), [])
  world.settled(ada, Session.Attach(on('n1#1', s1)))
  world.tell(ada, Session.Notify({ notice }))
  world.settle()
  t.same(toNodes(world), ['n1#1 Deliver {"session":"s1","notice":{"notice":"greeting","text":"hi"}}'])
  t.end()
})

t.test('session - an invitation waits for who is away, until it is over', (t) => {
  const world = worldWith()
  world.settled(p1, Party.Create({ by: bo }))
  world.settled(p1, Party.Invite({ by: bo, target: ada }))
  world.settle()
  t.match(where(world).invitations, [{ party: p1, by: bo }])
  world.settled(p1, Party.CancelInvite({ by: bo, target: ada }))
  world.settle()
  t.same(where(world).invitations, [])
  t.end()
})

t.test('session - an invitation that was accepted does not wait any more', (t) => {
  const world = worldWith()
  world.settled(p1, Party.Create({ by: bo }))
  world.settled(p1, Party.Invite({ by: bo, target: ada }))
  world.settled(p1, Party.Accept({ player: ada }))
  world.settle()
  t.same(where(world).invitations, [])
  t.end()
})

t.test('session - the party of the player learns who is there', (t) => {
  const world = worldWith()
  const seen = (): unknown => world.state<PartyState>('party', p1)?.members[0]?.presence.status
  world.settled(ada, Session.Attach(on('n1#1', s1)))
  world.settled(p1, Party.Create({ by: ada }))
  t.equal(seen(), 'online')
  world.tell(ada, Session.Detach(on('n1#1', s1)))
  world.settle()
  t.equal(seen(), 'away')
  world.advance(60_000)
  world.settle()
  t.equal(seen(), 'gone')
  world.settled(ada, Session.Attach(on('n2#1', s2)))
  world.settle()
  t.equal(seen(), 'online')
  t.end()
})

t.test('session - a notice to somebody who was never here leaves nothing behind', (t) => {
  const world = worldWith()
  world.tell(ada, Session.Notify({ notice: { notice: 'greeting', text: 'hi' } }))
  world.settle()
  t.equal(world.state('session', ada), undefined)
  t.end()
})
