import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type ChildNode, startChildNode } from '../fixtures/child-node.js'
import { eventually, hasNatsServer, startNatsServer } from '../fixtures/nats-server.js'
import { type NodeProcess, ProcessCluster } from '../fixtures/process-cluster.js'
import type { Book, Reads } from '../fixtures/counter-node.js'
import type { ScribeAnswers, ScribeRequest } from '../fixtures/singleton-node.js'

const skip = hasNatsServer() ? false : 'not a machine with nats-server: install it to run these'
const ids = Array.from({ length: 2_000 }, (_, i) => `c${i}`)
const inFlight = 200
/** Generous: on an idle machine all answer within two seconds, and the figures are printed. */
const deadlineMs = 15_000

t.setTimeout(300_000)

const trio = async (t: Test) => {
  const server = await startNatsServer(t)
  const cluster = new ProcessCluster(t, { servers: server.url })
  const [driver, victim, other] = await Promise.all(['n1', 'n2', 'n3'].map((name) => cluster.start(name)))
  if (driver === undefined || victim === undefined || other === undefined)
    throw new Error('three were started')
  const first = await driver.ask({ verb: 'add', ids, inFlight })
  t.equal(first.count, ids.length, 'all begin')
  return { server, cluster, driver, victim, other, first }
}
const ownedBy = async (asked: NodeProcess, owner: string, among = ids): Promise<string[]> => {
  const places = await asked.ask({ verb: 'where', ids: [...among] })
  return among.filter((id) => places[id]?.owner?.startsWith(`${owner}#`))
}
/** Every counter has what was acknowledged, and nothing that nobody asked for. */
const checkTotals = (t: Test, { totals, errors }: Reads, books: readonly Book[]): void => {
  const wrong = ids.filter((id) => {
    const least = books.reduce((sum, book) => sum + (book.acknowledged[id] ?? 0), 0)
    const most = books.reduce((sum, book) => sum + (book.unknown[id] ?? 0), least)
    const total = totals[id] ?? -1
    return total < least || total > most
  })
  t.same(errors, {}, 'every one answers')
  t.same(wrong.slice(0, 5), [], 'totals are what was acknowledged')
}
const said = (book: Book): string =>
  `${book.count} adds, the longest took ${book.longestMs} ms, errors ${JSON.stringify(book.errors)}`

t.test(
  'process cluster – SIGKILL of an owner loses nothing that was acknowledged',
  { skip, timeout: 60_000 },
  async (t) => {
    const { driver, victim, other, first } = await trio(t)
    const affected = await ownedBy(driver, 'n2')
    t.ok(affected.length > ids.length / 5, 'the victim owns its share')
    await driver.ask({ verb: 'load', ids, inFlight, leastCount: 4_000 })
    await victim.kill()
    const { totals, firstMs, allMs } = await other.ask({ verb: 'read', ids: affected, timeoutMs: 20_000 })
    const book = await driver.ask({ verb: 'unload' })
    t.comment(
      `${affected.length} entities affected; first after ${firstMs} ms, all after ${allMs} ms; ${said(book)}`,
    )
    t.same(book.errors, {}, 'no caller notices more than a pause')
    t.equal(Object.keys(totals).length, affected.length, 'every affected one answers')
    t.ok(allMs < deadlineMs, 'within the deadline')
    checkTotals(t, await other.ask({ verb: 'read', ids, timeoutMs: 5_000 }), [first, book])
  },
)

