import t from 'tap'
import { Cluster } from '../../bin/cluster.js'
import type { NodeHandle } from '../../bin/handle.js'

interface Puppet extends NodeHandle {
  end(how: string): void
}
const puppet = (name: string, did: string[]): Puppet => {
  let end: (how: string) => void = () => {}
  const ended = new Promise<string>((resolve) => {
    end = resolve
  })
  return {
    name,
    pid: 1,
    info: {},
    ended,
    end,
    perform: async (verb) => `${name} ${verb}`,
    stop: async () => {
      did.push(`stop ${name}`)
      end('exit code 0')
    },
    kill: () => {
      did.push(`kill ${name}`)
      end('SIGKILL')
    },
  }
}

const start = async (t: { teardown(fn: () => Promise<void>): unknown }) => {
  const did: string[] = []
  const said: string[] = []
  const puppets: Puppet[] = []
  let change: () => void = () => {}
  const cluster = new Cluster({
    names: ['n1', 'n2'],
    start: async (name) => {
      did.push(`start ${name}`)
      const made = puppet(name, did)
      puppets.push(made)
      return made
    },
    say: (line) => said.push(line),
    onChange: () => change(),
  })
  t.teardown(() => cluster.stopAll())
  await cluster.startAll()
  const changed = () =>
    new Promise<void>((resolve) => {
      change = resolve
    })
  return { cluster, did, said, puppets, changed }
}

t.test(
  'cluster - a node that ended by itself is started again, one that was told to leave is not',
  async (t) => {
    const { cluster, did, said, puppets, changed } = await start(t)
    puppets[0]?.end('exit code 1')
    await changed()
    t.same(
      cluster.nodes().map(({ isUp }) => isUp),
      [false, true],
    )
    await changed()
    t.same(did, ['start n1', 'start n2', 'start n1'])
    t.same(said, ['Node n1 ended (exit code 1); it is started again.'])
    await cluster.drain('n2')
    t.same(did.slice(3), ['stop n2'])
    t.equal(said.length, 1)
  },
)

t.test('cluster - a node that is held stays away until it is started', async (t) => {
  const { cluster, did } = await start(t)
  await cluster.kill('n1', true)
  t.same(did.slice(2), ['kill n1'])
  await t.rejects(cluster.perform('n1', 'status', null), { message: 'Node n1 does not run.' })
  t.equal(await cluster.perform(undefined, 'status', null), 'n2 status')
  await cluster.start('n1')
  t.equal(await cluster.perform('n1', 'status', null), 'n1 status')
  await t.rejects(cluster.start('n1'), { message: 'Node n1 runs already.' })
})

t.test('cluster - an unknown node is named with the nearest one', async (t) => {
  const { cluster } = await start(t)
  await t.rejects(cluster.drain('n22'), { message: /No node "n22" .* did you mean n2\? It started n1, n2\./ })
})

t.test('cluster - when one node does not start, those that did are ended', async (t) => {
  const did: string[] = []
  const cluster = new Cluster({
    names: ['n1', 'n2'],
    start: async (name) => {
      if (name === 'n2') throw new Error('no port')
      return puppet(name, did)
    },
    say: () => {},
    onChange: () => {},
  })
  await t.rejects(cluster.startAll(), { message: 'no port' })
  t.same(did, ['stop n1'])
})
