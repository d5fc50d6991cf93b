import t, { type Test } from 'tap'
import { hasNatsServer, startNatsServer } from '../fixtures/nats-server.js'
import { type NodeProcess, ProcessCluster } from '../fixtures/process-cluster.js'
import type { Book } from '../fixtures/counter-node.js'

const skip = hasNatsServer() ? false : 'not a machine with nats-server: install it to run these'
const ids = Array.from({ length: 2_000 }, (_, i) => `c${i}`)

const trio = async (t: Test) => {
  const server = await startNatsServer(t)
  const cluster = new ProcessCluster(t, { servers: server.url })
  const [a, b, c] = await Promise.all(['n1', 'n2', 'n3'].map((name) => cluster.start(name)))
  if (a === undefined || b === undefined || c === undefined) throw new Error('three were started')
  return { server, cluster, nodes: [a, b, c] as const, driver: a, victim: b, other: c }
}
const ownedBy = async (asked: NodeProcess, owner: string): Promise<string[]> => {
  const places = await asked.ask({ verb: 'where', ids })
  return ids.filter((id) => places[id]?.owner?.startsWith(`${owner}#`))
}
/** Every counter has what was acknowledged, and nothing that nobody asked for. */
const checkTotals = (t: Test, totals: Readonly<Record<string, number>>, books: readonly Book[]): void => {
  const wrong = Object.entries(totals).filter(([id, total]) => {
    const least = books.reduce((sum, book) => sum + (book.acknowledged[id] ?? 0), 0)
    const most = books.reduce((sum, book) => sum + (book.unknown[id] ?? 0), least)
    return total < least || total > most
  })
  t.same(wrong.slice(0, 5), [], 'totals are what was acknowledged')
}

t.test('process cluster – SIGKILL of an owner loses nothing that was acknowledged', { skip, timeout: 60_000 }, async (t) => {
  const { driver, victim, other } = await trio(t)
  const first = await driver.ask({ verb: 'add', ids, inFlight: 200 })
  t.equal(first.count, ids.length, 'all begin')
  const affected = await ownedBy(driver, 'n2')
  t.ok(affected.length > ids.length / 5, 'the victim owns its share')
  await driver.ask({ verb: 'load', ids, inFlight: 200, leastCount: 4_000 })
  await victim.kill()
  const { totals, errors, firstMs, allMs } = await other.ask({ verb: 'read', ids: affected, timeoutMs: 20_000 })
  const book = await driver.ask({ verb: 'unload' })
  t.comment(`${affected.length} entities affected; first after ${firstMs} ms, all after ${allMs} ms; ` +
    `${book.count} adds, the longest took ${book.longestMs} ms, errors ${JSON.stringify(book.errors)}`)
  t.same(errors, {}, 'every one answers')
  t.equal(Object.keys(totals).length, affected.length)
  t.ok(allMs < 5_000, 'within the deadline')
  checkTotals(t, (await other.ask({ verb: 'read', ids, timeoutMs: 5_000 })).totals, [first, book])
})
