import * as io from 'io-ts'
import t from 'tap'
import {
  act,
  behavior,
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
  worker,
  type TumenNode,
} from '../../supervisors/index.js'
import { failing, probe, testCluster } from '../../supervisors/testing.js'

const Clerk = nodeProtocol('clerk', {
  Order: message({ item: io.string }).replies(io.number),
  Idle: message(),
})
const Store = nodeProtocol('store', { Fetch: message({ item: io.string }) })

const clerk = behavior(Clerk, {
  init: () => 0,
  on: {
    Order: (orders, { item }, self) =>
      reply(orders + 1, orders + 1, act.tell(Store.on(self.node.id), Store.Fetch({ item }))),
    Idle: (orders) => next(orders, act.after(500, Clerk.Idle())),
  },
})

const shop = async (t: Parameters<typeof testCluster>[0], actor = clerk) => {
  const store = probe(Store)
  const cluster = await testCluster(t, {
    nodes: ['n1'],
    tree: () => supervisor('root', { intensity: 5 }, [worker('clerk', actor), store.child]),
  })
  return { cluster, store, ref: cluster.node.n1.local(Clerk), node: cluster.node.n1 as TumenNode }
}

t.test('a message, a reply and silence are expected', async (t) => {
  const { cluster, store, ref } = await shop(t)
  await cluster.expect.reply(ref.ask(Clerk.Order({ item: 'tea' })), 1)
  const received = await cluster.expect.message(store, Store.Fetch, { item: /^t/ })
  t.same(received.payload, { item: 'tea' })
  await cluster.expect.noMessage(store, { withinMs: 1_000 })
})

t.test('a timer is expected by its message, its name and its time', async (t) => {
  const { cluster, ref } = await shop(t)
  t.throws(() => cluster.expect.timer(ref, Clerk.Idle), {
    message: 'Expected a timer for Idle {}; pending are: none.',
  })
  ref.tell(Clerk.Idle())
  await cluster.advance(0)
  cluster.expect.timer(ref, Clerk.Idle, { inMs: 500 })
  await cluster.advance(100)
  cluster.expect.timer(ref, Clerk.Idle, { inMs: 400 })
  t.throws(() => cluster.expect.timer(ref, Clerk.Idle, { name: 'nap' }), {
    message: /Expected a timer for Idle {"name":"nap"}; pending are:\n {2}{"tag":"Idle","inMs":400}/,
  })
})

t.test('what is not so is said with what was', async (t) => {
  const { cluster, store, ref, node } = await shop(t)
  const order = (item: string) => ref.ask(Clerk.Order({ item }))
  await t.rejects(cluster.expect.reply(order('tea'), 7), {
    name: 'ExpectationFailed',
    message: 'Expected the reply 7 within 0 ms, but the reply was 1',
  })
  await t.rejects(cluster.expect.message(store, Store.Fetch, { item: 'milk' }), {
    message: /Expected Fetch {"item":"milk"} within 0 ms; what came and was not expected yet:\n {2}.*tea/,
  })
  await t.rejects(cluster.expect.noMessage(store), { message: /Expected no message for 0 ms; this came:\n/ })
  await cluster.expect.message(store, Store.Fetch)
  await t.rejects(cluster.expect.message(store, Store.Fetch, {}, { withinMs: 30 }), {
    message: /within 30 ms; what came and was not expected yet: nothing\./,
  })
  await t.rejects(cluster.expect.failure(order('tea'), { tag: 'Crashed' }), {
    message: /but the reply was 2/,
  })
  await t.rejects(cluster.expect.event(node, 'ActorCrashed'), {
    message: /Expected ActorCrashed \{\} on n1#1 within 0 ms; this happened:/,
  })
  await t.rejects(cluster.expect.reply(new Promise(() => undefined), 1), { message: /but no answer came/ })
})

