import t, { type Test } from 'tap'
import type { NodeEvent, TumenNode } from '../../../supervisors/index.js'
import { VirtualCluster } from '../../fixtures/promises.js'
import {
  lightTally,
  Tally,
  tally,
  TallyId,
  type TallyState,
  tallyTree,
  totalOf,
} from '../../fixtures/tally.js'

const names = ['n1', 'n2', 'n3'] as const
type Name = (typeof names)[number]

/** Three nodes, what they tell, and calls from each. */
const trio = async (t: Test, which = tally) => {
  const c = new VirtualCluster(() => tallyTree(which))
  t.teardown(() => c.end())
  const nodes = {} as Record<Name, TumenNode>
  const events: Record<Name, NodeEvent[]> = { n1: [], n2: [], n3: [] }
  for (const name of names) {
    nodes[name] = await c.start(name)
    nodes[name].listen((event) => events[name].push(event))
  }
  c.clock.advance(3_000)
  const { faults } = c.transport
  const at = (name: Name, id: string) => nodes[name].ref(Tally, TallyId(id))
  const add = (name: Name, id: string, op: string): Promise<number> =>
    c.run(at(name, id).ask(Tally.Add({ op }), { timeoutMs: 10_000 }))
  const read = (name: Name, id: string): Promise<TallyState> =>
    c.run(at(name, id).ask(Tally.Read(), { timeoutMs: 10_000 }))
  const ownerOf = (id: string): Name =>
    (nodes.n1.where(Tally, TallyId(id)).owner ?? nodes.n2.where(Tally, TallyId(id)).owner ?? '').split(
      '#',
    )[0] as Name
  const sides = (name: Name): number => {
    const { counters } = nodes[name].status()
    return counters['available_side_copies_total'] ?? 0
  }
  /** Ids that this node owns. */
  const ownedBy = async (name: Name, count: number): Promise<string[]> => {
    const found: string[] = []
    for (let i = 0; found.length < count; i++) {
      await add('n1', `t${i}`, 'begin')
      if (ownerOf(`t${i}`) === name) found.push(`t${i}`)
    }
    return found
  }
  const tags = (name: Name): string[] => events[name].map(({ tag }) => tag)
  const agree = async (id: string, holds: (state: TallyState) => boolean, what: string) => {
    for (let i = 0; i < 200; i++) {
      const states = await Promise.all(
        names.map((name) =>
          c.run(
            at(name, id)
              .ask(Tally.Read())
              .catch(() => null),
          ),
        ),
      )
      if (states.every((state) => state !== null && holds(state))) return
      c.clock.advance(100)
    }
    throw new Error(`never: ${what}: ${JSON.stringify(await read('n1', id))}`)
  }
  return { c, nodes, events, faults, at, add, read, ownerOf, ownedBy, sides, tags, agree }
}

t.test('available – a node that is cut off goes on, and what it took is merged', async (t) => {
  const { faults, ownedBy, add, read, agree, tags, c, nodes } = await trio(t)
  const [mine = ''] = await ownedBy('n3', 1)
  const [theirs = ''] = await ownedBy('n1', 1)
  faults.disconnect('n3')
  t.equal(await add('n3', mine, 'alone'), 2, 'as its owner it has the state')
  await add('n3', theirs, 'alone too')
  await add('n1', theirs, 'there')
  await add('n1', mine, 'there too')
  t.same((await read('n3', mine)).ops, ['alone', 'begin'], 'each side sees its own')
  t.ok(tags('n3').includes('SideCopyBegun'))
  faults.heal()
  await agree(
    mine,
    ({ ops }) => ['alone', 'begin', 'there too'].every((op) => ops.includes(op)),
    'mine is merged',
  )
  await agree(
    theirs,
    ({ ops }) => ['alone too', 'begin', 'there'].every((op) => ops.includes(op)),
    'theirs too',
  )
  await c.until(() => tags('n3').includes('SideCopyEnded'), 'the copies end')
  t.match(nodes.n3.status().counters, { available_merged_total: Number })
})

