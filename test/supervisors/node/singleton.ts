/** One actor for the whole cluster: on one node at a time, whatever happens to nodes. */
import * as io from 'io-ts'
import t from 'tap'
import type { ConfigInput } from '../../../lib/config.js'
import {
  act,
  behavior,
  message,
  next,
  nodeProtocol,
  reply,
  type Self,
  singleton,
  startNode,
  supervisor,
  type TumenNode,
  worker,
} from '../../../supervisors/index.js'
import { VirtualCluster } from '../../fixtures/promises.js'

const Clerk = nodeProtocol('clerk', {
  Who: message().replies(io.string),
  Crash: message(),
  Tick: message(),
  Slow: message({ ms: io.number }).replies(io.string),
})

/** What the clerks of all nodes did, in order. */
class Office {
  readonly log: string[] = []
  readonly cluster: VirtualCluster
  /** How many run at this moment. */
  running = 0
  most = 0
  stopMs = 0

  constructor(t: { teardown(run: () => unknown): unknown }, config: ConfigInput = {}) {
    this.cluster = new VirtualCluster(() => this.tree(), config)
    t.teardown(() => this.cluster.end())
  }
  tree() {
    const pause = (ms: number) => new Promise<void>((done) => this.cluster.clock.after(ms, done))
    const clerk = behavior(Clerk, {
      init: (self: Self<'clerk'>): string => {
        this.running++
        this.most = Math.max(this.most, this.running)
        const { name } = self.node
        this.log.push(`${name} begins`)
        self.tell(Clerk.Tick())
        self.node.monitor(self, () => {
          this.running--
          this.log.push(`${name} ended`)
        })
        return name
      },
      on: {
        Who: (name) => reply(name, name),
        Crash: () => {
          throw new Error('boom')
        },
        Tick: (name) => next(name, act.after(10, Clerk.Tick(), 'tick')),
        Slow: async (name, { ms }) => {
          await pause(ms)
          return reply(name, name)
        },
      },
      onStop: async (name) => {
        await pause(this.stopMs)
        this.log.push(`${name} stops`)
      },
    })
    return supervisor('root', { intensity: 100 }, [singleton(clerk)])
  }
  async start(...names: string[]): Promise<TumenNode[]> {
    const nodes: TumenNode[] = []
    for (const name of names) nodes.push(await this.cluster.start(name))
    await this.cluster.until(() => this.running === 1, 'it begins')
    return nodes
  }
  who(node: TumenNode): Promise<string> {
    return this.cluster.run(node.singleton(Clerk).ask(Clerk.Who(), { timeoutMs: 30_000 }))
  }
}

t.test('singleton – one runs, unasked, on one node, and is reached from each', async (t) => {
  const office = new Office(t)
  const nodes = await office.start('n1', 'n2', 'n3')
  office.cluster.clock.advance(3_000)
  t.equal(office.log.length, 1, office.log.join())
  const names = new Set<string>()
  for (const node of nodes) names.add(await office.who(node))
  t.equal(names.size, 1)
  const [name] = names
  for (const node of nodes) {
    t.match(node.where(Clerk).owner, new RegExp(`^${name}#`))
    t.equal(node.where(Clerk).isHere, node.name === name)
    t.match(node.status().singletons, [{ kind: 'clerk', isHere: node.name === name }])
    t.equal(node.tree().children[0]?.count, node.name === name ? 1 : 0)
  }
})

t.test('singleton – a crash is its supervisor’s matter: it begins again where it was', async (t) => {
  const office = new Office(t)
  const [n1] = (await office.start('n1', 'n2')) as [TumenNode]
  const before = await office.who(n1)
  n1.singleton(Clerk).tell(Clerk.Crash())
  await office.cluster.until(() => office.log.length === 3, 'it begins again')
  t.same(office.log.toSorted(), [`${before} begins`, `${before} begins`, `${before} ended`])
  t.equal(await office.who(n1), before)
})

