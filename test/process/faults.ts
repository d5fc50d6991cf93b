/**
 * What faults of mirrors, of all nodes and of the store do to real processes.
 * `cluster.ts` has those of one owner.
 */
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
  'faults - all nodes are killed, twice, under load: persisted counters have every acknowledged add',
  { skip, timeout },
  async (t) => {
    const server = await startNatsServer(t)
    const cluster = new ProcessCluster(t, { servers: server.url, config, source: 'persisted' })
    const asker = await cluster.start('asker', 'none')
    let nodes = await Promise.all(['n1', 'n2'].map((name) => cluster.start(name)))
    await asker.ask({ verb: 'load', ids, inFlight: 30, leastCount: 500 })
    const killed: Promise<Book>[] = []
    for (const _ of [1, 2]) {
      await Promise.all(nodes.map((node) => node.kill()))
      killed.push(asker.ask({ verb: 'unload' }))
      nodes = await Promise.all(['n1', 'n2'].map((name) => cluster.start(name)))
      killed.push(asker.ask({ verb: 'add', ids, inFlight: 30 }))
      await Promise.all(killed)
      await asker.ask({ verb: 'load', ids, inFlight: 30, leastCount: 500 })
    }
    killed.push(asker.ask({ verb: 'unload' }))
    const books = await Promise.all(killed)
    const sum = books.reduce((count, book) => count + book.count, 0)
    t.ok(sum >= 1_500 + 2 * ids.length, `${sum} adds were acknowledged`)
    await checkTotals(t, asker, books)
    const [node = asker] = nodes
    const { counters } = await node.ask({ verb: 'status' })
    t.equal(counters['events_state_lost_total'] ?? 0, 0, 'nothing is told as lost')
  },
)

t.test(
  'faults - a store that was lost ends every incarnation, and the loss is told',
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
    const told = await n3.ask({ verb: 'read', ids, timeoutMs: 20_000 })
    t.same(told.errors, { StateLost: ids.length }, 'the first ask to each is told')
    const { totals, errors } = await n3.ask({ verb: 'read', ids, timeoutMs: 20_000 })
    t.same(errors, {})
    t.same(totals, Object.fromEntries(ids.map((id) => [id, 0])))
  },
)