t.test(
  'available – of an entity without a codec each side counts for itself, and nothing is lost',
  async (t) => {
    const { faults, ownedBy, add, agree } = await trio(t, lightTally)
    const [mine = ''] = await ownedBy('n3', 1)
    faults.disconnect('n3')
    for (let i = 0; i < 5; i++) await add('n3', mine, `here ${i}`)
    for (let i = 0; i < 7; i++) await add('n1', mine, `there ${i}`)
    faults.heal()
    await agree(mine, (state) => totalOf(state) === 13 && state.ops.length === 13, 'all thirteen')
  },
)

t.test('available – a node without the records goes on with the owner while it reaches it', async (t) => {
  const { faults, ownedBy, add, read, tags, c, nodes, ownerOf } = await trio(t)
  const [far = ''] = await ownedBy('n1', 1)
  const [near = ''] = await ownedBy('n3', 1)
  faults.cutRecords('n3')
  await c.until(() => nodes.n3.status().status === 'frozen', 'n3 is frozen')
  await add('n3', far, 'by the owner')
  t.same((await read('n1', far)).ops, ['begin', 'by the owner'], 'there is one copy')
  t.notOk(tags('n3').includes('SideCopyBegun'))
  await add('n3', near, 'frozen')
  t.ok(tags('n3').includes('SideCopyBegun'), 'what it owns it serves')
  await c.until(() => ownerOf(near) !== 'n3', 'n3 is declared dead')
  faults.heal()
  await c.until(() => nodes.n3.status().node === 'n3#2', 'it is back, with empty hands')
  await c.until(() => tags('n3').includes('SideCopyEnded'), 'but what it took is handed over')
  t.same((await read('n1', near)).ops, [
    'begin',
    'frozen',
    `lost to epoch ${nodes.n1.where(Tally, TallyId(near)).epoch}`,
  ])
})

t.test('available – while nobody reaches the records all reach one copy', async (t) => {
  const { faults, ownedBy, add, read, c, nodes, tags } = await trio(t)
  const ids = [...(await ownedBy('n1', 2)), ...(await ownedBy('n2', 2)), ...(await ownedBy('n3', 2))]
  faults.recordsDown()
  await c.until(() => names.every((name) => nodes[name].status().status === 'frozen'), 'all are frozen')
  for (const id of ids) for (const name of names) await add(name, id, name)
  for (const id of ids) t.same((await read('n2', id)).ops, ['begin', 'n1', 'n2', 'n3'])
  await add('n1', 'fresh', 'one')
  await add('n2', 'fresh', 'two')
  t.same((await read('n3', 'fresh')).ops, ['one', 'two'], 'also of what begins meanwhile')
  faults.heal()
  await c.until(() => names.every((name) => nodes[name].status().status === 'ready'), 'all go on')
  await c.until(
    () =>
      names.every(
        (name) =>
          tags(name).filter((tag) => tag === 'SideCopyBegun').length ===
          tags(name).filter((tag) => tag === 'SideCopyEnded').length,
      ),
    'the copies end',
  )
  for (const id of ids) t.same((await read('n2', id)).ops, ['begin', 'n1', 'n2', 'n3'])
  t.same((await read('n3', 'fresh')).ops, ['one', 'two'])
})

t.test('available – members that reach each other and no owner agree on one of them', async (t) => {
  const { faults, ownedBy, add, read, c } = await trio(t)
  const ids = await ownedBy('n1', 8)
  faults.split(['n1'], ['n2', 'n3'])
  for (const name of ['n2', 'n3'] as const) faults.cutRecords(name)
  for (const id of ids) await add('n2', id, 'from n2')
  for (const id of ids) await add('n3', id, 'from n3')
  for (const id of ids) {
    t.same((await read('n2', id)).ops, (await read('n3', id)).ops)
    t.ok((await read('n2', id)).ops.includes('from n3'), 'the same copy')
    t.notOk((await read('n1', id)).ops.includes('from n3'), 'and not that of n1')
  }
  faults.heal()
  for (const id of ids) {
    let seen: TallyState | null = null
    for (let i = 0; i < 200 && !(seen?.ops.includes('from n2') && seen.ops.includes('from n3')); i++) {
      seen = await read('n1', id)
      c.clock.advance(100)
    }
    t.ok(seen?.ops.includes('from n2') && seen.ops.includes('from n3'), 'all is merged')
  }
})
