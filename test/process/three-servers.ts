/** Three real nodes on three replicating servers, of which the leader is killed. */
import { connect } from 'nats'
import t from 'tap'
import { recordsStream } from '../../lib/wire/subjects.js'
import { eventually, hasNatsServer, startThreeNatsServers } from '../fixtures/nats-server.js'
import { ProcessCluster } from '../fixtures/process-cluster.js'

const skip = hasNatsServer() ? false : 'not a machine with nats-server: install it to run these'
const ids = Array.from({ length: 100 }, (_, i) => `c${i}`)

t.test(
  'three servers - the leader of the records is killed: nothing that was acknowledged is lost, and all go on',
  { skip, timeout: 120_000 },
  async (t) => {
    const servers = await startThreeNatsServers(t)
    const config = { preset: 'three-servers', shardCount: 64 } as const
    const cluster = new ProcessCluster(t, { servers: servers.map(({ url }) => url).join(','), config })
    const nodes = await Promise.all(['n1', 'n2', 'n3'].map((name) => cluster.start(name)))
    const [n1, , n3] = nodes
    if (n1 === undefined || n3 === undefined) throw new Error('three were started')
    const first = await n1.ask({ verb: 'add', ids, inFlight: 50 })
    t.equal(first.count, ids.length, 'all begin')
    await n1.ask({ verb: 'load', ids, inFlight: 10, leastCount: 200 })
    const outside = await connect({ servers: servers.map(({ url }) => url), noAsyncTraces: true })
    const info = await (await outside.jetstreamManager()).streams.info(recordsStream('trial'))
    await outside.close()
    await servers[Number(info.cluster?.leader?.slice(1))]?.kill()
    for (const node of nodes) {
      await eventually(
        `${node.name} is ready`,
        async () => (await node.ask({ verb: 'status' })).status === 'ready',
        40_000,
      )
    }
    const { errors, totals } = await n3.ask({ verb: 'read', ids, timeoutMs: 20_000 })
    t.same(errors, {}, 'every one answers')
    const book = await n1.ask({ verb: 'unload' })
    const wrong = ids.filter((id) => (totals[id] ?? 0) < (first.acknowledged[id] ?? 0))
    t.same(wrong, [], 'nothing is lost')
    const last = await n3.ask({ verb: 'read', ids, timeoutMs: 20_000 })
    const off = ids.filter((id) => {
      const least = (first.acknowledged[id] ?? 0) + (book.acknowledged[id] ?? 0)
      const total = last.totals[id] ?? -1
      return total < least || total > least + (book.unknown[id] ?? 0)
    })
    t.same(off, [], 'totals are what was acknowledged')
    t.match((await n3.ask({ verb: 'status' })).transport, /3 replicas/)
  },
)
