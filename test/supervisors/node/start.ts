import t from 'tap'
import * as io from 'io-ts'
import {
  behavior,
  entities,
  id,
  kind,
  memory,
  message,
  mirrored,
  next,
  nodeProtocol,
  protocol,
  refuse,
  refused,
  reply,
  startNode,
  supervisor,
  topic,
  worker,
} from '../../../supervisors/index.js'

const CounterId = id('CounterId')
const Counter = protocol('counter', CounterId, {
  Add: message({ n: io.number }).replies(io.number),
  Take: message({ n: io.number }).replies(io.number).refuses(io.literal('TOO_FEW')),
  Bump: message(),
  Fall: message(),
  Total: message().reads(io.number),
})
const counter = kind(Counter, {
  activate: 'first-message',
  state: mirrored(io.number),
  init: () => 0,
  on: {
    Add: (total, { n }) => reply(total + n, total + n),
    Take: (total, { n }) => (n > total ? refuse('TOO_FEW') : reply(total - n, total - n)),
    Bump: (total) => next(total + 1),
    Fall: () => {
      throw new Error('fell')
    },
    Total: (total) => total,
  },
})
const Greeter = nodeProtocol('greeter', {
  Count: message().reads(io.number),
  Who: message().replies(io.string),
})
const Hello = topic.origin('hello', io.type({ n: io.number }))
const greeter = behavior(Greeter, {
  init: () => 0,
  on: { Count: (count) => count, Who: (count, _, self) => reply(count, self.node.name) },
}).hears(Hello, (count, _, from) => next(from.isHere ? count + 1 : count))
const tree = () => supervisor('root', {}, [entities(counter), worker('greeter', greeter)])

t.test('startNode – three nodes in this process', async (t) => {
  const transport = memory()
  const start = (name: string) => startNode({ cluster: 'trio', name, transport, tree: tree() })
  const nodes = await Promise.all(['n1', 'n2', 'n3'].map(start))
  t.teardown(() => Promise.all(nodes.map((node) => node.stop({ drainMs: 0 }))))
  const [n1, n2, n3] = nodes as [(typeof nodes)[0] & {}, (typeof nodes)[0] & {}, (typeof nodes)[0] & {}]
  const kills = CounterId('kills')
  t.equal(await n1.ref(Counter, kills).ask(Counter.Add({ n: 2 })), 2)
  t.equal(await n2.ref(Counter, kills).ask(Counter.Add({ n: 3 })), 5)
  n3.ref(Counter, kills).tell(Counter.Bump())
  t.equal(await n3.ref(Counter, kills).ask(Counter.Total()), 6)
  const error = await n1
    .ref(Counter, kills)
    .ask(Counter.Take({ n: 9 }))
    .catch((e: unknown) => e)
  t.ok(refused(error, Counter.Take), 'refused')
  n1.ref(Counter, kills).tell(Counter.Fall())
  t.equal(await n2.ref(Counter, kills).ask(Counter.Total()), 6, 'a crash loses nothing')
  t.equal((await n1.spawn(counter, CounterId('new'))).outcome, 'started')
  t.equal((await n2.spawn(counter, CounterId('new'))).outcome, 'already-started')
  n1.publish(Hello, { n: 1 })
  t.equal(await n1.remote('n2', Greeter).ask(Greeter.Who()), 'n2')
  t.equal(await n1.local(Greeter).ask(Greeter.Count()), 1)
  t.equal(await n2.local(Greeter).ask(Greeter.Count()), 0, 'only where it happened')
  t.match(n1.where(Counter, kills), { kind: 'counter', id: 'kills', mirrors: [/#1$/] })
  t.equal(n2.status().members.length, 3)
  const where = n1.where(Counter, kills)
  const owner = nodes.find((node) => node.id === where.owner)
  const other = nodes.find((node) => node !== owner)
  await owner?.stop()
  t.equal(await other?.ref(Counter, kills).ask(Counter.Total()), 6, 'handed over')
})
