import * as io from 'io-ts'
import t from 'tap'
import {
  act,
  entities,
  id,
  kind,
  message,
  mirrored,
  type NodeEvent,
  protocol,
  reply,
  supervisor,
  topic,
  type TumenNode,
} from '../../supervisors/index.js'
import { testCluster } from '../../supervisors/testing.js'
import { VirtualCluster } from '../fixtures/promises.js'
import { Tally, tally, TallyId } from '../fixtures/tally.js'

const LogId = id('LogId')
const Written = topic.origin('written', io.type({ op: io.string }))
const Log = protocol('log', LogId, {
  Write: message({ op: io.string }).replies(io.number),
  All: message().reads(io.array(io.string)),
})
/** Strict, and says aloud what it does. */
const log = kind(Log, {
  activate: 'first-message',
  state: mirrored(io.array(io.string)),
  init: () => [],
  on: {
    Write: (ops, { op }) => reply([...ops, op], ops.length + 1, act.publish(Written, { op })),
    All: (ops) => ops,
  },
})
const names = ['n1', 'n2', 'n3'] as const
const tree = () => supervisor('root', {}, [entities(log), entities(tally)])

t.test(
  'G4 what a frozen owner handles after its lease has no effect outside, and its life is over',
  async (t) => {
    const c = await testCluster(t, { nodes: [...names], tree })
    const at = LogId('one')
    const write = (by: (typeof names)[number], op: string) =>
      c.node[by].ref(Log, at).ask(Log.Write({ op }), { timeoutMs: 20_000 })
    await write('n1', 'before')
    const owner = names.find((name) => c.node[name].where(Log, at).isHere) ?? 'n1'
    const other = names.find((name) => name !== owner) ?? 'n1'
    const heard: string[] = []
    c.node[other].subscribe(Written, ({ op }, from) =>
      heard.push(`${op} from ${from.node}#${from.incarnation}`),
    )
    const began = c.node[owner].id
    c.freeze(owner)
    // Waits in its sockets, and is the first thing that it sees afterwards.
    const asked = [1, 2, 3].map((i) => write(other, `while frozen ${i}`))
    // Its own callers too: these are in its memory.
    const own = [1, 2].map((i) => write(owner, `its own ${i}`).catch(() => 0))
    await c.waitUntil('others have answered', async () => (await Promise.all(asked)).length === 3, {
      deadlineMs: 20_000,
    })
    await c.advance(5_000)
    c.thaw(owner)
    await c.waitUntil(
      'it is back as another one',
      () => c.node[owner].id !== began && c.node[owner].status().status === 'ready',
    )
    await c.waitUntil('its callers are answered', async () => (await Promise.all(own)).length === 2, {
      deadlineMs: 25_000,
    })
    t.same(
      heard.filter((line) => line.endsWith(`from ${began}`)),
      [],
      'nothing comes from the old life',
    )
    const all = await c.node[other].ref(Log, at).ask(Log.All())
    t.same([...all].sort(), [...new Set(all)].sort(), 'nothing is done twice')
    t.ok(
      [1, 2, 3].every((i) => all.includes(`while frozen ${i}`)),
      'what was acknowledged is there',
    )
    t.equal(heard.length, all.length - 1, 'each write was heard once, but for the first')
  },
)

