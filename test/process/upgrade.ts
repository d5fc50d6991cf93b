import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { MemberStatus } from '../../lib/api/status.js'
import { type ChildNode, startChildNode } from '../fixtures/child-node.js'
import { eventually, hasNatsServer, startNatsServer } from '../fixtures/nats-server.js'
import type { Load, Request } from '../fixtures/upgrade/node.js'
import { earlier, installReleases, present } from '../fixtures/upgrade/releases.js'

const skip = hasNatsServer() ? false : 'not a machine with nats-server: install it to run these'
const main = join(import.meta.dirname, '../../dist/test/fixtures/upgrade/node.js')
const ids = Array.from({ length: 600 }, (_, i) => `c${i}`)
const few = ids.slice(0, 40)

t.setTimeout(180_000)

type Answers = {
  load: null
  unload: Load
  totals: Record<string, number>
  reset: string
  owners: Record<string, string | null>
  members: readonly MemberStatus[]
  stop: null
}
type Game = ChildNode<Request, Answers>

const mixed = async (t: Test) => {
  const server = await startNatsServer(t)
  const folders = installReleases(t)
  const running: Game[] = []
  t.teardown(() => Promise.all(running.map((node) => node.kill())))
  const start = (name: string, release: 'earlier' | 'present', game: 1 | 2): Promise<Game> =>
    startChildNode<Request, Answers>(
      main,
      { tumen: folders[release], game, name, servers: server.url },
      (node) => running.push(node),
    )
  return { start }
}
const leave = async (node: Game): Promise<void> => {
  node.signal('SIGTERM')
  await node.exited
}
const ownedBy = (owners: Record<string, string | null>, name: string): string[] =>
  ids.filter((id) => owners[id]?.startsWith(`${name}#`))

t.test(
  'G12 every node is replaced by one of the next release, under load, and nothing is lost',
  { skip, timeout: 120_000 },
  async (t) => {
    const { start } = await mixed(t)
    const old = await Promise.all(['a', 'b', 'c'].map((name) => start(name, 'earlier', 1)))
    const driver = await start('driver', 'earlier', 1)
    await driver.ask({ verb: 'load', ids, inFlight: 32 })
    const fresh: Game[] = []
    for (const node of old) {
      fresh.push(await start(`${node.name}2`, 'present', 1))
      await leave(node)
    }
    const second = await start('driver2', 'present', 1)
    await second.ask({ verb: 'load', ids, inFlight: 32 })
    await eventually('the new driver is heard', async () => {
      const totals = await second.ask({ verb: 'totals', ids: few })
      return few.every((id) => (totals[id] ?? 0) > 0) || undefined
    })
    const books = [await driver.ask({ verb: 'unload' }), await second.ask({ verb: 'unload' })]
    await leave(driver)
    t.same(
      books.map(({ errors }) => errors),
      [{}, {}],
      'no ask failed',
    )
    const longestMs = Math.max(...books.map((book) => book.longestMs))
    const sum = (id: string): number => books.reduce((n, book) => n + (book.acknowledged[id] ?? 0), 0)
    t.comment(`${ids.reduce((n, id) => n + sum(id), 0)} adds, the longest took ${longestMs} ms`)
    t.ok(longestMs < 5_000, 'nothing stalls')
    const totals = await second.ask({ verb: 'totals', ids })
    t.same(
      ids.filter((id) => totals[id] !== sum(id)),
      [],
      'each total is what was acknowledged',
    )
    const members = await eventually('only the new ones are left', async () => {
      const members = await second.ask({ verb: 'members' })
      return members.length === 4 ? members : undefined
    })
    t.same(new Set(members.map(({ release }) => release)), new Set([present]), 'all run this release')
  },
)

t.test(
  'upgrade – while two releases run, what only one of them knows is an error with a name',
  { skip, timeout: 60_000 },
  async (t) => {
    const { start } = await mixed(t)
    const [before, after] = await Promise.all([start('before', 'earlier', 1), start('after', 'present', 2)])
    await after.ask({ verb: 'load', ids, inFlight: 32 })
    await eventually('both own some and all have begun', async () => {
      const totals = await before.ask({ verb: 'totals', ids })
      const owners = await after.ask({ verb: 'owners', ids })
      const isShared = ownedBy(owners, 'before').length > 0 && ownedBy(owners, 'after').length > 0
      return (isShared && ids.every((id) => (totals[id] ?? 0) > 0)) || undefined
    })
    const book = await after.ask({ verb: 'unload' })
    t.same(book.errors, {}, 'a field that the earlier game does not know is ignored')
    const owners = await before.ask({ verb: 'owners', ids })
    const [theirs = ''] = ownedBy(owners, 'before')
    const [ours = ''] = ownedBy(owners, 'after')
    t.equal(await after.ask({ verb: 'reset', id: theirs }), 'Malformed', 'a message that it does not know')
    t.equal(await after.ask({ verb: 'reset', id: ours }), 'ok', 'and one that knows it')
    t.not(earlier, present, 'these are two releases')
  },
)
