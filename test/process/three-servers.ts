/** Three real nodes on three replicating servers, of which one is killed, then two. */
import { connect } from 'nats'
import t from 'tap'
import { recordsStream } from '../../lib/wire/subjects.js'
import type { Book } from '../fixtures/counter-node.js'
import { eventually, hasNatsServer, startThreeNatsServers } from '../fixtures/nats-server.js'
import { type NodeProcess, ProcessCluster } from '../fixtures/process-cluster.js'

const skip = hasNatsServer() ? false : 'not a machine with nats-server: install it to run these'
const ids = Array.from({ length: 100 }, (_, i) => `c${i}`)
const boards = ids.slice(0, 10)
t.setTimeout(300_000)
const leaderKilled =
  'three servers - the leader of the records is killed: nothing that was acknowledged is lost, and all go on'

const statusOf = async (node: NodeProcess) => (await node.ask({ verb: 'status' })).status
const untilAll = async (nodes: readonly NodeProcess[], wanted: string): Promise<void> => {
  for (const node of nodes)
    await eventually(
      `${node.name} is ${wanted}`,
      async () => (await statusOf(node)) === wanted || undefined,
      60_000,
    )
}

t.test('three servers', { skip, timeout: 240_000 }, async (t) => {
  const servers = await startThreeNatsServers(t)
  const urls = servers.map(({ url }) => url)
  const config = { preset: 'three-servers', shardCount: 64 } as const
  const cluster = new ProcessCluster(t, { servers: urls.join(','), config })
  const nodes = await Promise.all(['n1', 'n2', 'n3'].map((name) => cluster.start(name)))
  const [n1, , n3] = nodes
  if (n1 === undefined || n3 === undefined) throw new Error('three were started')
  const books: Book[] = [await n1.ask({ verb: 'add', ids, inFlight: 50 })]
  t.equal(books[0]?.count, ids.length, 'all begin')

  const leader = async (): Promise<number> => {
    const outside = await connect({ servers: urls, noAsyncTraces: true })
    const info = await (await outside.jetstreamManager()).streams.info(recordsStream('trial'))
    await outside.close()
    return Number(info.cluster?.leader?.slice(1))
  }
  /** Each total is what was acknowledged, give or take what nobody knows. */
  const offTotals = async (): Promise<readonly string[]> => {
    const { totals, errors } = await n3.ask({ verb: 'read', ids, timeoutMs: 20_000 })
    const off = ids.filter((id) => {
      const least = books.reduce((sum, book) => sum + (book.acknowledged[id] ?? 0), 0)
      const most = books.reduce((sum, book) => sum + (book.unknown[id] ?? 0), least)
      const total = totals[id] ?? -1
      return total < least || total > most
    })
    return [...off, ...Object.keys(errors)]
  }
  const lives = async (): Promise<string[]> =>
    Promise.all(nodes.map(async (node) => (await node.ask({ verb: 'status' })).node))

  await t.test(leaderKilled, async (t) => {
    await n1.ask({ verb: 'load', ids, inFlight: 10, leastCount: 200 })
    const killed = servers[await leader()]
    await killed?.kill()
    await untilAll(nodes, 'ready')
    // Until there is a new leader: nobody may run out of lease meanwhile.
    await leader().catch(() => eventually('a new leader', () => leader().catch(() => undefined), 40_000))
    const book = await n1.ask({ verb: 'unload' })
    books.push(book)
    t.same(await offTotals(), [], 'totals are what was acknowledged')
    t.match((await n3.ask({ verb: 'status' })).transport, /3 replicas/)
    t.ok(book.longestMs <= 10_000, `acknowledged again after ${book.longestMs} ms`)
    t.same(await lives(), ['n1#1', 'n2#1', 'n3#1'], 'no lease has lapsed')
    await killed?.restart()
  })

  await t.test(
    'G6 two of three servers are killed: strict entities freeze, all others go on, and all resume',
    async (t) => {
      await eventually(
        'all three are in sync',
        async () => {
          const outside = await connect({ servers: urls, noAsyncTraces: true })
          const info = await (await outside.jetstreamManager()).streams.info(recordsStream('trial'))
          await outside.close()
          return info.cluster?.replicas?.every(({ current }) => current) || undefined
        },
        40_000,
      )
      const first = await leader()
      const second = (first + 1) % 3
      await n1.ask({ verb: 'mark', ids: boards, by: 'start' })
      await n1.ask({ verb: 'load', ids, inFlight: 10, leastCount: 200 })
      await Promise.all([servers[first]?.kill(), servers[second]?.kill()])
      const from = performance.now()
      await untilAll(nodes, 'frozen')
      t.comment(`all are frozen after ${Math.round(performance.now() - from)} ms`)
      const { errors, totals } = await n3.ask({ verb: 'read', ids: ids.slice(0, 5), timeoutMs: 500 })
      t.same(totals, {}, 'nothing strict is answered')
      t.ok(Object.values(errors).some((n) => n > 0))
      for (const node of nodes)
        t.ok((await node.ask({ verb: 'beat' })) > 0, `the actor of ${node.name} goes on`)
      for (const node of nodes)
        t.equal(
          await node.ask({ verb: 'mark', ids: boards, by: node.name }),
          boards.length,
          'available ones too',
        )
      await servers[second]?.restart()
      const backAt = performance.now()
      await untilAll(nodes, 'ready')
      t.comment(`all are ready ${Math.round(performance.now() - backAt)} ms after a second server is back`)
      const book = await n1.ask({ verb: 'unload' })
      books.push(book)
      t.same(await offTotals(), [], 'totals are what was acknowledged')
      books.push(await n1.ask({ verb: 'add', ids, inFlight: 50 }))
      t.equal(books.at(-1)?.count, ids.length, 'every one takes another')
      t.same(await offTotals(), [])
      t.same(await lives(), ['n1#1', 'n2#1', 'n3#1'], 'nobody was declared dead')
      await eventually(
        'what each node marked alone is on every board',
        async () => {
          const marks = await n3.ask({ verb: 'marks', ids: boards })
          return marks.every((by) => by.join() === 'n1,n2,n3,start') || undefined
        },
        30_000,
      )
    },
  )
})
