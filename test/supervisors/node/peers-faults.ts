/**
 * Faults that other runtimes report of themselves, each tried in a cluster of whole nodes on one virtual
 * clock: none of them is here.
 */
import * as io from 'io-ts'
import t from 'tap'
import {
  act,
  AskFailed,
  entities,
  id,
  kind,
  message,
  mirrored,
  next,
  protocol,
  reply,
  supervisor,
  type TumenNode,
} from '../../../supervisors/index.js'
import { VirtualCluster } from '../../fixtures/promises.js'

const PotId = id('PotId')
const Pot = protocol('pot', PotId, {
  Add: message({ n: io.number }).replies(io.number),
  Note: message({ n: io.number }),
  Total: message().reads(io.number),
  End: message().replies(),
  Crash: message().replies(),
})
const pot = kind(Pot, {
  activate: 'first-message',
  state: mirrored(io.number),
  init: () => 0,
  on: {
    Add: (total, { n }) => reply(total + n, total + n),
    Note: (total, { n }) => next(total + n),
    Total: (total) => total,
    End: (total) => reply(total, undefined, act.stop()),
    Crash: () => {
      throw new Error('crashed')
    },
  },
})
const tree = () => supervisor('root', {}, [entities(pot)])
const ids = Array.from({ length: 24 }, (_, i) => PotId(`p${i}`))

type Test = Pick<typeof t, 'teardown'>
const clusterOf = async (t: Test, names: readonly string[], config = {}) => {
  const cluster = new VirtualCluster(tree, config)
  t.teardown(() => cluster.end())
  const nodes: TumenNode[] = []
  for (const name of names) nodes.push(await cluster.start(name))
  // Who has only just come up is no witness of crashes.
  await pass(cluster, 3_000)
  return { cluster, nodes }
}
const pass = async (cluster: VirtualCluster, ms: number): Promise<void> => {
  const until = cluster.clock.monotonic() + ms
  await cluster.until(() => cluster.clock.monotonic() >= until, 'time passes')
}
const add = (cluster: VirtualCluster, node: TumenNode, pot = ids[0] as (typeof ids)[number]) =>
  cluster.run(node.ref(Pot, pot).ask(Pot.Add({ n: 1 }), { timeoutMs: 30_000 }))
const totals = async (cluster: VirtualCluster, node: TumenNode, of = ids): Promise<number[]> => {
  const all: number[] = []
  for (const one of of)
    all.push(await cluster.run(node.ref(Pot, one).ask(Pot.Total(), { timeoutMs: 30_000 })))
  return all
}
/** Entities that several nodes believe to own. */
const tooMany = (nodes: readonly TumenNode[]): string[] =>
  ids.filter((one) => nodes.filter((node) => isReady(node) && node.where(Pot, one).isHere).length > 1)
const isUp = (line: string): boolean => line.endsWith(' ready')
const isReady = (node: TumenNode): boolean => node.status().status === 'ready'
const membersOf = (node: TumenNode): string[] =>
  node.status().members.map(({ node: id, status }) => `${id} ${status}`)

t.test('peers faults - a symmetric split heals by itself, and everybody sees everybody again', async (t) => {
  const { cluster, nodes } = await clusterOf(t, ['n1', 'n2', 'n3', 'n4'])
  const [n1, , n3] = nodes
  if (!n1 || !n3) return
  for (const one of ids) await add(cluster, n1, one)
  const { faults } = cluster.transport
  for (const length of [1_000, 12_000]) {
    faults.split(['n1', 'n2'], ['n3', 'n4'])
    await pass(cluster, length)
    faults.heal()
    await cluster.until(
      () => nodes.every((node) => isReady(node) && membersOf(node).filter(isUp).length === 4),
      'all see all',
    )
    for (const one of ids) await add(cluster, n3, one)
  }
  t.same(await totals(cluster, n1), Array(ids.length).fill(3), 'nothing was lost on either side')
  t.same(tooMany(nodes), [], 'each has one owner')
})

t.test('peers faults - after a split the entity is there once, neither twice nor not at all', async (t) => {
  const { cluster, nodes } = await clusterOf(t, ['n1', 'n2', 'n3'])
  const [n1] = nodes
  if (!n1) return
  for (const one of ids) await add(cluster, n1, one)
  for (const name of ['n2', 'n3']) {
    cluster.transport.faults.disconnect(name)
    await pass(cluster, 8_000)
    for (const one of ids) await add(cluster, n1, one)
    cluster.transport.faults.heal()
    await cluster.until(() => nodes.every(isReady), 'all are ready')
    await pass(cluster, 3_000)
  }
  const running = nodes.reduce((sum, node) => sum + (node.status().kinds[0]?.entities ?? 0), 0)
  t.same(await totals(cluster, n1), Array(ids.length).fill(3))
  t.equal(running, ids.length, 'what the cut off node ran has stopped there')
  t.same(tooMany(nodes), [])
})

t.test('peers faults - a cluster of two goes on with one, whichever that is', async (t) => {
  for (const name of ['n1', 'n2']) {
    const { cluster, nodes } = await clusterOf(t, ['n1', 'n2'])
    const [first, second] = nodes
    const left = name === 'n1' ? second : first
    if (!first || !left) return
    for (const one of ids) await add(cluster, first, one)
    cluster.transport.faults.disconnect(name)
    for (const one of ids) t.equal(await add(cluster, left, one), 2, `without ${name}`)
    cluster.transport.faults.heal()
    await cluster.until(() => nodes.every(isReady), 'both are ready')
    t.same(await totals(cluster, first), Array(ids.length).fill(2))
  }
})

