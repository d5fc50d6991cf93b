import t, { type Test } from 'tap'
import {
  act,
  behavior,
  disposable,
  dynamic,
  entities,
  ignore,
  kind,
  message,
  mirrored,
  next,
  nodeProtocol,
  protocol,
  supervisor,
  worker,
} from '../../supervisors/index.js'
import * as io from 'io-ts'
import { testCluster } from '../../supervisors/testing.js'
import {
  Child,
  child,
  ChildId,
  childTree,
  failsWith,
  listed,
  loose,
  nameOf,
  named,
  Ran,
  trio,
} from '../fixtures/horde.js'

const three = (t: Test, more = {}) => testCluster(t, { nodes: trio, tree: childTree, ...more })
const at = (i: number) => trio[i % trio.length] ?? 'n1'

t.test('H1 each of 1,000 bodies over three members runs exactly once', async (t) => {
  const c = await three(t)
  const ran = new Map<string, number>()
  c.node.n2.subscribe(Ran, ({ id }) => ran.set(id, (ran.get(id) ?? 0) + 1))
  const ids = named(1_000)
  const started = await Promise.all(ids.map((id, i) => c.node[at(i)].spawn(child, id)))
  t.same(new Set(started.map(({ outcome }) => outcome)), new Set(['started']))
  await Promise.all(started.map(({ ref }) => ref.ask(Child.Run())))
  await c.waitUntil('all of them have said so', () => ran.size === ids.length)
  t.same(new Set(ran.values()), new Set([1]))
  t.equal((await c.node.n1.count(child)).total, 0, 'and each ended when it was done')
})

t.test('H2 what a supervisor runs is computed when its node starts', async (t) => {
  const c = await testCluster(t, {
    nodes: trio,
    tree: () => {
      const children = ['child', 'loose'].map((name) =>
        name === 'child' ? entities(child) : entities(loose),
      )
      return supervisor('root', {}, children)
    },
  })
  t.same(
    c.node.n3.status().kinds.map((one) => one.kind),
    ['child', 'loose'],
  )
  t.equal((await c.node.n3.spawn(child, ChildId('a'))).outcome, 'started')
})

t.test('H3 the supervisor’s own spec is set where it stands in the tree', async (t) => {
  const c = await testCluster(t, {
    nodes: ['n1'],
    tree: () =>
      supervisor('root', {}, [
        supervisor('game', { restart: 'transient', shutdownMs: 700, intensity: 9, periodMs: 10 }, [
          entities(child, { countMax: 3 }),
        ]),
      ]),
  })
  t.match(c.node.n1.supervisor('root').spec('game'), { restart: 'transient', shutdownMs: 700 })
  t.match(c.node.n1.supervisor('game').flags(), { intensity: 9, periodMs: 10 })
  for (const id of named(3)) await c.node.n1.spawn(child, id)
  const fourth = failsWith(c.node.n1.spawn(child, ChildId('d')))
  await c.advance(6_000)
  t.equal(await fourth, 'Overloaded', 'and what is overridden holds')
})

t.test('H4 spawn gives a ref, and the child really runs', async (t) => {
  const c = await three(t)
  const { ref, outcome } = await c.node.n1.spawn(child, ChildId('a'))
  t.equal(outcome, 'started')
  t.equal(await ref.ask(Child.Add({ n: 2 })), 2)
  for (const name of trio) t.equal(await c.node[name].ref(Child, ChildId('a')).ask(Child.Total()), 2, name)
})

t.test('H5 the same id spawned twice is one child: the second spawn finds the first', async (t) => {
  const c = await three(t)
  const id = ChildId('a')
  const first = await c.node.n1.spawn(child, id)
  await first.ref.ask(Child.Add({ n: 1 }))
  const second = await c.node.n2.spawn(child, id)
  t.equal(second.outcome, 'already-started')
  t.same(second.ref.address, first.ref.address)
  t.equal(await second.ref.ask(Child.Total()), 1)
})

t.test('H6 an id of any shape is accepted', async (t) => {
  const c = await three(t)
  const shapes = ['{"team":[1,2]}', 'a/b/c', 'x#1', ' ', '⚔️ zwei', '.', '*', '>', '$spawn', 'l'.repeat(256)]
  for (const id of shapes.map(ChildId)) {
    const { ref } = await c.node.n1.spawn(child, id)
    t.equal(await ref.ask(Child.Add({ n: 1 })), 1, id)
  }
  t.same(
    (await listed(c.node.n2, child, 3)).map((one) => one.id as string).sort(),
    [...shapes].sort(),
    'each is listed as it was given',
  )
})

