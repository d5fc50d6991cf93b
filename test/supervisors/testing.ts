import t from 'tap'
import * as io from 'io-ts'
import {
  act,
  entities,
  id,
  kind,
  message,
  mirrored,
  next,
  nodeProtocol,
  protocol,
  reply,
  supervisor,
} from '../../supervisors/index.js'
import { AskFailed } from '../../lib/errors.js'
import { probe, testCluster } from '../../supervisors/testing.js'

const CounterId = id('CounterId')
const Counter = protocol('counter', CounterId, {
  Add: message({ n: io.number }).replies(io.number),
  Total: message().reads(io.number),
})
const counter = kind(Counter, {
  activate: 'first-message',
  state: mirrored(io.number),
  init: () => 0,
  on: { Add: (total, { n }) => reply(total + n, total + n), Total: (total) => total },
})
const counters = () => supervisor('root', {}, [entities(counter)])
const nodes = ['n1', 'n2', 'n3'] as const
const kills = CounterId('kills')

t.test('testCluster – what was acknowledged survives a kill, and the killed node comes back', async (t) => {
  const c = await testCluster(t, { nodes, tree: counters, seed: 7 })
  const at = (name: (typeof nodes)[number]) => c.node[name].ref(Counter, kills)
  t.equal(await at('n1').ask(Counter.Add({ n: 2 })), 2)
  const owner = c.node.n1.where(Counter, kills).owner?.split('#')[0] as (typeof nodes)[number]
  const other = nodes.find((name) => name !== owner) ?? 'n1'
  c.kill(owner)
  await t.rejects(
    c.node[owner].ref(Counter, kills).ask(Counter.Total()),
    AskFailed,
    'it is gone for its own callers too',
  )
  const before = c.now()
  await c.waitUntil('it answers again', async () => (await at(other).ask(Counter.Total())) === 2, {
    deadlineMs: 2_000,
  })
  t.ok(c.now() - before > 300, 'time has passed')
  await c.start(owner)
  t.equal(c.node[owner].id, `${owner}#2`)
  t.equal(await at(owner).ask(Counter.Add({ n: 1 })), 3)
})

t.test(
  'testCluster – a frozen node is replaced after its lease, and serves nothing stale when it thaws',
  async (t) => {
    const c = await testCluster(t, { nodes, tree: counters })
    const at = (name: (typeof nodes)[number]) => c.node[name].ref(Counter, kills)
    await at('n1').ask(Counter.Add({ n: 1 }))
    const owner = c.node.n1.where(Counter, kills).owner?.split('#')[0] as (typeof nodes)[number]
    const other = nodes.find((name) => name !== owner) ?? 'n1'
    c.freeze(owner)
    await c.waitUntil('another takes over', async () => (await at(other).ask(Counter.Add({ n: 1 }))) >= 2, {
      deadlineMs: 12_000,
    })
    c.thaw(owner)
    const seen = await Promise.race([at(owner).ask(Counter.Total()), c.advance(5_000).then(() => -1)]).catch(
      () => 2,
    )
    t.equal(seen, 2, 'the new total or an error')
    await c.waitUntil(
      'it is back',
      () => c.node[owner].status().status === 'ready' && c.node[owner].id === `${owner}#2`,
    )
  },
)

t.test('testCluster – a cut holds until it heals', async (t) => {
  const c = await testCluster(t, { nodes: ['a', 'b'], tree: counters })
  await c.node.a.ref(Counter, kills).ask(Counter.Add({ n: 1 }))
  const [owner, other] = c.node.a.where(Counter, kills).isHere ? (['a', 'b'] as const) : (['b', 'a'] as const)
  c.cut(owner, other)
  const asked = c.node[other].ref(Counter, kills).ask(Counter.Add({ n: 1 }), { timeoutMs: 60_000 })
  let isAnswered = false
  void asked.then(() => {
    isAnswered = true
  })
  await c.advance(500)
  t.notOk(isAnswered, 'the answer cannot come through')
  c.heal()
  await c.waitUntil('it is answered', () => isAnswered)
  t.equal(await asked, 2, 'applied once')
})

t.test('testCluster – a wait that fails says what each node knew', async (t) => {
  const c = await testCluster(t, { nodes: ['a', 'b'], tree: counters, seed: 3 })
  const failing = c.waitUntil('pigs fly', () => Promise.reject(new Error('no wings')), { deadlineMs: 50 })
  await t.rejects(failing, {
    message: /^not within 50 ms: pigs fly \(seed 3\)\n.*no wings\n {2}a#1 ready; sees a#1 ready, b#1 ready/,
  })
  await t.rejects(c.start('a'), { message: 'a runs already: stop or kill it first' })
})

t.test('testCluster – the same seed gives the same run', async (t) => {
  const run = async (): Promise<unknown> => {
    const c = await testCluster(t, { nodes, tree: counters, seed: 5 })
    for (let i = 0; i < 20; i++) await c.node.n1.ref(Counter, CounterId(`c${i}`)).ask(Counter.Add({ n: i }))
    await c.advance(10_000)
    return nodes.map((name) => c.node[name].status())
  }
  t.same(await run(), await run())
})

const Bell = nodeProtocol('bell', { Ring: message({ by: io.string }), Tone: message().reads(io.string) })

t.test('probe – stands in for an actor of the node', async (t) => {
  const bell = probe(Bell, { Tone: () => 'c' })
  const c = await testCluster(t, { nodes: ['a', 'b'], tree: () => supervisor('root', {}, [bell.child]) })
  const first = bell.next()
  c.node.a.remote('b', Bell).tell(Bell.Ring({ by: 'ada' }))
  t.same(await first, { tag: 'Ring', payload: { by: 'ada' }, id: '' })
  t.equal(await c.node.b.local(Bell).ask(Bell.Tone()), 'c')
  t.same((await bell.next()).tag, 'Tone')
  await c.advance(1_000)
  t.equal(bell.messages.length, 2, 'and nothing else')
})

const PlayerId = id('PlayerId')
const Player = protocol('player', PlayerId, {
  Win: message(),
  Rank: message().replies(io.number),
  Free: message().replies(),
})
const MatchId = id('MatchId')
const Match = protocol('match', MatchId, { End: message({ winner: PlayerId }) })
const match = kind(Match, {
  activate: 'first-message',
  state: mirrored(io.number),
  init: () => 0,
  on: { End: (count, { winner }) => next(count + 1, act.tell(Player.at(winner), Player.Win())) },
})

t.test('probe – stands in for entities, and says which answer it lacks', async (t) => {
  const player = probe(Player, { Rank: () => 3 })
  const tree = () => supervisor('root', {}, [entities(match), player.child])
  const c = await testCluster(t, { nodes: ['a', 'b'], tree })
  c.node.a.ref(Match, MatchId('m1')).tell(Match.End({ winner: PlayerId('bob') }))
  t.same(await player.next(), { tag: 'Win', payload: undefined, id: 'bob' })
  const bob = c.node.b.ref(Player, PlayerId('bob'))
  t.equal(await bob.ask(Player.Rank()), 3)
  const lacking = await bob.ask(Player.Free()).catch((error: unknown) => error)
  t.match(lacking, { reason: { tag: 'Crashed', cause: /no answer to Free/ } })
})
