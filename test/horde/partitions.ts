import * as fc from 'fast-check'
import * as io from 'io-ts'
import t, { type Test } from 'tap'
import {
  type ConfigInput,
  entities,
  kind,
  message,
  mirrored,
  type NodeEvent,
  placement,
  protocol,
  reply,
  supervisor,
  type TumenNode,
} from '../../supervisors/index.js'
import { hasQuorum, majorityOf } from '../../lib/placement/quorum.js'
import { ChildId, failsWith } from '../fixtures/horde.js'
import { VirtualCluster } from '../fixtures/promises.js'
import { Tally, tally, TallyId, type TallyState } from '../fixtures/tally.js'

/** Strict, with so many copies that no half of four nodes has all of them. */
const Child = protocol('strict-child', ChildId, {
  Add: message({ n: io.number }).replies(io.number),
  Total: message().reads(io.number),
})
const child = kind(Child, {
  state: mirrored(io.number, { copies: 2 }),
  init: () => 0,
  on: { Add: (total, { n }) => reply(total + n, total + n), Total: (total) => total },
})

/** Nodes of one virtual cluster, of which the second half can be cut off: from the first, and the records. */
class Halves {
  readonly cluster: VirtualCluster
  readonly nodes: TumenNode[] = []
  readonly events: NodeEvent[][] = []

  constructor(
    t: Test,
    readonly names: readonly string[],
    config: ConfigInput = {},
  ) {
    const tree = () => supervisor('root', {}, [entities(child), entities(tally)])
    this.cluster = new VirtualCluster(tree, { shardCount: 64, ...config })
    t.teardown(() => this.cluster.end())
  }

  async start(): Promise<this> {
    for (const name of this.names) {
      const node = await this.cluster.start(name)
      const events: NodeEvent[] = []
      node.listen((event) => events.push(event))
      this.nodes.push(node)
      this.events.push(events)
    }
    this.cluster.clock.advance(3_000)
    return this
  }
  get faults() {
    return this.cluster.transport.faults
  }
  at(i: number): TumenNode {
    const node = this.nodes[i]
    if (node === undefined) throw new Error(`no node ${i}`)
    return node
  }
  split(): void {
    const half = Math.ceil(this.names.length / 2)
    const [there, here] = [this.names.slice(0, half), this.names.slice(half)]
    this.faults.split(there, here)
    for (const name of here) this.faults.cutRecords(name)
  }
  /** Ends the split, and waits until every node is a member and every copy beside the owners has ended. */
  async heal(): Promise<void> {
    this.faults.heal()
    const count = (events: readonly NodeEvent[], tag: string): number =>
      events.filter((event) => event.tag === tag).length
    await this.cluster.until(
      () =>
        this.nodes.every(
          (node) => node.status().status === 'ready' && node.status().members.length === this.names.length,
        ) && this.events.every((all) => count(all, 'SideCopyBegun') === count(all, 'SideCopyEnded')),
      'all are one cluster again',
    )
  }
  run<T>(promise: Promise<T>): Promise<T> {
    return this.cluster.run(promise)
  }
  add(i: number, id: string, op: string): Promise<number> {
    return this.run(this.at(i).ref(Tally, TallyId(id)).ask(Tally.Add({ op }), { timeoutMs: 20_000 }))
  }
  read(i: number, id: string): Promise<TallyState> {
    return this.run(this.at(i).ref(Tally, TallyId(id)).ask(Tally.Read(), { timeoutMs: 20_000 }))
  }
  /** Of a strict child: adds 1, and begins it where nobody has. */
  async count(i: number, id: string): Promise<number> {
    const { ref } = await this.run(this.at(i).spawn(child, ChildId(id)))
    return this.run(ref.ask(Child.Add({ n: 1 }), { timeoutMs: 20_000 }))
  }
  /** The nodes that say of themselves that they own it. */
  ownersOf(its: typeof Child | typeof Tally, id: string): string[] {
    return this.nodes
      .filter((node) => node.where(its as typeof Child, id as ChildId).isHere)
      .map(({ name }) => name)
  }
}

