import t, { type Test } from 'tap'
import { LinkProxy } from '../fixtures/chaos/proxy.js'
import type { Listed } from '../fixtures/counter-node.js'
import { eventually, hasNatsServer, startNatsServer } from '../fixtures/nats-server.js'
import { type NodeProcess, ProcessCluster } from '../fixtures/process-cluster.js'

const skip = hasNatsServer() ? false : 'not a machine with nats-server: install it to run these'
const named = (count: number): string[] => Array.from({ length: count }, (_, i) => `c${i}`)
const inFlight = 200

t.setTimeout(120_000)

const start = async (t: Test, ...names: readonly string[]) => {
  const server = await startNatsServer(t)
  const cluster = new ProcessCluster(t, { servers: server.url })
  const nodes = await Promise.all(names.map((name) => cluster.start(name)))
  const sees = async (node: NodeProcess) => (await node.ask({ verb: 'status' })).members
  const all = async () => (await Promise.all(nodes.map(sees))).every((seen) => seen.length === names.length)
  await eventually('all see each other', async () => (await all()) || undefined)
  return nodes
}
const twice = ({ owners }: Listed): string[] => Object.keys(owners).filter((id) => owners[id]?.length !== 1)
const listedOn = ({ owners }: Listed, name: string): number =>
  Object.values(owners).filter(([owner]) => owner?.startsWith(`${name}#`)).length

/** Looks at the list again and again until `until` has ended. */
const listsUntil = async (node: NodeProcess, until: Promise<unknown>): Promise<Listed[]> => {
  const lists: Listed[] = []
  let isOver = false
  const over = (): void => {
    isOver = true
  }
  until.then(over, over)
  while (!isOver) lists.push(await node.ask({ verb: 'list', timeoutMs: 300 }))
  return lists
}

t.test(
  'H7, H19, H50 over processes: of 200 children never more are seen after SIGKILL, and soon 200 again',
  { skip, timeout: 60_000 },
  async (t) => {
    const [n1, n2, n3] = await start(t, 'n1', 'n2', 'n3')
    if (n1 === undefined || n2 === undefined || n3 === undefined) return
    const ids = named(200)
    t.equal((await n1.ask({ verb: 'add', ids, inFlight })).count, 200)
    const before = await n3.ask({ verb: 'list', timeoutMs: 2_000 })
    t.equal(Object.keys(before.owners).length, 200)
    t.ok(listedOn(before, 'n2') > 30, 'the victim has its share')
    await n2.kill()
    const killedAt = performance.now()
    const gone = eventually('nobody sees it', async () => {
      const { members } = await n3.ask({ verb: 'status' })
      return members.every(({ node }) => node !== 'n2#1') ? performance.now() - killedAt : undefined
    })
    const back = eventually('200 again', async () => {
      const { owners, unanswered } = await n1.ask({ verb: 'list', timeoutMs: 300 })
      return Object.keys(owners).length === 200 && unanswered.length === 0
        ? performance.now() - killedAt
        : undefined
    })
    const lists = await listsUntil(n3, back)
    const [goneMs, backMs] = [Math.round(await gone), Math.round(await back)]
    t.comment(
      `no member after ${goneMs} ms, all listed after ${backMs} ms, ${lists.length} lists read meanwhile`,
    )
    t.same(lists.flatMap(twice), [], 'none twice')
    t.ok(goneMs <= 2_500 && backMs <= 5_000, 'generously: an idle machine needs less than 500 ms')
    const { totals, errors } = await n3.ask({ verb: 'read', ids, timeoutMs: 10_000 })
    t.same(errors, {})
    t.same(new Set(Object.values(totals)), new Set([1]), 'each with its state')
    t.equal(listedOn(await n1.ask({ verb: 'list', timeoutMs: 2_000 }), 'n2'), 0)
  },
)

t.test(
  'H20, H21 over processes: a stop in order moves one child after the other, and none is missed or doubled',
  { skip, timeout: 60_000 },
  async (t) => {
    const [n1, n2, n3] = await start(t, 'n1', 'n2', 'n3')
    if (n1 === undefined || n2 === undefined || n3 === undefined) return
    const ids = named(2_000)
    await n1.ask({ verb: 'add', ids, inFlight })
    const share = listedOn(await n1.ask({ verb: 'list', timeoutMs: 2_000 }), 'n2')
    await n1.ask({ verb: 'load', ids, inFlight, leastCount: 1_000 })
    n2.signal('SIGTERM')
    const lists = await listsUntil(n3, n2.exited)
    const book = await n1.ask({ verb: 'unload' })
    t.same(book.errors, {}, 'no ask waits for more than its own child')
    t.same(lists.flatMap(twice), [], 'none twice')
    const left = lists.map((list) => listedOn(list, 'n2'))
    t.comment(`${left.join(', ')} were left of ${share}; the longest ask took ${book.longestMs} ms`)
    t.ok(
      left.some((count) => count > 0 && count < share),
      'some have moved while others are still there',
    )
    const after = await n3.ask({ verb: 'list', timeoutMs: 2_000 })
    t.same([Object.keys(after.owners).length, after.unanswered], [2_000, []])
  },
)