t.test(
  'peers faults - nodes that begin one shard at the same moment do not overwrite each other',
  async (t) => {
    const { cluster, nodes } = await clusterOf(t, ['n1', 'n2', 'n3', 'n4', 'n5'])
    const answers = await cluster.run(
      Promise.all(ids.flatMap((one) => nodes.map((node) => node.ref(Pot, one).ask(Pot.Add({ n: 1 }))))),
    )
    const counted = ids.map((_, i) => answers.slice(5 * i, 5 * i + 5).sort())
    t.same(counted, Array(ids.length).fill([1, 2, 3, 4, 5]), 'every message got to the one entity')
    t.same(tooMany(nodes), [])
  },
)

t.test('peers faults - scaling up starts no second one, and scaling down loses none', async (t) => {
  const { cluster, nodes } = await clusterOf(t, ['n1'])
  const [n1] = nodes
  if (!n1) return
  for (const one of ids) await add(cluster, n1, one)
  const more: TumenNode[] = []
  for (const name of ['n2', 'n3', 'n4']) {
    more.push(await cluster.start(name))
    for (const one of ids) await add(cluster, more.at(-1) ?? n1, one)
    t.same(tooMany([n1, ...more]), [])
  }
  await pass(cluster, 3_000)
  const [n2, n3, n4] = more
  if (!n2 || !n3 || !n4) return
  await cluster.run(n1.stop())
  await cluster.run(n3.stop())
  for (const one of ids) t.equal(await add(cluster, n4, one), 5)
  t.same(tooMany([n2, n4]), [])
})

t.test('peers faults - what a node had that never comes back is taken over, all of it', async (t) => {
  const { cluster, nodes } = await clusterOf(t, ['n1', 'n2', 'n3', 'n4'])
  const [n1] = nodes
  if (!n1) return
  for (const one of ids) await add(cluster, n1, one)
  for (const name of ['n4', 'n3']) {
    cluster.transport.faults.disconnect(name)
    await cluster.until(
      () => membersOf(n1).every((line) => !line.startsWith(`${name}#`)),
      `${name} is missed`,
    )
    await pass(cluster, 3_000)
  }
  t.same(await totals(cluster, n1), Array(ids.length).fill(1))
  const homeless = ids.filter((one) => !/^n[12]#/.test(n1.where(Pot, one).owner ?? ''))
  t.same(homeless, [], 'no record names one that is gone')
})

t.test('peers faults - one that starts again under its name is let in while another is silent', async (t) => {
  const { cluster, nodes } = await clusterOf(t, ['n1', 'n2', 'n3'])
  const [n1, n2] = nodes
  if (!n1 || !n2) return
  for (const one of ids) await add(cluster, n1, one)
  cluster.transport.faults.pause('n3')
  await cluster.run(n2.stop({ drainMs: 0 }))
  const again = await cluster.start('n2')
  t.equal(again.id, 'n2#2')
  await add(cluster, again)
  cluster.transport.faults.resume('n3')
  await cluster.until(() => membersOf(n1).filter(isUp).length === 3, 'all are there')
})

t.test(
  'peers faults - a restart storm of one entity touches no other one of its shard or node',
  async (t) => {
    const { cluster, nodes } = await clusterOf(t, ['n1', 'n2'], { shardCount: 1 })
    const [n1] = nodes
    if (!n1) return
    for (const one of ids) await add(cluster, n1, one)
    const [bad, ...others] = ids
    if (bad === undefined) return
    for (let i = 0; i < 12; i++) {
      const error = await cluster.fails(n1.ref(Pot, bad).ask(Pot.Crash(), { timeoutMs: 1_000 }))
      t.ok(error instanceof AskFailed)
      for (const one of others.slice(0, 3)) await add(cluster, n1, one)
    }
    t.same(await totals(cluster, n1, others), [13, 13, 13, ...Array(others.length - 3).fill(1)])
  },
)

t.test('peers faults - a jump of the wall clock ends no lease and declares nobody dead', async (t) => {
  const { cluster, nodes } = await clusterOf(t, ['n1', 'n2', 'n3'])
  const [n1] = nodes
  if (!n1) return
  await add(cluster, n1)
  for (const ms of [3_600_000, -7_200_000]) {
    cluster.clock.jump(ms)
    await pass(cluster, 8_000)
    await add(cluster, n1)
  }
  t.same(
    nodes.map(({ id }) => id),
    ['n1#1', 'n2#1', 'n3#1'],
  )
})

t.test('peers faults - a node that hears nothing any more takes no acknowledged state with it', async (t) => {
  const { cluster, nodes } = await clusterOf(t, ['n1', 'n2', 'n3'])
  const [n1, n2] = nodes
  if (!n1 || !n2) return
  for (const one of ids) await add(cluster, n1, one)
  cluster.transport.faults.deafen('n2')
  // Every one of its shards has something under way that no mirror seems to acknowledge.
  for (const one of ids) n1.ref(Pot, one).tell(Pot.Note({ n: 0 }))
  for (const one of ids) n2.ref(Pot, one).tell(Pot.Note({ n: 0 }))
  await pass(cluster, 12_000)
  cluster.transport.faults.heal()
  await cluster.until(() => nodes.every(isReady), 'all are ready')
  t.same(await totals(cluster, n1), Array(ids.length).fill(1), 'its mirrors have all of it')
})
