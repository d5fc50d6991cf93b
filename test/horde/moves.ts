/** Where entities live, and how they move when nodes come and go: H21, H31 to H40. */
import fc from 'fast-check'
import t from 'tap'
import type { KindData } from '../../lib/api/kind.js'
import type { EngineCluster } from '../fixtures/engine-cluster.js'
import { clusterOf, diaryOf, rebalance } from '../fixtures/moves.js'
import { placement, type PlacementMember } from '../../lib/placement/strategy.js'

const ids = Array.from({ length: 60 }, (_, i) => `d${i}`)
const begin = (c: EngineCluster): void => {
  for (const id of ids)
    if (c.ask('n1', 'diary', id, 'Write', { text: 'first' }).tag !== 'reply')
      throw new Error(`no reply of ${id}`)
}
/** By id. */
const owners = (c: EngineCluster): Map<string, string> =>
  new Map(ids.map((id) => [id, c.ownerOf([...c.nodes.keys()][0] ?? '', 'diary', id)]))
const properOwner = (c: EngineCluster, id: string): string => {
  const engine = c.at('n1')
  const { shard } = engine.where('diary', id)
  return engine.ownership.placeOf('diary').owner(shard)?.split('#')[0] ?? ''
}
const moved = (before: Map<string, string>, after: Map<string, string>): string[] =>
  ids.filter((id) => before.get(id) !== after.get(id))

t.test('H31 moves - after a rebalance exactly those live on a new node that belong there', async (t) => {
  const c = await clusterOf(['n1', 'n2'])
  begin(c)
  const before = owners(c)
  await c.start('n3')
  c.clock.advance(2_000)
  t.same(owners(c), before)
  const report = rebalance(c, 'n1')
  const after = owners(c)
  t.same(
    moved(before, after),
    ids.filter((id) => properOwner(c, id) === 'n3'),
  )
  t.ok(moved(before, after).every((id) => after.get(id) === 'n3'))
  t.ok(moved(before, after).length > 5, `${moved(before, after).length} moved`)
  t.equal(report.left, 0)
  for (const id of ids)
    t.same(c.ask('n3', 'diary', id, 'Read', undefined), { tag: 'reply', payload: ['first'] })
  for (const id of moved(before, after)) t.same(c.mirrorsOf('n1', 'diary', id), [before.get(id)])
  t.same(rebalance(c, 'n2').moved, 0, 'there is nothing more to move')
  c.stop()
})

t.test('H32 moves - passive, the default: a node that joins moves nothing', async (t) => {
  const c = await clusterOf(['n1', 'n2'])
  begin(c)
  const before = owners(c)
  await c.start('n3')
  c.clock.advance(60_000)
  t.same(owners(c), before)
  c.stop()
})

t.test('H33 moves - passive: a node that goes down has all its entities elsewhere', async (t) => {
  const c = await clusterOf(['n1', 'n2', 'n3'])
  begin(c)
  const before = owners(c)
  c.kill('n3')
  c.clock.advance(10_000)
  const after = owners(c)
  t.same(
    moved(before, after),
    ids.filter((id) => before.get(id) === 'n3'),
  )
  for (const id of ids)
    t.same(c.ask('n1', 'diary', id, 'Read', undefined), { tag: 'reply', payload: ['first'] })
  c.stop()
})

t.test(
  'moves - the slow mode moves a new node its share by itself, and never too much at once',
  async (t) => {
    const knobs = { rebalanceMode: 'slow', rebalanceRoundCountMax: 2, rebalanceMovesCountMax: 1 }
    const c = await clusterOf(['n1', 'n2'], { knobs })
    begin(c)
    const before = owners(c)
    await c.start('n3')
    c.faults.set({ delayMsMin: 15, delayMsMax: 15, recordDelayMsMin: 15, recordDelayMsMax: 15 })
    let most = 0
    for (let i = 0; i < 6_000; i++) {
      c.clock.advance(10)
      for (const { engine } of c.nodes.values()) {
        const shards = [...engine.ownership.shards.values()]
        most = Math.max(
          most,
          shards.filter(({ moveTo, role }) => moveTo !== null || role === 'giving').length,
        )
      }
    }
    t.equal(most, 1, 'of one node')
    t.same(
      moved(before, owners(c)),
      ids.filter((id) => properOwner(c, id) === 'n3'),
    )
    c.stop()
  },
)

t.test('H21 moves - each shard leaves as soon as it is done, not when the last one is', async (t) => {
  const c = await clusterOf(['n1', 'n2', 'n3'], { knobs: { handoffMs: 8_000 } })
  begin(c)
  const mine = ids.filter((id) => c.ownerOf('n2', 'diary', id) === 'n1')
  const slow = mine[0] ?? ''
  const isSlow = (id: string): boolean =>
    c.at('n1').where('diary', id).shard === c.at('n1').where('diary', slow).shard
  c.busy.add(slow)
  c.tell('n1', 'diary', slow, 'Note', { from: 'me', n: 1 })
  c.clock.advance(50)
  let isOut = false
  c.at('n1').leave(10_000, () => {
    isOut = true
  })
  c.clock.advance(1_000)
  for (const id of mine)
    t.equal(c.ownerOf('n2', 'diary', id) === 'n1', isSlow(id), `${id} ${isSlow(id) ? 'waits' : 'has left'}`)
  c.busy.delete(slow)
  c.clock.advance(1_000)
  t.not(c.ownerOf('n2', 'diary', slow), 'n1')
  c.clock.advance(2_000)
  t.ok(isOut)
  t.same(c.ask('n2', 'diary', slow, 'Read', undefined), { tag: 'reply', payload: ['first', 'me 1'] })
  c.stop()
})

