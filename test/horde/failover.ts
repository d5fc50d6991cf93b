import t, { type Test } from 'tap'
import type { EntitiesCount } from '../../supervisors/index.js'
import { testCluster } from '../../supervisors/testing.js'
import {
  Child,
  child,
  ChildId,
  childTree,
  failsWith,
  listed,
  named,
  type Trio,
  trio,
} from '../fixtures/horde.js'

const three = (t: Test, later: readonly Trio[] = []) =>
  testCluster(t, { nodes: trio, later: [...later], tree: childTree })
type Three = Awaited<ReturnType<typeof three>>

/** Spawns them from all nodes in turn, each with a state of its own. */
const populate = async (c: Three, ids: readonly ChildId[], from: readonly Trio[] = trio) => {
  const one = async (id: ChildId, i: number) => {
    const { ref } = await c.node[from[i % from.length] ?? 'n1'].spawn(child, id)
    return ref.ask(Child.Add({ n: i }))
  }
  const all = Promise.all(ids.map(one))
  await c.waitUntil('all are there', async () => (await all).length === ids.length)
}
/** How many live, as the nodes themselves say without asking each other. */
const livesOn = (c: Three, names: readonly Trio[]): number =>
  names.reduce(
    (sum, name) => sum + (c.node[name].status().kinds.find(({ kind }) => kind === 'child')?.entities ?? 0),
    0,
  )
/** What each of them has; time passes meanwhile. */
const totalsOf = async (c: Three, from: Trio, ids: readonly ChildId[]) => {
  let totals: readonly number[] = []
  const asking = Promise.all(ids.map((id) => c.node[from].ref(Child, id).ask(Child.Total())))
  await c.waitUntil('all have answered', async () => {
    totals = await asking
    return true
  })
  return totals
}

t.test('H19 of 200 children never more are seen after a member is killed, and soon 200 again', async (t) => {
  const c = await three(t)
  const ids = named(200)
  await populate(c, ids)
  c.kill('n2')
  const rest = ['n1', 'n3'] as const
  const killedAt = c.now()
  let most = 0
  let backAfterMs = 0
  while (c.now() - killedAt < 2_000) {
    const lives = livesOn(c, rest)
    most = Math.max(most, lives)
    if (lives === 200 && backAfterMs === 0) backAfterMs = c.now() - killedAt
    await c.advance(10)
  }
  t.equal(most, 200)
  t.ok(backAfterMs > 0 && backAfterMs <= 2_000, `200 again after ${backAfterMs} ms`)
  const all = await listed(c.node.n1)
  t.same(all.map(({ id }) => id).sort(), [...ids].sort(), 'each of them once')
  t.notOk(all.some(({ node }) => node.startsWith('n2')))
  t.same(
    await totalsOf(c, 'n3', ids),
    ids.map((_, i) => i),
    'with its state',
  )
})

t.test('H20 while a member stops in order there are never more children than before', async (t) => {
  const c = await three(t)
  const ids = named(200)
  await populate(c, ids)
  const counting: Promise<EntitiesCount>[] = []
  for (const name of trio)
    c.node[name].listen(({ tag }) => {
      // Also within its change of owner: what one node says alone may be what the next says too.
      if (tag === 'Owned' || tag === 'SteppedDown') counting.push(c.node.n1.count(child, { timeoutMs: 200 }))
    })
  await c.stop('n2')
  const counts = await Promise.all(counting)
  t.ok(counts.length > 10, 'shards were on their way')
  t.same(
    counts.filter(({ total }) => total > ids.length),
    [],
    'never more',
  )
  t.same(
    counts.filter(({ total, unanswered }) => total < ids.length && unanswered.length === 0),
    [],
    'and who is not counted is named',
  )
  t.equal((await c.node.n1.count(child)).total, 200)
  t.same(
    await totalsOf(c, 'n1', ids),
    ids.map((_, i) => i),
    'with their states',
  )
  t.match(c.node.n2.status(), { status: 'stopped', kinds: [{ kind: 'child', entities: 0 }, {}] })
})

t.test('H22 of 1,000 named children on two members one has all, soon after the other stopped', async (t) => {
  const c = await three(t, ['n3'])
  const ids = named(1_000)
  await populate(c, ids, ['n1', 'n2'])
  const { byNode } = await c.node.n1.count(child)
  t.ok((byNode['n1#1'] ?? 0) > 200 && (byNode['n2#1'] ?? 0) > 200, 'both have their share')
  await c.stop('n2')
  const stoppedAt = c.now()
  await c.waitUntil('it has all', async () => (await c.node.n1.count(child)).byNode['n1#1'] === 1_000, {
    deadlineMs: 500,
  })
  t.ok(c.now() - stoppedAt <= 500)
  t.same(
    await totalsOf(c, 'n1', ids),
    ids.map((_, i) => i),
    'each is found under its name, with its state',
  )
})

const names = (c: Three, of: Trio) =>
  c.node[of]
    .members()
    .filter(({ status }) => status === 'ready')
    .map(({ node }) => node)
    .sort()

t.test('H41 the nodes of a cluster find each other, and names with them', async (t) => {
  const c = await three(t)
  await populate(c, named(6))
  for (const name of trio) {
    t.same(names(c, name), ['n1#1', 'n2#1', 'n3#1'], name)
    t.same(await totalsOf(c, name, named(6)), [0, 1, 2, 3, 4, 5], `${name} finds every name`)
  }
})