t.test(
  'process cluster – a frozen owner is replaced, and serves nothing stale when it thaws',
  { skip, timeout: 90_000 },
  async (t) => {
    const { driver, victim, other, first } = await trio(t)
    const affected = await ownedBy(driver, 'n2')
    victim.signal('SIGSTOP')
    const startedAt = performance.now()
    const second = await driver.ask({ verb: 'add', ids, inFlight: ids.length })
    t.comment(
      `${affected.length} entities affected; ` +
        `all took another add after ${Math.round(performance.now() - startedAt)} ms`,
    )
    t.equal(second.count, ids.length, 'others have taken over')
    await eventually('the lease is over', () => performance.now() - startedAt > 6_000 || undefined)
    // Waits in its pipe: it is among the first things that the thawed process does.
    const early = victim.ask({ verb: 'read', ids: affected, timeoutMs: 10_000 })
    victim.signal('SIGCONT')
    const { totals, errors } = await early
    const stale = Object.entries(totals).filter(([, total]) => total !== 2)
    t.same(stale.slice(0, 5), [], 'nothing stale')
    t.comment(
      `asked of the thawed node: ${Object.keys(totals).length} answers, errors ${JSON.stringify(errors)}`,
    )
    const back = await eventually('it is back', async () => {
      const status = await victim.ask({ verb: 'status' })
      return status.status === 'ready' && status.node !== 'n2#1' ? status : undefined
    })
    t.equal(back.node, 'n2#2', 'as a new incarnation')
    checkTotals(t, await other.ask({ verb: 'read', ids, timeoutMs: 5_000 }), [first, second])
  },
)

t.test('process cluster – SIGTERM hands over without a lost ask', { skip, timeout: 60_000 }, async (t) => {
  const { driver, victim, other, first } = await trio(t)
  await driver.ask({ verb: 'load', ids, inFlight, leastCount: 2_000 })
  const startedAt = performance.now()
  victim.signal('SIGTERM')
  t.equal(await victim.exited, 0, 'it ends by itself')
  const leftMs = Math.round(performance.now() - startedAt)
  const book = await driver.ask({ verb: 'unload' })
  t.comment(`left after ${leftMs} ms; ${said(book)}`)
  t.same(book.errors, {}, 'no ask is lost')
  t.same(await ownedBy(other, 'n2'), [], 'it owns nothing')
  checkTotals(t, await other.ask({ verb: 'read', ids, timeoutMs: 5_000 }), [first, book])
})

t.test(
  'process cluster – strict entities freeze without nats-server and go on by themselves',
  { skip, timeout: 90_000 },
  async (t) => {
    const { server, driver, victim, other, first } = await trio(t)
    const before = await driver.ask({ verb: 'where', ids })
    await driver.ask({ verb: 'load', ids, inFlight, leastCount: 2_000 })
    await server.kill()
    const nodes = [driver, victim, other]
    const statuses = () => Promise.all(nodes.map(async (node) => (await node.ask({ verb: 'status' })).status))
    await eventually(
      'all freeze',
      async () => (await statuses()).every((status) => status === 'frozen') || undefined,
    )
    await server.restart()
    await eventually(
      'all are ready',
      async () => (await statuses()).every((status) => status === 'ready') || undefined,
      30_000,
    )
    const { firstMs, allMs } = await other.ask({ verb: 'read', ids, timeoutMs: 10_000 })
    const book = await driver.ask({ verb: 'unload' })
    t.comment(
      `after all are ready the first answers after ${firstMs} ms, all after ${allMs} ms; ${said(book)}`,
    )
    checkTotals(t, await other.ask({ verb: 'read', ids, timeoutMs: 5_000 }), [first, book])
    const after = await driver.ask({ verb: 'where', ids })
    const moved = ids.filter((id) => after[id]?.owner !== before[id]?.owner)
    t.same(moved.slice(0, 5), [], 'nothing moves')
  },
)

t.test(
  'process cluster – a node that joins gets what is new, and takes nothing away',
  { skip, timeout: 60_000 },
  async (t) => {
    const server = await startNatsServer(t)
    const cluster = new ProcessCluster(t, { servers: server.url })
    const [a, b] = await Promise.all([cluster.start('n1'), cluster.start('n2')])
    const [old, fresh] = [ids.slice(0, 200), ids.slice(200, 600)]
    await a.ask({ verb: 'add', ids: old, inFlight })
    const c = await cluster.start('n3')
    await eventually('all see it', async () => {
      const seen = await Promise.all([a, b].map((node) => node.ask({ verb: 'status' })))
      return (
        seen.every(({ members }) =>
          members.some(({ node, status }) => node === 'n3#1' && status === 'ready'),
        ) || undefined
      )
    })
    const book = await c.ask({ verb: 'add', ids: fresh, inFlight })
    t.equal(book.count, fresh.length)
    t.same(await ownedBy(a, 'n3', old), [], 'what began before stays')
    const owned = await ownedBy(a, 'n3', fresh)
    t.comment(`${owned.length} of ${fresh.length} new ones begin on it`)
    t.ok(owned.length > fresh.length / 5, 'it gets its share of the new ones')
  },
)

