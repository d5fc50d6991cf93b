import t from 'tap'
import type { AskError } from '../../../lib/errors.js'
import { resolveConfig } from '../../../lib/config.js'
import { noneReached } from '../../../lib/limits.js'
import type { Member, View } from '../../../lib/membership/membership.js'
import type { Ownership } from '../../../lib/ownership/ownership.js'
import { newShard, type Shard } from '../../../lib/ownership/state.js'
import { createRouter } from '../../../lib/routing/router.js'
import { VirtualClock } from '../../../lib/std/virtual-clock.js'
import type { AskEnvelope, Envelope, TellEnvelope } from '../../../lib/wire/envelope.js'
import { purse } from '../../fixtures/purse.js'

const me = 'n1#1'
const ask = (id: string, more: Partial<AskEnvelope> = {}): AskEnvelope => ({
  type: 'ask',
  asker: 'n3#1',
  ask: 1,
  kind: 'purse',
  id,
  tag: 'Add',
  payload: 1,
  hops: 0,
  reqId: 'r',
  remainingMs: 5_000,
  ...more,
})
const tell = (id: string, more: Partial<TellEnvelope> = {}): TellEnvelope => ({
  type: 'tell',
  kind: 'purse',
  id,
  tag: 'Bump',
  payload: 1,
  hops: 0,
  ...more,
})
const member = (node: string, kinds = ['purse']): Member =>
  ({ node, status: 'ready', roles: [], weight: 1, kinds }) as unknown as Member

/** A router with the ownership and the members that a test wants. */
const bench = (knobs: object = {}) => {
  const config = resolveConfig({ shardCount: 1, ...knobs })
  if (config._tag === 'Left') throw new Error(config.left.join())
  const clock = new VirtualClock()
  const shard: Shard = newShard('purse.0')
  const world = {
    gone: new Set<string>(),
    members: [member('n1#1'), member('n2#1'), member('n3#1')],
    proper: me as string | null,
    isSending: true,
    mayServe: true,
    isKnown: true,
  }
  const seen = {
    sent: [] as (readonly [string, Envelope])[],
    posted: [] as Envelope[],
    answered: [] as unknown[],
    buried: [] as (readonly [string, string])[],
    ensured: [] as string[],
  }
  const ownership = {
    get: () => (world.isKnown ? shard : undefined),
    ownerOf: () => shard.record?.owner ?? world.proper,
    ensure: (id: string) => seen.ensured.push(id),
    mayServe: () => world.mayServe,
    takesNew: () => shard.role === 'owner',
  } as unknown as Ownership
  const reached = noneReached()
  const router = createRouter({
    me,
    clock,
    config: config.right,
    reached,
    kinds: new Map([['purse', purse]]),
    ownership,
    membership: {
      view: () =>
        ({
          version: 1,
          members: new Map(world.members.map((one) => [one.node, one])),
          ready: world.members,
        }) as unknown as View,
      isGone: (node) => world.gone.has(node),
      leaseHolds: () => true,
    },
    send: (to, envelope) => {
      if (world.isSending) seen.sent.push([to, envelope])
      return world.isSending
    },
    post: (_shard, envelope) => seen.posted.push(envelope),
    answer: (_envelope, outcome, payload) => seen.answered.push([outcome, (payload as AskError).tag]),
    bury: (envelope, reason) => seen.buried.push([envelope.tag, reason]),
    frozenMail: (mail) => mail,
  })
  const owns = (owner: string, role: Shard['role'] = owner === me ? 'owner' : 'none'): void => {
    const version = (shard.record?.version ?? 0) + 1
    shard.record = { version, owner, epoch: version, insync: [], gen: 1, born: 1, nonce: 'x' }
    shard.role = role
  }
  return { clock, shard, world, seen, router, owns, reached }
}

t.test('router - what comes to the owner goes into the mailbox', async (t) => {
  const { router, seen, owns } = bench()
  owns(me)
  router.receive(ask('a'), 'n2#1')
  t.equal(seen.posted.length, 1)
  t.equal(router.targetOf('purse.0'), me)
})

t.test(
  'router - a node that is not the owner passes a message on once, then says that its view is stale',
  async (t) => {
    const { router, seen, owns, reached } = bench()
    owns('n2#1')
    router.receive(ask('a', { hops: 0 }), 'n3#1')
    t.match(seen.sent, [['n2#1', { hops: 1, reqId: 'r' }]])
    router.receive(ask('a', { hops: 1 }), 'n3#1')
    t.equal(seen.sent.length, 1)
    t.same(seen.answered, [['error', 'StaleView']])
    router.receive(tell('a', { hops: 1 }), 'n3#1')
    t.same(seen.buried, [['Bump', 'StaleView']])
    t.equal(reached.deliveryHopsMax, 2)
  },
)

t.test(
  'router - mail for a shard without a record waits here while it is begun, and goes on then',
  async (t) => {
    const { router, seen, owns, world } = bench()
    world.isKnown = false
    router.receive(ask('a'), 'n3#1')
    router.receive(tell('b'), 'n3#1')
    t.equal(router.waitingCount, 2)
    t.same(seen.ensured, ['purse.0', 'purse.0'])
    world.isKnown = true
    owns(me)
    router.settled('purse.0')
    t.equal(router.waitingCount, 0)
    t.match(seen.posted, [{ type: 'ask' }, { type: 'tell' }])
  },
)