t.test('H42 the nodes of a cluster find each other, and run children for each other', async (t) => {
  const c = await three(t)
  await populate(c, named(60), ['n1'])
  const { byNode } = await c.node.n2.count(child)
  t.same(Object.keys(byNode).sort(), ['n1#1', 'n2#1', 'n3#1'])
  t.ok(Object.values(byNode).every((count) => count > 5))
})

t.test('H43 nobody sets members: a node that is there already changes nothing', async (t) => {
  const c = await three(t)
  const before = c.node.n1.members()
  await t.rejects(c.start('n2'), /runs already/)
  t.same(await c.node.n1.waitForMembers(3), before, 'waiting for what is there ends at once')
  t.same(await c.node.n1.waitForMembers(3), before, 'however often')
})

t.test('H44 waiting for members that come ends when they are ready', async (t) => {
  const c = await three(t, ['n3'])
  let seen: readonly string[] = []
  void c.node.n1.waitForMembers(3).then((ready) => {
    seen = ready.map(({ node }) => node)
  })
  await c.advance(1_000)
  t.same(seen, [], 'not before')
  await c.start('n3')
  await c.waitUntil('it has ended', () => seen.length > 0)
  t.same([...seen].sort(), ['n1#1', 'n2#1', 'n3#1'])
})

t.test('H45 waiting for members that never come ends in a sentence, and does no harm', async (t) => {
  const c = await three(t, ['n3'])
  const waiting = c.node.n1.waitForMembers(3, { timeoutMs: 2_000 }).catch((error: unknown) => error)
  const nobody = c.node.n1
    .waitForMembers(1, { timeoutMs: 1_000, role: 'chat' })
    .catch((error: unknown) => error)
  await c.advance(2_000)
  t.match(await waiting, {
    code: 'StartTimeout',
    sentence: 'The cluster has 2 of 3 ready nodes after 2000 ms: start the others, or wait for fewer.',
  })
  t.match(await nobody, { sentence: /0 of 1 ready nodes with the role "chat"/ })
  const atStop = c.node.n2.waitForMembers(3).catch((error: unknown) => error)
  await c.stop('n2')
  t.match(await atStop, { sentence: /and this node has stopped/ }, 'also when its own node stops')
  t.throws(() => c.node.n1.waitForMembers(0), { code: 'WrongForm' })
  t.equal((await c.node.n1.spawn(child, ChildId('a'))).outcome, 'started')
})

t.test('H46 members join and are removed again by starting and stopping them', async (t) => {
  const c = await three(t, ['n3'])
  const ids = named(90)
  await populate(c, ids, ['n1', 'n2'])
  for (const life of [1, 2]) {
    await c.start('n3')
    await c.waitUntil('it is seen', () => names(c, 'n1').includes(`n3#${life}`))
    await populate(c, named(60, `life${life}-`), ['n3'])
    t.ok(((await c.node.n1.count(child)).byNode[`n3#${life}`] ?? 0) > 0, 'it has a share of what is new')
    await c.stop('n3')
    await c.waitUntil('it is gone', () => names(c, 'n1').length === 2 && names(c, 'n2').length === 2)
    const all = await listed(c.node.n1)
    t.equal(all.length, 90 + 60 * life)
    t.notOk(
      all.some(({ node }) => node.startsWith('n3')),
      'and what it had is elsewhere',
    )
  }
  t.same(
    await totalsOf(c, 'n2', ids),
    ids.map((_, i) => i),
  )
})

t.test('H47 what is in the tree appears on all nodes', async (t) => {
  const c = await three(t, ['n3'])
  await c.start('n3')
  for (const name of trio)
    t.same(
      c.node[name].status().kinds.map(({ kind }) => kind),
      ['child', 'loose'],
      name,
    )
  await populate(c, named(90))
  t.ok(livesOn(c, ['n3']) > 10, 'and runs there')
})

t.test('H48 names are known on all nodes, also on one that came later', async (t) => {
  const c = await three(t, ['n3'])
  await populate(c, named(30), ['n1', 'n2'])
  await c.start('n3')
  t.same(
    await totalsOf(c, 'n3', named(30)),
    named(30).map((_, i) => i),
  )
  t.equal((await c.node.n3.spawn(child, ChildId('c3'))).outcome, 'already-started')
})

t.test('H49 a new node is a member for all within 500 ms', async (t) => {
  const c = await three(t, ['n3'])
  await c.start('n3')
  const startedAt = c.now()
  await c.waitUntil(
    'all see it',
    () => (['n1', 'n2', 'n3'] as const).every((name) => names(c, name).includes('n3#1')),
    { deadlineMs: 500 },
  )
  t.ok(c.now() - startedAt <= 500, `after ${c.now() - startedAt} ms`)
})

t.test('H50 a dead node is removed within 500 ms', async (t) => {
  const c = await three(t)
  c.kill('n2')
  const killedAt = c.now()
  await c.waitUntil(
    'nobody sees it',
    () => !names(c, 'n1').includes('n2#1') && !names(c, 'n3').includes('n2#1'),
    {
      deadlineMs: 2_000,
    },
  )
  t.ok(c.now() - killedAt <= 500, `after ${c.now() - killedAt} ms`)
  await t.resolves(failsWith(c.node.n2.spawn(child, ChildId('a'))), 'and does nothing any more')
})