const others = (node: string): string[] => names.filter((name) => name !== node)
const cuts: Readonly<Record<string, (c: VirtualCluster, node: string) => void>> = {
  'its frames reach nobody': (c, node) =>
    others(node).forEach((name) => {
      c.transport.faults.cut(node, name)
    }),
  'no frames reach it': (c, node) =>
    others(node).forEach((name) => {
      c.transport.faults.cut(name, node)
    }),
  'it reaches the records and no peer': (c, node) =>
    c.transport.faults.split(
      [node],
      names.filter((name) => name !== node),
    ),
  'it reaches its peers and no record': (c, node) => c.transport.faults.cutRecords(node),
  'it reaches nothing': (c, node) => c.transport.faults.disconnect(node),
}
for (const [what, cut] of Object.entries(cuts)) {
  t.test(`G5 a node is cut off: ${what}`, async (t) => {
    const c = new VirtualCluster(tree)
    t.teardown(() => c.end())
    const nodes: TumenNode[] = []
    for (const name of names) nodes.push(await c.start(name))
    c.clock.advance(3_000)
    const [n1, , n3] = nodes as [TumenNode, TumenNode, TumenNode]
    const given = { timeoutMs: 25_000 }
    const write = (node: TumenNode, one: string, op: string) =>
      node.ref(Log, LogId(one)).ask(Log.Write({ op }), given)
    const add = (node: TumenNode, one: string, op: string) =>
      node.ref(Tally, TallyId(one)).ask(Tally.Add({ op }), given)
    const ids = Array.from({ length: 24 }, (_, i) => `e${i}`)
    const each = <T>(ask: (one: string) => Promise<T>): Promise<T[]> => c.run(Promise.all(ids.map(ask)))
    await each((one) => write(n1, one, 'before'))
    await each((one) => add(n1, one, 'before'))
    cut(c, 'n3')
    const strict = each((one) =>
      write(n1, one, 'there').then(
        () => one,
        () => null,
      ),
    )
    t.equal((await each((one) => add(n3, one, 'here'))).length, ids.length, 'available ones are served here')
    t.equal((await each((one) => add(n1, one, 'there'))).length, ids.length, 'and there')
    const acknowledged = new Set(await strict)
    c.transport.faults.heal()
    await c.until(
      () => nodes.every((node) => node.status().status === 'ready' && node.status().members.length === 3),
      'all are back',
    )
    for (const node of nodes) {
      const logs = await each((one) => node.ref(Log, LogId(one)).ask(Log.All(), given))
      const lost = ids.filter((one, i) => acknowledged.has(one) && logs[i]?.includes('there') !== true)
      t.same(lost, [], 'nothing acknowledged is lost')
      t.same(
        logs.filter((ops) => new Set(ops).size !== ops.length),
        [],
        'nothing is done twice',
      )
    }
    let states: readonly { ops: string[] }[] = []
    for (
      let i = 0;
      (i < 50 && !states.every(({ ops }) => ops.includes('here') && ops.includes('there'))) || i === 0;
      i++
    ) {
      c.clock.advance(200)
      states = await each((one) => n1.ref(Tally, TallyId(one)).ask(Tally.Read(), given))
    }
    t.same(
      states.filter(({ ops }) => !(ops.includes('here') && ops.includes('there'))),
      [],
      'both sides are merged',
    )
  })
}

t.test(
  'G15 after a split the higher epoch goes on, the loser is told who that is, and one lives',
  async (t) => {
    const c = new VirtualCluster(tree)
    t.teardown(() => c.end())
    const events: NodeEvent[] = []
    const nodes: TumenNode[] = []
    for (const name of names) nodes.push(await c.start(name))
    c.clock.advance(3_000)
    const [n1, , n3] = nodes as [TumenNode, TumenNode, TumenNode]
    n3.listen((event) => events.push(event))
    const add = (node: TumenNode, one: string, op: string) =>
      c.run(node.ref(Tally, TallyId(one)).ask(Tally.Add({ op }), { timeoutMs: 20_000 }))
    let one = ''
    for (let i = 0; one === ''; i++) {
      await add(n1, `x${i}`, 'before')
      if (n3.where(Tally, TallyId(`x${i}`)).isHere) one = `x${i}`
    }
    const before = n3.where(Tally, TallyId(one)).epoch
    c.transport.faults.disconnect('n3')
    await add(n3, one, 'here')
    await add(n1, one, 'there')
    await c.until(() => !n1.where(Tally, TallyId(one)).owner?.startsWith('n3'), 'another one owns it')
    const winner = n1.where(Tally, TallyId(one))
    t.ok(winner.epoch > before, 'under a higher epoch')
    c.transport.faults.heal()
    await c.until(() => events.some(({ tag }) => tag === 'SideCopyEnded'), 'the loser has ended')
    const told = events.filter(({ tag }) => tag === 'NameConflict')
    t.match(told, [{ fields: { address: `tally/${one}`, winner: winner.owner, epoch: winner.epoch } }])
    t.match(told[0]?.sentence, new RegExp(`${winner.owner} goes on with it, epoch ${winner.epoch}`))
    await c.until(() => n3.status().status === 'ready', 'the loser is a member again')
    for (const node of nodes) {
      t.match(
        node.where(Tally, TallyId(one)),
        { owner: winner.owner, epoch: winner.epoch },
        'all see one owner',
      )
      const { ops } = await c.run(node.ref(Tally, TallyId(one)).ask(Tally.Read()))
      t.ok(
        ['before', 'here', 'there'].every((op) => ops.includes(op)),
        'with what both sides took',
      )
      t.ok(ops.includes(`lost to epoch ${winner.epoch}`), 'and what the loser did at its end')
    }
  },
)
