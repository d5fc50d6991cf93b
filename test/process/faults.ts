/** What each fault does to three real processes: the rows of docs/GUARANTEES.md that need a real clock and server. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Book } from '../fixtures/counter-node.js'
import { eventually, hasNatsServer, startNatsServer } from '../fixtures/nats-server.js'
import { type NodeProcess, ProcessCluster } from '../fixtures/process-cluster.js'

const skip = hasNatsServer() ? false : 'not a machine with nats-server: install it to run these'
const timeout = 90_000
const ids = Array.from({ length: 100 }, (_, i) => `c${i}`)
/** A third of the default lease, so that nobody waits long. */
const config = { leaseMs: 2_000, leaseRenewMs: 400, leaseMarginMs: 400, shardCount: 64 }

const trio = async (t: Test) => {
  const server = await startNatsServer(t)
  const cluster = new ProcessCluster(t, { servers: server.url, config })
  const [n1, n2, n3] = await Promise.all(['n1', 'n2', 'n3'].map((name) => cluster.start(name)))
  if (n1 === undefined || n2 === undefined || n3 === undefined) throw new Error('three were started')
  const first = await n1.ask({ verb: 'add', ids, inFlight: 50 })
  t.equal(first.count, ids.length, 'all begin')
  return { server, n1, n2, n3, first }
}
const ownersOf = async (node: NodeProcess): Promise<Record<string, string | undefined>> => {
  const places = await node.ask({ verb: 'where', ids })
  return Object.fromEntries(ids.map((id) => [id, `${places[id]?.owner} ${places[id]?.epoch}`]))
}
/** Each total is what was acknowledged, give or take what nobody knows. */
const checkTotals = async (t: Test, node: NodeProcess, books: readonly Book[]): Promise<void> => {
  const { totals, errors } = await node.ask({ verb: 'read', ids, timeoutMs: 20_000 })
  t.same(errors, {}, 'every one answers')
  const wrong = ids.filter((id) => {
    const least = books.reduce((sum, book) => sum + (book.acknowledged[id] ?? 0), 0)
    const most = books.reduce((sum, book) => sum + (book.unknown[id] ?? 0), least)
    const total = totals[id] ?? -1
    return total < least || total > most
  })
  t.same(wrong, [], 'totals are what was acknowledged')
}

t.test(
  'faults - a frozen node costs a lease, and comes back as a new incarnation',
  { skip, timeout },
  async (t) => {
    const { n1, n2, n3, first } = await trio(t)
    n2.signal('SIGSTOP')
    const { errors, totals } = await n3.ask({ verb: 'read', ids, timeoutMs: 20_000 })
    t.same(errors, {}, 'the others answer for it')
    t.equal(Object.keys(totals).length, ids.length)
    const second = await n1.ask({ verb: 'add', ids, inFlight: 50 })
    n2.signal('SIGCONT')
    await eventually('n2 is ready again', async () => {
      const status = await n2.ask({ verb: 'status' })
      return status.node === 'n2#2' && status.status === 'ready'
    })
    await checkTotals(t, n2, [first, second])
  },
)

t.test(
  'faults - a restart of nats-server freezes everybody, and nobody loses anything',
  { skip, timeout },
  async (t) => {
    const { server, n1, n2, n3, first } = await trio(t)
    const before = await ownersOf(n1)
    await n1.ask({ verb: 'load', ids, inFlight: 20, leastCount: 200 })
    await server.kill()
    const all = [n1, n2, n3]
    for (const node of all) {
      await eventually(
        `${node.name} is frozen`,
        async () => (await node.ask({ verb: 'status' })).status === 'frozen',
      )
    }
    // Longer than a lease: without the server nobody can be declared dead.
    await new Promise((resolve) => setTimeout(resolve, 2 * config.leaseMs))
    await server.restart()
    for (const node of all) {
      await eventually(
        `${node.name} is ready`,
        async () => (await node.ask({ verb: 'status' })).status === 'ready',
      )
    }
    const book = await n1.ask({ verb: 'unload' })
    t.same(await ownersOf(n3), before, 'the same owners under the same epochs')
    for (const node of all) await checkTotals(t, node, [first, book])
  },
)

t.test('faults - a frozen mirror holds its shards up for a moment only', { skip, timeout }, async (t) => {
  const { n1, n2, n3, first } = await trio(t)
  const places = await n1.ask({ verb: 'where', ids })
  const mirrored = ids.filter((id) => places[id]?.mirrors.includes('n2#1'))
  t.ok(mirrored.length > 0, 'n2 mirrors some')
  n2.signal('SIGSTOP')
  const second = await n1.ask({ verb: 'add', ids: mirrored, inFlight: mirrored.length })
  t.same(second.errors, {}, 'all are acknowledged')
  t.ok(second.longestMs < config.leaseMs, `within ${second.longestMs} ms, less than a lease`)
  n2.signal('SIGCONT')
  await checkTotals(t, n3, [first, second])
})

t.test(
  'faults - all nodes are killed: the first ask to each is told, the second begins anew',
  { skip, timeout },
  async (t) => {
    const server = await startNatsServer(t)
    const cluster = new ProcessCluster(t, { servers: server.url, config })
    const old = await Promise.all(['n1', 'n2'].map((name) => cluster.start(name)))
    await old[0]?.ask({ verb: 'add', ids, inFlight: 50 })
    await Promise.all(old.map((node) => node.kill()))
    const n3 = await cluster.start('n3')
    const told = await n3.ask({ verb: 'read', ids, timeoutMs: 20_000 })
    t.same(told.errors, { StateLost: ids.length })
    const { totals } = await n3.ask({ verb: 'read', ids, timeoutMs: 5_000 })
    t.same(totals, Object.fromEntries(ids.map((id) => [id, 0])))
  },
)

t.test(
  'faults - a store that was lost ends every incarnation, and its state is gone untold',
  { skip, timeout },
  async (t) => {
    const { server, n1, n2, n3 } = await trio(t)
    await server.kill()
    rmSync(join(server.directory, 'js'), { recursive: true, force: true })
    await server.restart()
    for (const node of [n1, n2, n3]) {
      await eventually(`${node.name} has joined the new store`, async () => {
        const { status, counters } = await node.ask({ verb: 'status' })
        return status === 'ready' && counters['node_rejoins_total'] === 1
      })
    }
    const { totals, errors } = await n3.ask({ verb: 'read', ids, timeoutMs: 20_000 })
    t.same(errors, {})
    t.same(totals, Object.fromEntries(ids.map((id) => [id, 0])))
  },
)