const Guest = nodeProtocol('guest', {
  Fall: message(),
  Leave: message(),
  Life: message().reads(io.number),
})
const guest = () => {
  let lives = 0
  return behavior(Guest, {
    init: () => ++lives,
    on: {
      Fall: () => {
        throw new Error('fell')
      },
      Leave: (n) => next(n, act.stop()),
      Life: (n) => n,
    },
  })
}
/** Kills an actor of its node from outside, as nobody can catch. */
const Hunter = nodeProtocol('hunter', { Kill: message() })
const hunter = behavior(Hunter, {
  init: () => 0,
  on: {
    Kill: (n, _, self) => {
      self.exit(self.node.local(Guest), { tag: 'kill' })
      return next(n)
    },
  },
})

t.test('H7 a child that is killed from outside is restarted', async (t) => {
  const c = await testCluster(t, {
    nodes: trio,
    tree: () =>
      supervisor('root', { intensity: 5 }, [
        entities(child),
        worker('guest', guest()),
        worker('hunter', hunter),
      ]),
  })
  t.equal(await c.node.n1.local(Guest).ask(Guest.Life()), 1)
  c.node.n1.local(Hunter).tell(Hunter.Kill())
  await c.waitUntil('it lives again', async () => (await c.node.n1.local(Guest).ask(Guest.Life())) === 2)
  const ids = named(30)
  for (const id of ids) {
    const { ref } = await c.node.n1.spawn(child, id)
    await ref.ask(Child.Add({ n: 7 }))
  }
  c.kill('n2')
  for (const id of ids)
    await c.waitUntil(
      `${id} lives again`,
      async () => (await c.node.n1.ref(Child, id).ask(Child.Total())) === 7,
    )
  t.notOk(
    (await listed(c.node.n3)).some(({ node }) => node.startsWith('n2')),
    'on the others',
  )
  const { ref } = await c.node.n3.spawn(child, ChildId('falls'))
  await ref.ask(Child.Add({ n: 3 }))
  t.equal(await failsWith(ref.ask(Child.Fall())), 'Crashed')
  t.equal(await ref.ask(Child.Total()), 3, 'one that fails goes on from its last state')
})

t.test('H8 ten different children end up under more than one member', async (t) => {
  const c = await three(t)
  for (const id of named(10)) await c.node.n1.spawn(child, id)
  t.ok(new Set((await listed(c.node.n1)).map(({ node }) => node)).size > 1)
})

const Declining = protocol('declining', ChildId, { Total: message().reads(io.number) })
const declining = kind(Declining, {
  state: mirrored(io.number),
  activate: 'first-message',
  init: (id) => (id.startsWith('declines') ? ignore : 0),
  on: { Total: (n) => n },
})

t.test('H9 a child whose init says ignore: whoever starts it is told, and nothing is kept', async (t) => {
  const c = await testCluster(t, {
    nodes: trio,
    tree: () => supervisor('root', {}, [entities(child), entities(declining), dynamic('pool')]),
  })
  const id = ChildId('declines')
  const error: unknown = await c.node.n1.spawn(child, id).catch((e: unknown) => e)
  t.match(error, {
    reason: { tag: 'NoRecipient', child: 'child' },
    message: /its kind said ignore for this id/,
  })
  t.equal(await failsWith(c.node.n2.ref(Child, id).ask(Child.Total())), 'NoRecipient')
  t.equal(await failsWith(c.node.n2.ref(Declining, id).ask(Declining.Total())), 'NoRecipient')
  t.equal(await c.node.n2.ref(Declining, ChildId('a')).ask(Declining.Total()), 0, 'others of it begin')
  t.same(await listed(c.node.n3), [])
  t.equal((await c.node.n3.count(declining)).total, 0)
  const idle = behavior(Guest, {
    init: () => ignore,
    on: { Fall: (n) => next(n), Leave: (n) => next(n), Life: () => 0 },
  })
  t.equal(await failsWith(c.node.n1.start('pool', idle)), 'NoRecipient', 'an actor of a node as well')
  t.same(await c.node.n1.supervisor('pool').startChild(idle), { tag: 'ignored' })
  t.equal(c.node.n1.supervisor('pool').count().active, 0)
})

t.test('H10 2,000 children can be started, and the supervisor stays as it is', async (t) => {
  const c = await three(t)
  const ended: string[] = []
  for (const name of trio) c.node[name].listen(({ tag }) => tag === 'IntensityExceeded' && ended.push(name))
  await Promise.all(named(2_000).map((id, i) => c.node[at(i)].spawn(child, id)))
  t.equal((await c.node.n1.count(child)).total, 2_000)
  for (const name of trio) {
    t.match(c.node[name].tree(), { status: 'running', restarts: 0 }, name)
    t.match(c.node[name].supervisor('root').child('child'), { status: 'running' }, name)
  }
  t.same(ended, [])
})