t.test('H34 H35 H36 routing - nodes that disagree pass a message on once, then it is told', async (t) => {
  const c = await clusterOf(['n1', 'n2', 'n3'])
  begin(c)
  const before = c.faults.counters.frames
  const id = ids[0] ?? ''
  const owner = c.ownerOf('n1', 'diary', id)
  const [first = '', second = ''] = ['n1', 'n2', 'n3'].filter((name) => name !== owner)
  const { shard } = c.at(first).where('diary', id)
  // Each of the two takes the other for the owner.
  for (const [at, other] of [
    [first, second],
    [second, first],
  ] as const) {
    const held = c.at(at).ownership.get(shard)
    if (held?.record) held.record = { ...held.record, owner: c.at(other).me }
  }
  c.tell(first, 'diary', id, 'Note', { from: 'me', n: 1 })
  c.clock.advance(200)
  const events = [...c.nodes.values()].flatMap((node) => node.events)
  t.match(
    events.filter(({ tag }) => tag === 'DeadLetter'),
    [{ address: `diary/${id}`, reason: 'StaleView' }],
  )
  t.ok(c.faults.counters.frames - before < 40, `${c.faults.counters.frames - before} frames`)
  t.equal(c.at(first).ownership.get(shard)?.role !== 'owner', true)
  c.stop()
})

t.test('H36 routing - with one hop a message to a node that is not the owner lands', async (t) => {
  const c = await clusterOf(['n1', 'n2', 'n3'], { knobs: { deliveryHopsMax: 1 } })
  begin(c)
  for (const name of ['n1', 'n2', 'n3'])
    for (const id of ids.slice(0, 10))
      t.equal(c.ask(name, 'diary', id, 'Read', undefined).tag, 'reply', `${id} from ${name}`)
  c.stop()
})

t.test('H37 placement - random placement does not bounce: 200 of 200 begin', async (t) => {
  const c = await clusterOf(['n1', 'n2', 'n3'], {
    kinds: [diaryOf({ placement: placement.random })],
    knobs: { deliveryHopsMax: 1, shardCount: 256 },
  })
  const used = new Set<string>()
  for (let i = 0; i < 200; i++) {
    t.equal(c.ask(`n${1 + (i % 3)}`, 'diary', `r${i}`, 'Write', { text: 'x' }).tag, 'reply')
    used.add(c.ownerOf('n1', 'diary', `r${i}`))
  }
  t.same([...used].sort(), ['n1', 'n2', 'n3'])
  c.stop()
})

const anyMember = fc.record({
  n: fc.integer({ min: 1, max: 40 }),
  weight: fc.constantFrom(1, 1, 2, 0.5),
  status: fc.constantFrom('ready', 'ready', 'joining', 'leaving'),
})
const membersOf = (
  given: readonly { n: number; weight: number; status: string }[],
  incarnation = 1,
): PlacementMember[] =>
  given.map(({ n, weight, status }) => ({
    node: `n${n}#${incarnation}`,
    name: `n${n}`,
    weight,
    status,
    roles: [],
    release: '1.0.0',
  }))
const anyMembers = fc.uniqueArray(anyMember, { selector: ({ n }) => n, maxLength: 10 })
const anyShard = fc.nat(4_095).map((index) => `party.${index}`)
const strategies = [placement.weighted, placement.uniform, placement.random, placement.pinned('n7')]

t.test('H38 placement - whoever is chosen is one of the ready members', async () => {
  fc.assert(
    fc.property(anyMembers, anyShard, (given, shard) => {
      const ready = given.filter(({ status }) => status === 'ready').map(({ n }) => `n${n}#1`)
      for (const strategy of strategies) {
        const order = strategy.rank(shard, membersOf(given))
        if ([...order].sort().join() !== ready.sort().join()) throw new Error(`${strategy.name}: ${order}`)
        const two = strategy.rank(shard, membersOf(given), 2)
        if (two.join() !== order.slice(0, 2).join())
          throw new Error(`${strategy.name}: the beginning differs`)
      }
    }),
  )
})

t.test('H39 placement - without a ready member nobody is chosen, and the ask is told', async (t) => {
  for (const strategy of strategies) {
    t.same(strategy.rank('party.1', []), [])
    t.same(strategy.rank('party.1', membersOf([{ n: 1, weight: 1, status: 'leaving' }])), [])
  }
  const c = await clusterOf(['n1'], { kinds: [diaryOf({ role: 'scribe' })] })
  t.match(c.ask('n1', 'diary', 'a', 'Read', undefined), { tag: 'error', error: { tag: 'UnknownKind' } })
  c.stop()
})