t.test('singleton – a monitor of it, set anywhere, says the end of its present life', async (t) => {
  const office = new Office(t)
  const nodes = await office.start('n1', 'n2', 'n3')
  const name = await office.who(nodes[0] as TumenNode)
  const heard: string[] = []
  for (const node of nodes)
    node.monitor(node.singleton(Clerk), ({ reason }) => heard.push(`${node.name} ${reason.tag}`))
  const runner = nodes.find((node) => node.name === name) as TumenNode
  const held = () => runner.status().counters['monitors_held_count']
  await office.cluster.until(() => held() === 3, 'three monitors')
  runner.singleton(Clerk).tell(Clerk.Crash())
  await office.cluster.until(() => heard.length === 3, 'three ends')
  t.same(heard.toSorted(), ['n1 crash', 'n2 crash', 'n3 crash'])
})

t.test('singleton – when its node leaves it ends there before it begins elsewhere; asks wait', async (t) => {
  const office = new Office(t, { drainMs: 2_000 })
  office.stopMs = 200
  const nodes = await office.start('n1', 'n2', 'n3')
  const before = await office.who(nodes[0] as TumenNode)
  const leaver = nodes.find(({ name }) => name === before) as TumenNode
  const stayer = nodes.find(({ name }) => name !== before) as TumenNode
  const slow = stayer.singleton(Clerk).ask(Clerk.Slow({ ms: 50 }), { timeoutMs: 30_000 })
  office.cluster.clock.advance(20)
  const left = leaver.stop()
  const asks = Array.from({ length: 20 }, () => office.who(stayer))
  t.equal(await office.cluster.run(slow), before, 'what was in hand is finished')
  const answers = await office.cluster.run(Promise.all(asks))
  t.equal(answers.length, 20, 'none fails')
  await office.cluster.run(left)
  const after = await office.who(stayer)
  t.not(after, before)
  t.same(office.log, [`${before} begins`, `${before} stops`, `${before} ended`, `${after} begins`])
  t.equal(office.most, 1)
})

t.test('singleton – cut off it ends before its lease does, and begins elsewhere after that', async (t) => {
  const office = new Office(t)
  const nodes = await office.start('n1', 'n2', 'n3')
  const before = await office.who(nodes[0] as TumenNode)
  const stayer = nodes.find(({ name }) => name !== before) as TumenNode
  const heard: string[] = []
  stayer.monitor(stayer.singleton(Clerk), ({ reason }) => heard.push(reason.tag))
  office.cluster.clock.advance(100)
  office.cluster.transport.faults.disconnect(before)
  const after = await office.who(stayer)
  await office.cluster.until(() => heard.length > 0, 'its monitor says so')
  t.same(heard, ['noconnection'])
  t.not(after, before)
  t.same(office.log, [`${before} begins`, `${before} ended`, `${after} begins`])
  office.cluster.transport.faults.heal()
  office.cluster.clock.advance(10_000)
  t.equal(await office.who(nodes.find(({ name }) => name === before) as TumenNode), after, 'the other side')
  t.equal(office.most, 1)
})

t.test('singleton – again and again cut off, never two at a time', async (t) => {
  const office = new Office(t)
  const nodes = await office.start('n1', 'n2', 'n3')
  const { faults } = office.cluster.transport
  for (let i = 0; i < 6; i++) {
    const name = nodes[i % 3]?.name as string
    if (i % 2 === 0) faults.disconnect(name)
    else faults.cutRecords(name)
    office.cluster.clock.advance(1_500 * (1 + (i % 5)))
    faults.heal()
    office.cluster.clock.advance(3_000)
  }
  office.cluster.clock.advance(15_000)
  await office.who(nodes[0] as TumenNode)
  t.equal(office.running, 1)
  t.equal(office.most, 1, office.log.join())
})

t.test(
  'singleton – not beside another actor of its protocol, nor below one that is added later',
  async (t) => {
    const clerk = behavior(Clerk, {
      init: () => '',
      on: {
        Who: (name) => reply(name, name),
        Crash: (name) => next(name),
        Tick: (name) => next(name),
        Slow: (name) => reply(name, name),
      },
    })
    const tree = supervisor('root', {}, [singleton(clerk), worker('other', clerk)])
    await t.rejects(startNode({ cluster: 'c', tree }), { code: 'InvalidTree', message: /shares the tree/ })
    t.throws(() => singleton(clerk, { rule: 'game' } as never), { message: /"rule" is not an option/ })
  },
)