type Scribe = ChildNode<ScribeRequest, ScribeAnswers>
const scribeMain = join(import.meta.dirname, '../../dist/test/fixtures/singleton-node.js')

/** Three nodes with one singleton, and the lines that it has written so far, whoever it was. */
const office = async (t: Test) => {
  const server = await startNatsServer(t)
  const file = join(t.testdir({ lines: '' }), 'lines')
  const nodes: Scribe[] = []
  t.teardown(() => Promise.all(nodes.map((node) => node.kill())))
  for (const name of ['n1', 'n2', 'n3'])
    await startChildNode<ScribeRequest, ScribeAnswers>(
      scribeMain,
      { name, servers: server.url, file },
      (node) => {
        nodes.push(node)
      },
    )
  const first = await (nodes[0] as Scribe).ask({ verb: 'who' })
  const runner = nodes.find(({ name }) => name === first) as Scribe
  const other = nodes.find(({ name }) => name !== first) as Scribe
  const lines = (): string[] => readFileSync(file, 'utf8').trim().split('\n')
  /** Nobody wrote after somebody else had begun. */
  const turns = (): string[] => {
    const names = lines().map((line) => line.slice(0, 2))
    return names.filter((name, i) => i === 0 || names[i - 1] !== name)
  }
  return { nodes, first, runner, other, lines, turns }
}

t.test(
  'process cluster – SIGKILL: a singleton begins elsewhere, when the lease is over',
  { skip },
  async (t) => {
    const { first, runner, other, turns } = await office(t)
    const startedAt = performance.now()
    await runner.kill()
    const second = await other.ask({ verb: 'who' })
    const tookMs = Math.round(performance.now() - startedAt)
    t.comment(`${first} was killed, ${second} answers after ${tookMs} ms`)
    t.not(second, first)
    t.ok(tookMs < deadlineMs, 'within the deadline')
    t.same(turns(), [first, second])
  },
)

t.test('process cluster – SIGSTOP: a singleton that thaws late has not acted again', { skip }, async (t) => {
  const { first, runner, other, lines, turns } = await office(t)
  runner.signal('SIGSTOP')
  const startedAt = performance.now()
  const second = await other.ask({ verb: 'who' })
  t.comment(`${first} was frozen, ${second} answers after ${Math.round(performance.now() - startedAt)} ms`)
  t.not(second, first)
  // Its timer is overdue: it is among the first things that the thawed process does.
  const before = lines().length
  runner.signal('SIGCONT')
  // What it asks first may go down with its old incarnation.
  const seen = await eventually('the thawed node finds it', () =>
    runner.ask({ verb: 'who' }).catch(() => undefined),
  )
  t.equal(seen, second)
  await eventually('it writes on', () => lines().length > before + 50 || undefined)
  t.same(turns(), [first, second])
})

t.test(
  'process cluster – a singleton ends on a node that leaves, then begins elsewhere',
  { skip },
  async (t) => {
    const { first, runner, other, lines, turns } = await office(t)
    const left = runner.ask({ verb: 'stop' })
    const startedAt = performance.now()
    let second = first
    while (second === first) second = await other.ask({ verb: 'who' })
    t.comment(`${first} leaves, ${second} answers after ${Math.round(performance.now() - startedAt)} ms`)
    await left
    t.same(turns(), [first, second])
    t.equal(lines().filter((line) => line.endsWith('stops')).length, 1)
  },
)