t.test('H23 of one name that both sides had started one lives, after either node has stopped', async (t) => {
  for (const stopped of [0, 1]) {
    const c = await new Halves(t, ['n1', 'n2']).start()
    c.split()
    await c.add(0, 'same', 'first side')
    await c.add(1, 'same', 'second side')
    await c.heal()
    await c.run(c.at(stopped).stop())
    const left = 1 - stopped
    t.same(
      (await c.read(left, 'same')).ops.filter((op) => op.includes('side')),
      ['first side', 'second side'],
    )
    t.same(c.ownersOf(Tally, 'same'), [c.at(left).name])
    // A strict one: the second to start it is told that it lives.
    t.equal(await c.count(left, 'strict'), 1)
    t.equal((await c.run(c.at(left).spawn(child, ChildId('strict')))).outcome, 'already-started')
  }
})

t.test('H24 waiting for a quorum of three ends in time with two, and not with one', async (t) => {
  const c = new Halves(t, ['n1', 'n2'])
  const one = await c.cluster.start('n1')
  const error = await c.cluster.fails(one.waitForMembers(majorityOf(3), { timeoutMs: 2_000 }))
  t.match(error, { code: 'StartTimeout' })
  const waiting = one.waitForMembers(majorityOf(3), { timeoutMs: 20_000 })
  await c.cluster.start('n2')
  t.equal((await c.run(waiting)).length, 2)
})

t.test('H25 a name of both nodes survives their partition once, and both see the same one', async (t) => {
  const c = await new Halves(t, ['n1', 'n2']).start()
  const outcomes = await c.run(Promise.all([0, 1].map((i) => c.at(i).spawn(child, ChildId('same')))))
  t.same(outcomes.map(({ outcome }) => outcome).sort(), ['already-started', 'started'])
  await c.add(0, 'same', 'begin')
  c.split()
  const acknowledged = await c.count(0, 'same')
  await c.add(0, 'same', 'first side')
  await c.add(1, 'same', 'second side')
  await c.heal()
  for (const i of [0, 1]) {
    const total = await c.run(c.at(i).ref(Child, ChildId('same')).ask(Child.Total(), { timeoutMs: 10_000 }))
    t.equal(total, acknowledged, 'the strict one')
    const { ops } = await c.read(i, 'same')
    t.ok(
      ['begin', 'first side', 'second side'].every((op) => ops.includes(op)),
      'the available one',
    )
  }
  for (const its of [Child, Tally]) t.equal(c.ownersOf(its, 'same').length, 1, 'one owner')
})

t.test(
  'H26 the other side goes on under a name of its own; after the heal one remains, and is alive',
  async (t) => {
    const c = await new Halves(t, ['n1', 'n2', 'n3', 'n4']).start()
    await c.add(0, 'x', 'begin')
    await c.count(0, 'x')
    const before = c.at(0).where(Child, ChildId('x'))
    c.split()
    await c.add(0, 'x', 'first side')
    await c.add(3, 'x', 'second side')
    const countsOf = async (i: number) => Object.keys((await c.read(i, 'x')).counts).sort()
    t.notSame(await countsOf(0), await countsOf(3), 'each side counts under a name of its own')
    t.equal(await c.count(0, 'x'), 2, 'a strict one is where the records are')
    const refused = failsWith(
      c
        .at(3)
        .ref(Child, ChildId('x'))
        .ask(Child.Add({ n: 1 }), { timeoutMs: 1_000 }),
    )
    t.match(await c.run(refused), /^(Unavailable|AskTimeout)$/, 'and not on the other side')
    await c.heal()
    for (let i = 0; i < 4; i++) {
      t.equal(await c.run(c.at(i).ref(Child, ChildId('x')).ask(Child.Total(), { timeoutMs: 9_000 })), 2)
      t.same(
        (await c.read(i, 'x')).ops.filter((op) => !op.startsWith('lost')),
        ['begin', 'first side', 'second side'],
      )
    }
    for (const its of [Child, Tally]) t.equal(c.ownersOf(its, 'x').length, 1)
    t.ok(c.at(0).where(Child, ChildId('x')).epoch >= before.epoch, 'under an epoch that only grew')
  },
)