t.test('H40 placement - the same members in any order and life give the same choice', async () => {
  fc.assert(
    fc.property(anyMembers, anyShard, fc.infiniteStream(fc.nat()), (given, shard, draws) => {
      const shuffled = given.map((one) => ({ one, key: draws.next().value as number }))
      const other = shuffled.sort((a, b) => a.key - b.key).map(({ one }) => one)
      const names = (nodes: readonly string[]): string => nodes.map((node) => node.split('#')[0]).join()
      for (const strategy of strategies) {
        const [one, two] = [strategy.rank(shard, membersOf(given)), strategy.rank(shard, membersOf(other, 2))]
        if (names(one) !== names(two)) throw new Error(`${strategy.name}: ${one} and ${two}`)
      }
    }),
  )
})

const share = (c: EngineCluster, count: number): Map<string, number> => {
  const counts = new Map<string, number>()
  for (let i = 0; i < count; i++) {
    c.ask('n1', 'diary', `w${i}`, 'Write', { text: 'x' })
    const owner = c.ownerOf('n1', 'diary', `w${i}`)
    counts.set(owner, (counts.get(owner) ?? 0) + 1)
  }
  return counts
}
const named = async (
  kinds: readonly KindData[],
  nodes: Readonly<Record<string, object>>,
): Promise<EngineCluster> => {
  const c = await clusterOf([], { kinds, knobs: { shardCount: 512 } })
  for (const [name, given] of Object.entries(nodes)) await c.start(name, given)
  c.clock.advance(1_000)
  return c
}

t.test(
  'placement - a node takes entities in proportion to its weight, unless its kind is uniform',
  async (t) => {
    const nodes = { n1: {}, n2: { weight: 3 } }
    const weighted = await named([diaryOf({})], nodes)
    const heavy = share(weighted, 300).get('n2') ?? 0
    t.ok(heavy > 195 && heavy < 255, `${heavy} of 300 are on the node that weighs 3`)
    weighted.stop()
    const uniform = await named([diaryOf({ placement: placement.uniform })], nodes)
    const half = share(uniform, 300).get('n2') ?? 0
    t.ok(half > 120 && half < 180, `${half} of 300`)
    uniform.stop()
  },
)

t.test('placement - a kind of a role runs on nodes of that role only, and is reached from all', async (t) => {
  const c = await named([diaryOf({ role: 'scribe' })], {
    n1: {},
    n2: { roles: ['scribe'] },
    n3: { roles: ['scribe'] },
  })
  const counts = share(c, 60)
  t.same([...counts.keys()].sort(), ['n2', 'n3'])
  c.stop()
})

t.test(
  'placement - a pinned kind lives on its node, elsewhere without it, and is never rebalanced',
  async (t) => {
    const c = await named([diaryOf({ placement: placement.pinned('n2') })], { n1: {}, n2: {}, n3: {} })
    t.same([...share(c, 30).keys()], ['n2'])
    c.kill('n2')
    c.clock.advance(10_000)
    t.not(c.ownerOf('n1', 'diary', 'w1'), 'n2')
    await c.start('n2')
    c.clock.advance(1_000)
    t.same(rebalance(c, 'n1'), { moved: 0, left: 0 }, 'it stays where it is')
    c.stop()
  },
)

t.test('placement - kinds of one group have the same key on the same node, also later ones', async (t) => {
  const kinds = [
    diaryOf({ placementGroup: 'match' }),
    diaryOf({ placementGroup: 'match', protocol: 'notebook' }),
  ]
  const c = await named(kinds, { n1: {}, n2: {} })
  for (const id of ids.slice(0, 30)) c.ask('n1', 'diary', id, 'Write', { text: 'x' })
  await c.start('n3')
  c.clock.advance(1_000)
  for (const id of ids) {
    c.ask('n1', 'notebook', id, 'Write', { text: 'x' })
    c.ask('n1', 'diary', id, 'Write', { text: 'x' })
    t.equal(c.ownerOf('n1', 'notebook', id), c.ownerOf('n1', 'diary', id), id)
  }
  rebalance(c, 'n1')
  for (const id of ids) t.equal(c.ownerOf('n1', 'notebook', id), c.ownerOf('n1', 'diary', id), id)
  c.stop()
})

t.test(
  'placement - with two releases new shards begin on the newer one, and nothing is rebalanced',
  async (t) => {
    const c = await named([diaryOf({})], { n1: { release: '1.9.0' }, n2: { release: '1.9.0' } })
    share(c, 20)
    await c.start('n3', { release: '1.10.0' })
    c.clock.advance(1_000)
    const seen = new Set<string>()
    for (let i = 0; i < 300; i++) {
      const before = c.at('n1').where('diary', `x${i}`)
      if (before.isRecorded) continue
      c.ask('n1', 'diary', `x${i}`, 'Write', { text: 'x' })
      seen.add(c.ownerOf('n1', 'diary', `x${i}`))
    }
    t.same([...seen], ['n3'])
    t.equal(rebalance(c, 'n1').moved, 0)
    c.stop()
  },
)
