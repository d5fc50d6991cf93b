import t from 'tap'
import { PartyId, PlayerId, SessionId } from '../../../actors/ids.js'
import { partyKind } from '../../../actors/party/party.js'
import { Party } from '../../../actors/party/protocol.js'
import { playerSlot } from '../../../actors/player-slot/player-slot.js'
import { PlayerSlot } from '../../../actors/player-slot/protocol.js'
import { neverSeen } from '../../../actors/presence.js'
import { seededRandom } from '../../../lib/std/random.js'
import { World } from '../../fixtures/world.js'

const ada = PlayerId('ada')
const [p1, p2] = [PartyId('p1'), PartyId('p2')]
const world = (): World => new World({ kinds: [playerSlot, partyKind()], random: seededRandom(1) })
const partyOf = (w: World): unknown => {
  const outcome = w.settled(ada, PlayerSlot.Current())
  return 'reply' in outcome ? (outcome.reply as { party: unknown }).party : outcome
}

t.test('slot - a free one is taken, and whoever takes it learns the presence', (t) => {
  t.same(world().settled(ada, PlayerSlot.Claim({ party: p1, claim: 1 })), { reply: neverSeen })
  t.end()
})

t.test('slot - another party is refused and told who has it', (t) => {
  const w = world()
  w.settled(ada, PlayerSlot.Claim({ party: p1, claim: 1 }))
  const refusal = { code: 'ALREADY_IN_PARTY', party: p1 }
  t.same(w.settled(ada, PlayerSlot.Claim({ party: p2, claim: 9 })), { refusal })
  t.end()
})

t.test('slot - the same party may claim again, and only its newest claim frees the slot', (t) => {
  const w = world()
  for (const claim of [1, 3, 2]) w.settled(ada, PlayerSlot.Claim({ party: p1, claim }))
  w.settled(ada, PlayerSlot.Release({ party: p1, claim: 1 }))
  w.settled(ada, PlayerSlot.Release({ party: p1, claim: 2 }))
  w.settled(ada, PlayerSlot.Release({ party: p2, claim: 3 }))
  t.equal(partyOf(w), p1)
  w.settled(ada, PlayerSlot.Release({ party: p1, claim: 3 }))
  t.equal(partyOf(w), null)
  t.end()
})

t.test('slot - a claim that comes again after its release is refused, a newer one is not', (t) => {
  const w = world()
  w.settled(ada, PlayerSlot.Claim({ party: p1, claim: 2 }))
  w.settled(ada, PlayerSlot.Release({ party: p1, claim: 2 }))
  const stale = w.settled(ada, PlayerSlot.Claim({ party: p1, claim: 2 }))
  t.same(stale, { refusal: { code: 'STALE_EPOCH', party: p1 } })
  t.same(w.settled(ada, PlayerSlot.Claim({ party: p1, claim: 3 })), { reply: neverSeen })
  t.end()
})

t.test('slot - it names the last party after it became free', (t) => {
  const w = world()
  w.settled(ada, PlayerSlot.Claim({ party: p1, claim: 2 }))
  w.settled(ada, PlayerSlot.Release({ party: p1, claim: 2 }))
  t.match(w.settled(ada, PlayerSlot.Current()), { reply: { party: null, lastParty: p1 } })
  t.end()
})

t.test('slot - news that is older than what it knows is ignored', (t) => {
  const w = world()
  const news = (status: 'online' | 'away', number: number) =>
    w.settled(ada, PlayerSlot.Report({ presence: { status, session: SessionId('s'), number } }))
  news('online', 7)
  news('away', 6)
  t.match(w.settled(ada, PlayerSlot.Look()), { reply: { status: 'online', number: 7 } })
  t.end()
})

t.test('slot - a doubt frees it when the party knows nothing of the claim', (t) => {
  const w = world()
  w.settled(ada, PlayerSlot.Claim({ party: p1, claim: 1 }))
  t.match(w.settled(ada, PlayerSlot.Verify()), { reply: { party: null } })
  t.equal(partyOf(w), null)
  t.end()
})

t.test('slot - a doubt changes nothing while the party has the member', (t) => {
  const w = world()
  w.settled(p1, Party.Create({ by: ada }))
  t.match(w.settled(ada, PlayerSlot.Verify()), { reply: { party: p1 } })
  t.equal(partyOf(w), p1)
  t.end()
})