t.test('H27 of 1,000 children on four nodes each half has all; after the heal there are 1,000', async (t) => {
  const c = await new Halves(t, ['n1', 'n2', 'n3', 'n4']).start()
  const ids = Array.from({ length: 1_000 }, (_, i) => `k${i}`)
  const each = <T>(ask: (id: string) => Promise<T>): Promise<T[]> => {
    return c.run(Promise.all(ids.map(ask)))
  }
  const tallyOf = (i: number, id: string) => c.at(i).ref(Tally, TallyId(id))
  const childOf = (i: number, id: string) => c.at(i).ref(Child, ChildId(id))
  const given = { timeoutMs: 20_000 }
  await each((id) => tallyOf(0, id).ask(Tally.Add({ op: 'begin' }), given))
  await each((id) => c.at(0).spawn(child, ChildId(id)))
  c.split()
  await each((id) => tallyOf(1, id).ask(Tally.Add({ op: 'first half' }), given))
  await each((id) => tallyOf(2, id).ask(Tally.Add({ op: 'second half' }), given))
  await each((id) => tallyOf(3, id).ask(Tally.Add({ op: 'second half too' }), given))
  await each((id) => childOf(1, id).ask(Child.Add({ n: 1 }), given))
  await c.heal()
  const states = await each((id) => tallyOf(3, id).ask(Tally.Read(), given))
  const all = ['begin', 'first half', 'second half', 'second half too']
  t.same(
    states.filter(({ ops }) => !all.every((op) => ops.includes(op))),
    [],
    'all have what each half took',
  )
  const totals = await each((id) => childOf(2, id).ask(Child.Total(), given))
  t.same(
    totals.filter((total) => total !== 1),
    [],
    'strict ones have what was acknowledged',
  )
  for (const [one, its] of [
    [tally, Tally],
    [child, Child],
  ] as const) {
    t.same(
      ids.filter((id) => c.ownersOf(its, id).length !== 1),
      [],
      'each has one owner',
    )
    const { total } = await c.run(c.at(0).count(one as typeof tally))
    t.equal(total, 1_000, '1,000 are there')
  }
})

const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,7}$/)
t.test('H28 of two complementary halves of any membership exactly one has quorum', async (t) => {
  fc.assert(
    fc.property(
      fc.uniqueArray(name, { minLength: 1, maxLength: 12 }),
      fc.infiniteStream(fc.boolean()),
      (members, coin) => {
        const sides: Record<'left' | 'right', string[]> = { left: [], right: [] }
        for (const one of members) sides[coin.next().value === true ? 'left' : 'right'].push(one)
        return hasQuorum(members, sides.left) !== hasQuorum(members, sides.right)
      },
    ),
    { numRuns: 2_000 },
  )
  const strategy = placement.quorum(['n1', 'n2', 'n3', 'n4'])
  const member = (name: string, status = 'ready') =>
    ({ node: `${name}#1`, name, weight: 1, status, roles: [], release: '1.0.0' }) as const
  const [left, right] = [
    ['n1', 'n2'],
    ['n3', 'n4'],
  ]
  t.equal(strategy.rank('child.1', left?.map((one) => member(one)) ?? []).length, 2, 'one half chooses')
  t.same(strategy.rank('child.1', right?.map((one) => member(one)) ?? []), [], 'the other does not')
  const leaving = ['n1', 'n2', 'n3', 'n4'].map((one) => member(one, 'leaving'))
  t.same(strategy.rank('child.1', leaving), [], 'nobody does while all shut down')
})

t.test('H29 an empty membership has no quorum, and neither has one that shuts down', async (t) => {
  t.notOk(hasQuorum([], []))
  t.notOk(hasQuorum([], ['n1']), 'strangers do not count')
  t.notOk(hasQuorum(['n1', 'n2'], []))
  t.throws(() => placement.quorum([]), { code: 'InvalidDeclaration' })
})

t.test(
  'H30 with a majority alive there is an owner; without one nobody begins anything, and says so',
  async (t) => {
    t.ok(hasQuorum(['n1', 'n2', 'n3'], ['n2', 'n3']))
    t.notOk(hasQuorum(['n1', 'n2', 'n3'], ['n1']))
    t.notOk(hasQuorum(['n1', 'n2', 'n3', 'n4'], ['n4']))
    const Wary = protocol('wary', ChildId, { Total: message().reads(io.number) })
    const wary = kind(Wary, {
      placement: placement.quorum(['n1', 'n2', 'n3']),
      state: mirrored(io.number),
      init: () => 0,
      on: { Total: (n) => n },
    })
    const cluster = new VirtualCluster(() => supervisor('root', {}, [entities(wary)]))
    t.teardown(() => cluster.end())
    const n1 = await cluster.start('n1')
    const spawn = (node: TumenNode) => node.spawn(wary, ChildId('one'))
    t.equal(await cluster.run(failsWith(spawn(n1))), 'Unavailable', 'one of three does not choose')
    const n2 = await cluster.start('n2')
    t.equal((await cluster.run(spawn(n1))).outcome, 'started', 'two of three do')
    t.equal((await cluster.run(spawn(n2))).outcome, 'already-started')
  },
)
