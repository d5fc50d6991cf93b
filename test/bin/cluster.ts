import t from 'tap'
import { Cluster } from '../../bin/cluster.js'
import type { NodeHandle } from '../../bin/handle.js'
import { VirtualClock } from '../../lib/std/virtual-clock.js'

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

/** What was promised by now has been done. */
const turns = () => new Promise((resolve) => setImmediate(resolve))

const start = async (t: { teardown(fn: () => Promise<void>): unknown }) => {
  const did: string[] = []
  const said: string[] = []
  const puppets: Puppet[] = []
  const broken = new Set<string>()
  const clock = new VirtualClock()
  let change: () => void = () => {}
  const cluster = new Cluster({
    names: ['n1', 'n2'],
    start: async (name) => {
      did.push(`start ${name}`)
      if (broken.has(name)) throw new Error(`no room for ${name}.`)
      const made = puppet(name, did)
      puppets.push(made)
      return made
    },
    say: (line) => said.push(line),
    onChange: () => change(),
    startCommand: (name) => `tumen start ${name}`,
    clock,
  })
  t.teardown(() => cluster.stopAll())
  await cluster.startAll()
  const changed = () =>
    new Promise<void>((resolve) => {
      change = resolve
    })
  return { cluster, did, said, puppets, changed, broken, clock }
}

t.test(
  'cluster - a node that ended by itself is started again, one that was told to leave is not',
  async (t) => {
    const { cluster, did, said, puppets, changed, clock } = await start(t)
    puppets[0]?.end('exit code 1')
    await changed()
    t.same(
      cluster.nodes().map(({ isUp }) => isUp),
      [false, true],
    )
    const again = changed()
    clock.advance(1_000)
    await again
    t.same(did, ['start n1', 'start n2', 'start n1'])
    t.equal(said[0], 'Node n1 ended (exit code 1); it is started again.')
    await cluster.drain('n2', false)
    t.same(did.slice(3), ['stop n2'])
    t.equal(said.at(-1), 'Node n2 has left: tumen start n2 starts it again.')
  },
)

t.test('cluster - a node that was told to leave by a signal is left alone, and that is said', async (t) => {
  const { puppets, did, said, changed } = await start(t)
  const gone = changed()
  puppets[0]?.end('exit code 0')
  await gone
  t.same(said, ['Node n1 has left: tumen start n1 starts it again.'])
  t.equal(did.length, 2)
})

t.test('cluster - one that drained too slowly and was killed for it is not started again', async (t) => {
  const { cluster, puppets, said } = await start(t)
  const [first] = puppets
  if (first !== undefined) first.stop = async () => first.end('SIGKILL')
  await cluster.drain('n1', false)
  await first?.ended
  t.same(said, ['Node n1 has left: tumen start n1 starts it again.'])
})

t.test('cluster - the last node leaves only when that is wanted', async (t) => {
  const { cluster, did } = await start(t)
  await cluster.drain('n1', false)
  await t.rejects(cluster.drain('n2', false), {
    message: /^n2 is the last node: what is only in memory ends with it\. .* tumen drain n2 --last\.$/,
  })
  t.equal(await cluster.perform('n2', 'status', null), 'n2 status', 'it runs on')
  await cluster.drain('n2', true)
  t.same(did.slice(2), ['stop n1', 'stop n2'])
  await cluster.startAndSay('n2')
  t.equal(await cluster.perform('n2', 'status', null), 'n2 status')
})

t.test('cluster - a start that fails is tried again five times a minute and then given up', async (t) => {
  const { did, said, puppets, broken, clock } = await start(t)
  broken.add('n1')
  puppets[0]?.end('SIGKILL')
  for (let i = 0; i < 8; i++) {
    await turns()
    clock.advance(1_000)
  }
  t.equal(did.filter((what) => what === 'start n1').length, 1 + 5)
  t.same(
    [said[0], said[1], said.at(-1)],
    [
      'Node n1 ended (SIGKILL); it is started again.',
      'no room for n1; it is started again.',
      'no room for n1 again and again. It is left alone now: tumen start n1 starts it again.',
    ],
  )
})

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
  await t.rejects(cluster.drain('n22', false), {
    message: /No node "n22" .* did you mean n2\? It started n1, n2\./,
  })
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
    startCommand: (name) => name,
  })
  await t.rejects(cluster.startAll(), { message: 'no port' })
  t.same(did, ['stop n1'])
})