t.test('H11 a child can be started as soon as its node has found its cluster by itself', async (t) => {
  const c = await testCluster(t, { nodes: trio, later: ['n3'], tree: childTree })
  await c.start('n3')
  t.equal((await c.node.n3.waitForMembers(3)).length, 3)
  t.equal((await c.node.n3.spawn(child, ChildId('a'))).outcome, 'started')
  t.equal(await c.node.n1.ref(Child, ChildId('a')).ask(Child.Total()), 0)
})

t.test('H12 no children are listed at first', async (t) => {
  const c = await three(t)
  t.same(await c.node.n1.entities(child), { entities: [], unanswered: [] })
  t.same(await c.node.n1.count(child), {
    total: 0,
    byNode: { 'n1#1': 0, 'n2#1': 0, 'n3#1': 0 },
    unanswered: [],
  })
  const Unknown = protocol('unknown', ChildId, { Total: message().reads(io.number) })
  const unknown = kind(Unknown, { state: disposable<number>(), init: () => 0, on: { Total: (n) => n } })
  t.equal(await failsWith(c.node.n1.entities(unknown)), 'UnknownKind', 'of a kind that nobody runs')
  t.equal(await failsWith(c.node.n1.count(unknown)), 'UnknownKind')
})

t.test('H13 children of all members are listed from any of them, each once, with its node', async (t) => {
  const c = await three(t)
  const ids = named(250)
  await Promise.all(ids.map((id, i) => c.node[at(i)].spawn(child, id)))
  for (const name of trio) {
    const all = await listed(c.node[name], child, 40)
    t.same(all.map(({ id }) => id).sort(), [...ids].sort(), `from ${name}`)
    t.ok(
      all.every(({ id, node }) => c.node.n1.where(Child, id).owner === node),
      'where they are',
    )
  }
  const first = await c.node.n1.entities(child, { limit: 40 })
  t.equal(first.entities.length, 40)
  for (const [what, options] of Object.entries({ 'no page': { limit: 0 }, 'too large': { limit: 1_001 } }))
    await t.rejects(c.node.n1.entities(child, options), { name: 'Misuse', code: 'WrongForm' }, what)
  await t.rejects(c.node.n1.entities(child, { after: 'c1' }), { name: 'Misuse', code: 'WrongForm' })
})

t.test(
  'H13 a member that does not answer is named, and its children are listed when others have them',
  async (t) => {
    const c = await three(t)
    await Promise.all(named(100).map((id, i) => c.node[at(i)].spawn(child, id)))
    const there = (await c.node.n1.count(child)).byNode['n2#1'] ?? 0
    t.ok(there > 10)
    c.freeze('n2')
    const asking = c.node.n1.entities(child, { limit: 500, timeoutMs: 300 })
    const counting = c.node.n1.count(child, { timeoutMs: 300 })
    await c.advance(400)
    t.same((await asking).unanswered, ['n2#1'])
    t.match(await counting, { total: 100 - there, unanswered: ['n2#1'] })
    c.thaw('n2')
    c.kill('n2')
    await c.waitUntil('all are listed again', async () => (await listed(c.node.n1)).length === 100)
  },
)

t.test('H13 while children move between two pages, none is missed and none is listed twice', async (t) => {
  const c = await three(t)
  const ids = named(200)
  await Promise.all(ids.map((id, i) => c.node[at(i)].spawn(child, id)))
  const first = await c.node.n1.entities(child, { limit: 90 })
  await c.stop('n3')
  const rest = await c.node.n1.entities(child, { limit: 500, after: first.next ?? '' })
  t.same(rest.unanswered, [])
  t.same([...first.entities, ...rest.entities].map(({ id }) => id).sort(), [...ids].sort())
})

t.test('H14 children are counted over all members: 10 of 10', async (t) => {
  const c = await three(t)
  for (const id of named(10)) await c.node.n1.spawn(child, id)
  for (const name of trio) {
    const { total, byNode } = await c.node[name].count(child)
    t.equal(total, 10, name)
    t.equal(
      Object.values(byNode).reduce((a, b) => a + b),
      10,
    )
  }
  await c.node.n2.ref(Child, ChildId('c3')).ask(Child.End())
  t.equal((await c.node.n1.count(child)).total, 9)
})