t.test(
  'H22, H23 over processes: what two nodes start at once is one, and all of it is on the one that stays',
  { skip, timeout: 60_000 },
  async (t) => {
    const [n1, n2] = await start(t, 'n1', 'n2')
    if (n1 === undefined || n2 === undefined) return
    const ids = named(1_000)
    const outcomes = await Promise.all([n1, n2].map((node) => node.ask({ verb: 'spawn', ids })))
    const started = ids.filter((_, i) => outcomes.filter((all) => all[i] === 'started').length !== 1)
    t.same(started, [], 'of both that start a name exactly one has started it')
    await n1.ask({ verb: 'add', ids, inFlight })
    const before = await n2.ask({ verb: 'list', timeoutMs: 2_000 })
    t.same(twice(before), [])
    t.ok(listedOn(before, 'n1') > 200 && listedOn(before, 'n2') > 200, 'both have their share')
    n2.signal('SIGTERM')
    t.equal(await n2.exited, 0)
    const stoppedAt = performance.now()
    const after = await eventually('all are there', async () => {
      const list = await n1.ask({ verb: 'list', timeoutMs: 300 })
      return listedOn(list, 'n1') === 1_000 ? list : undefined
    })
    t.comment(`all 1,000 are on the other ${Math.round(performance.now() - stoppedAt)} ms after the end`)
    t.same(twice(after), [])
    const { totals } = await n1.ask({ verb: 'read', ids, timeoutMs: 10_000 })
    t.same([Object.keys(totals).length, new Set(Object.values(totals))], [1_000, new Set([1])])
  },
)

t.test(
  'H25, H26, H27 over processes: each side of a cut has all 1,000, and after it there are 1,000',
  { skip, timeout: 90_000 },
  async (t) => {
    const server = await startNatsServer(t)
    const proxy = await LinkProxy.open(Number(new URL(server.url).port))
    t.teardown(() => proxy.close())
    const config = { leaseMs: 2_000, leaseRenewMs: 400, leaseMarginMs: 400, shardCount: 64 }
    const there = new ProcessCluster(t, { servers: server.url, config })
    const here = new ProcessCluster(t, { servers: proxy.url, config })
    const [n1, n2, n3, n4] = await Promise.all([
      there.start('n1'),
      there.start('n2'),
      here.start('n3'),
      here.start('n4'),
    ])
    const nodes = [n1, n2, n3, n4]
    const seen = async () =>
      Promise.all(nodes.map(async (node) => (await node.ask({ verb: 'status' })).members))
    await eventually(
      'all see each other',
      async () => (await seen()).every((all) => all.length === 4) || undefined,
    )
    const ids = named(1_000)
    await n1.ask({ verb: 'mark', ids, by: 'begin' })
    proxy.cut()
    await eventually(
      'the other side knows',
      async () => (await n3.ask({ verb: 'status' })).status === 'frozen' || undefined,
    )
    for (const node of nodes)
      t.equal(await node.ask({ verb: 'mark', ids, by: node.name }), 1_000, `${node.name} has all`)
    t.equal(await n4.ask({ verb: 'beat' }), 1, 'actors of a node notice nothing')
    proxy.heal()
    await eventually('all are one cluster again', async () => {
      const statuses = await Promise.all(nodes.map((node) => node.ask({ verb: 'status' })))
      return statuses.every(({ status, members }) => status === 'ready' && members.length === 4) || undefined
    })
    const all = ['begin', 'n1', 'n2', 'n3', 'n4'].join()
    const found = await eventually(
      'every node sees what each side made',
      async () => {
        const marks = await Promise.all(nodes.map((node) => node.ask({ verb: 'marks', ids })))
        return marks.flat().every((one) => [...one].sort().join() === all) ? marks.flat().length : undefined
      },
      20_000,
    )
    t.equal(found, 4_000, '1,000 as four nodes see them')
    const statuses = await Promise.all(nodes.map((node) => node.ask({ verb: 'status' })))
    const merged = statuses.reduce((sum, { counters }) => sum + (counters['available_merged_total'] ?? 0), 0)
    t.ok(merged > 0, `${merged} copies were merged by those who are still in the same life`)
  },
)

t.test(
  'H26 over processes: while nats-server is away each node has a copy of its own, and one remains',
  { skip, timeout: 90_000 },
  async (t) => {
    const server = await startNatsServer(t)
    const cluster = new ProcessCluster(t, { servers: server.url })
    const nodes = await Promise.all(['n1', 'n2', 'n3'].map((name) => cluster.start(name)))
    const ids = named(50)
    await nodes[0]?.ask({ verb: 'mark', ids, by: 'begin' })
    await server.kill()
    await eventually('all are frozen', async () => {
      const statuses = await Promise.all(nodes.map((node) => node.ask({ verb: 'status' })))
      return statuses.every(({ status }) => status === 'frozen') || undefined
    })
    for (const node of nodes) t.equal(await node.ask({ verb: 'mark', ids, by: node.name }), 50, node.name)
    await server.restart()
    const all = ['begin', 'n1', 'n2', 'n3'].join()
    await eventually(
      'every node sees all of it',
      async () => {
        const asked = nodes.map((node) => node.ask({ verb: 'marks', ids }).catch(() => []))
        const marks = await Promise.all(asked)
        return (
          marks.every((some) => some.length === 50 && some.every((one) => [...one].sort().join() === all)) ||
          undefined
        )
      },
      40_000,
    )
    t.pass('nothing is lost')
  },
)