t.test(
  'router - mail for a shard that another should begin is passed on; with nobody it is refused',
  async (t) => {
    const { router, seen, world } = bench()
    world.proper = 'n2#1'
    router.receive(ask('a'), 'n3#1')
    t.match(seen.sent, [['n2#1', { hops: 1 }]])
    world.proper = null
    router.receive(ask('a'), 'n3#1')
    t.same(seen.answered, [['error', 'Unavailable']])
  },
)

t.test('router - mail that waits is bounded in count', async (t) => {
  const { router, seen, world } = bench({ mailboxCountMax: 1 })
  world.isKnown = false
  for (let i = 0; i < 12; i++) router.receive(ask(`a${i}`), 'n3#1')
  t.equal(router.waitingCount, 10, 'ten times the mailbox')
  t.same(seen.answered, [
    ['error', 'Unavailable'],
    ['error', 'Unavailable'],
  ])
})

t.test('router - mail waits two seconds at most, an ask no longer than its asker', async (t) => {
  const { router, seen, world, clock } = bench()
  world.isKnown = false
  router.receive(ask('a', { remainingMs: 500 }), 'n3#1')
  router.receive(tell('b'), 'n3#1')
  clock.advance(601)
  t.same(seen.answered, [['error', 'Unavailable']])
  t.equal(router.waitingCount, 1)
  clock.advance(1_500)
  t.same(seen.buried, [['Bump', 'Unavailable']])
  t.equal(router.waitingCount, 0)
  t.equal(clock.pendingCount, 0, 'no timer without mail')
})

t.test('router - mail for an owner that is gone waits for the next one', async (t) => {
  const { router, seen, world, owns } = bench()
  owns('n2#1')
  world.gone.add('n2#1')
  router.receive(ask('a'), 'n3#1')
  t.equal(router.waitingCount, 1)
  owns('n3#1')
  router.settled('purse.0')
  t.match(seen.sent, [['n3#1', { hops: 0 }]], 'it follows without spending its hop')
})

t.test('router - an owner whose members do not know it any more cannot be reached', async (t) => {
  const { router, seen, owns } = bench()
  owns('n9#1')
  router.receive(ask('a'), 'n3#1')
  t.same(seen.answered, [['error', 'Unavailable']])
})

t.test('router - while a shard is given away new mail waits, and follows it', async (t) => {
  const { router, seen, owns } = bench()
  owns(me, 'giving')
  router.receive(ask('a'), 'n3#1')
  router.receive(tell('b'), 'n3#1')
  t.equal(router.waitingCount, 2)
  owns('n2#1')
  router.settled('purse.0')
  t.match(seen.sent, [
    ['n2#1', { type: 'ask', hops: 0 }],
    ['n2#1', { type: 'tell', hops: 0 }],
  ])
})

t.test('router - when giving failed the mail is handled here', async (t) => {
  const { router, seen, owns } = bench()
  owns(me, 'giving')
  router.receive(ask('a'), 'n3#1')
  owns(me)
  router.settled('purse.0')
  t.equal(seen.posted.length, 1)
})

t.test('router - mail that waited is refused when its new owner is gone or cannot be sent to', async (t) => {
  const { router, seen, owns, world } = bench()
  owns(me, 'giving')
  router.receive(ask('a'), 'n3#1')
  owns('n2#1')
  world.isSending = false
  router.settled('purse.0')
  t.same(seen.answered, [['error', 'Unavailable']])
  owns(me, 'giving')
  router.receive(ask('a'), 'n3#1')
  owns('n2#1')
  world.gone.add('n2#1')
  router.settled('purse.0')
  t.same(seen.answered[1], ['error', 'StaleView'])
})

t.test('router - an owner whose lease is over answers Unavailable', async (t) => {
  const { router, seen, owns, world } = bench()
  owns(me)
  world.mayServe = false
  router.receive(ask('a'), 'n3#1')
  t.same(seen.answered, [['error', 'Unavailable']])
  t.same(seen.posted, [])
})

t.test('router - a kind that is not in this tree is asked of a member that runs it', async (t) => {
  const { router, seen, world } = bench()
  world.members = [member('n1#1'), member('n2#1', ['purse', 'guild'])]
  t.equal(router.send(ask('a', { kind: 'guild' })), 'sent')
  t.match(seen.sent, [['n2#1', { kind: 'guild' }]])
  t.equal(router.send(ask('a', { kind: 'nothing' })), 'nowhere')
  world.members = []
  t.equal(router.send(ask('a', { kind: 'nothing' })), 'later', 'while nobody is ready nobody knows')
  router.receive(ask('a', { kind: 'guild' }), 'n3#1')
  t.same(seen.answered, [['error', 'UnknownKind']])
  router.receive(tell('a', { kind: 'guild' }), 'n3#1')
  t.same(seen.buried, [['Bump', 'UnknownKind']])
})

t.test('router - what cannot leave now is said so, and a tell may be held until it can', async (t) => {
  const { router, seen, owns, world, clock } = bench()
  owns('n2#1')
  world.gone.add('n2#1')
  t.equal(router.send(tell('a')), 'later')
  router.hold(tell('a'))
  t.equal(router.waitingCount, 1)
  world.gone.clear()
  world.isSending = false
  t.equal(router.send(tell('a')), 'later')
  router.close()
  t.equal(router.waitingCount, 0)
  t.equal(clock.pendingCount, 0)
  t.same(seen.buried, [['Bump', 'Unavailable']], 'what still waits when it closes is told')
})