t.test('H15 a child is terminated from any member, and stays so after the loss of its node', async (t) => {
  const c = await three(t)
  const ids = named(9)
  for (const id of ids) await (await c.node.n1.spawn(child, id)).ref.ask(Child.Add({ n: 5 }))
  for (const [i, id] of ids.entries()) {
    const owner = nameOf(c.node.n1.where(Child, id).owner)
    t.equal(await c.node[at(i)].terminate(child, id), 'stopped', `${id} of ${owner} from ${at(i)}`)
    t.equal(await c.node[at(i + 1)].terminate(child, id), 'not-found')
    t.equal(await failsWith(c.node.n1.ref(Child, id).ask(Child.Total())), 'NoRecipient')
  }
  c.kill('n2')
  await c.waitUntil('all have owners', async () => (await listed(c.node.n1)).length === 0)
  for (const id of ids)
    await c.waitUntil(`${id} is gone`, async () => {
      return (await failsWith(c.node.n3.ref(Child, id).ask(Child.Total()))) === 'NoRecipient'
    })
  const again = await c.node.n3.spawn(child, ids[0] ?? ChildId('c0'))
  t.equal(again.outcome, 'started')
  t.equal(await again.ref.ask(Child.Total()), 0, 'a new one, with nothing of the old')
})

t.test('H15 one that crashes again and again ends at once, whatever waits for it', async (t) => {
  const c = await three(t)
  const id = ChildId('a')
  const { ref } = await c.node.n1.spawn(child, id)
  for (let i = 0; i < 3; i++) {
    const fell = failsWith(ref.ask(Child.Fall()))
    await c.advance(1_000)
    t.equal(await fell, 'Crashed')
  }
  void failsWith(ref.ask(Child.Fall()))
  for (let i = 0; i < 20; i++) ref.tell(Child.Note({ n: 1 }))
  t.equal(await c.node.n2.terminate(child, id), 'stopped', 'without waiting for its next life')
  t.equal((await c.node.n2.spawn(child, id)).outcome, 'started')
  t.equal(await c.node.n2.ref(Child, id).ask(Child.Total()), 0, 'and the next one begins at once')
})

t.test('H16 a temporary child that is killed is gone', async (t) => {
  const c = await testCluster(t, {
    nodes: trio,
    tree: () =>
      supervisor('root', {}, [
        entities(loose),
        worker('guest', guest(), { restart: 'temporary' }),
        worker('hunter', hunter),
      ]),
  })
  c.node.n1.local(Hunter).tell(Hunter.Kill())
  await c.waitUntil('it is gone', () => c.node.n1.supervisor('root').child('guest') === undefined)
  const ids = named(30)
  for (const id of ids) await c.node.n1.spawn(loose, id)
  const there = (await c.node.n1.count(loose)).byNode['n2#1'] ?? 0
  t.ok(there > 0)
  c.kill('n2')
  await c.waitUntil(
    'those of the killed node are gone: without a copy they end with it',
    async () => (await listed(c.node.n1, loose)).length === ids.length - there,
    { deadlineMs: 20_000 },
  )
})

t.test('H17 a transient child that ends normally is gone', async (t) => {
  const c = await three(t)
  const { ref } = await c.node.n1.spawn(child, ChildId('a'))
  await ref.ask(Child.End())
  t.same(await listed(c.node.n2), [])
  t.equal(await failsWith(ref.ask(Child.Total())), 'NoRecipient')
  const one = await testCluster(t, {
    nodes: ['n1'],
    tree: () => supervisor('root', {}, [worker('guest', guest(), { restart: 'transient' })]),
  })
  one.node.n1.local(Guest).tell(Guest.Leave())
  await one.waitUntil(
    'it does not run',
    () => one.node.n1.supervisor('root').child('guest')?.status === 'stopped',
  )
})

t.test('H18 a transient child that fails remains, and goes on', async (t) => {
  const c = await three(t)
  const { ref } = await c.node.n1.spawn(child, ChildId('a'))
  await ref.ask(Child.Add({ n: 4 }))
  t.equal(await failsWith(ref.ask(Child.Fall())), 'Crashed')
  t.same(
    (await listed(c.node.n2)).map(({ id }) => id as string),
    ['a'],
  )
  t.equal(await ref.ask(Child.Total()), 4)
  const one = await testCluster(t, {
    nodes: ['n1'],
    tree: () => supervisor('root', {}, [worker('guest', guest(), { restart: 'transient' })]),
  })
  one.node.n1.local(Guest).tell(Guest.Fall())
  await one.waitUntil('it lives again', async () => (await one.node.n1.local(Guest).ask(Guest.Life())) === 2)
})