t.test('a planned failure: by message, after so many, so often', async (t) => {
  const { cluster, ref, node } = await shop(t, failing(clerk, { on: Clerk.Order, after: 1, times: 2 }))
  const order = () => ref.ask(Clerk.Order({ item: 'tea' }))
  await cluster.expect.reply(order(), 1)
  ref.tell(Clerk.Idle())
  for (const seen of [2, 3]) {
    await cluster.expect.failure(order(), { tag: 'Crashed' })
    const event = await cluster.expect.event(node, 'ActorCrashed', { path: 'root/clerk' })
    t.match(event.sentence, `"clerk" fails on purpose: Order, message ${seen}`)
    await cluster.expect.event(node, 'ActorRestarted')
  }
  await cluster.expect.reply(order(), 1)
})

const MugId = id('MugId')
const Mug = protocol('mug', MugId, { Sip: message().replies(io.number) })
const mug = kind(Mug, {
  activate: 'first-message',
  state: mirrored(io.number),
  init: () => 3,
  on: { Sip: (left) => reply(left - 1, left - 1) },
})

t.test('an entity fails as planned, and a node is stopped in order and started later', async (t) => {
  const tree = supervisor('root', {}, [entities(failing(mug, { after: 1, error: new Error('it fell') }))])
  const cluster = await testCluster(t, { nodes: ['n1', 'n2', 'n3'], later: ['n3'], tree: () => tree })
  const sip = (name: 'n1' | 'n2' | 'n3') => cluster.node[name].ref(Mug, MugId('m')).ask(Mug.Sip())
  await cluster.expect.reply(sip('n1'), 2, { withinMs: 1_000 })
  await cluster.expect.failure(sip('n2'), { tag: 'Crashed' }, { withinMs: 1_000 })
  await cluster.expect.reply(sip('n1'), 1, { withinMs: 5_000 })
  await cluster.start('n3')
  t.equal(cluster.node.n3.id, 'n3#1')
  await cluster.stop('n1')
  await cluster.stop('n2')
  await cluster.expect.reply(sip('n3'), 0, { withinMs: 5_000 })
  await t.rejects(cluster.start('n3'), { message: 'n3 runs already: stop or kill it first' })
})

t.test('what would make a test pass without looking is refused', async (t) => {
  const { cluster, store, node } = await shop(t)
  const { expect } = cluster
  for (const withinMs of [Number.NaN, -1, Number.POSITIVE_INFINITY]) {
    const refused = { code: 'WrongForm', message: /^withinMs: expected milliseconds of the cluster's time/ }
    await t.rejects(expect.noMessage(store, { withinMs }), refused)
    await t.rejects(expect.message(store, Store.Fetch, {}, { withinMs }), refused)
    await t.rejects(expect.reply(Promise.resolve(1), 1, { withinMs }), refused)
    await t.rejects(expect.failure(Promise.resolve(1), {}, { withinMs }), refused)
    await t.rejects(expect.event(node, 'ActorCrashed', {}, { withinMs }), refused)
  }
  const other = 'n7' as 'n1'
  const unknown = { message: '"n7" is no node of this test cluster, which has n1.' }
  for (const wrong of [
    () => cluster.kill(other),
    () => cluster.freeze(other),
    () => cluster.thaw(other),
    () => cluster.cut('n1', other),
  ]) {
    t.throws(wrong, unknown)
  }
  await t.rejects(cluster.stop(other), unknown)
  await t.rejects(cluster.start(other), unknown)
  const none = testCluster(t, { nodes: [], tree: () => supervisor('root', {}, []) })
  await t.rejects(none, { message: /^testCluster: nodes: expected one name or more/ })
})

t.test('a plan or an answer that could never be used is refused', async (t) => {
  t.throws(() => failing(clerk, { on: Store.Fetch as never }), {
    message: /store\.Fetch is never sent to "clerk"/,
  })
  t.throws(() => failing(clerk, { times: 0 }), {
    message: /failing: times: expected a whole number, 1 or more/,
  })
  t.throws(() => failing(clerk, { after: 1.5 }), { message: /failing: after: expected a whole number, 0/ })
  t.throws(() => probe(Clerk, { Ordr: () => 1 } as never), { message: /^probe: "clerk" has no ask Ordr/ })
  t.throws(() => probe(Clerk, { Idle: () => 1 } as never), { message: /has no ask Idle/ })
})
