/** The same counter across three nodes: any node finds it, and when its owner leaves it is handed over. */
import { entities, id, kind, memory, message, mirrored, protocol, reply, startNode, supervisor } from 'tumen'
import * as t from 'io-ts'

const CounterId = id('CounterId')

const Counter = protocol('counter', CounterId, {
  Add: message({ n: t.number }).replies(t.number),
  Total: message().reads(t.number),
})

const counter = kind(Counter, {
  activate: 'first-message',
  state: mirrored(t.number),
  init: () => 0,
  on: {
    Add: (total, { n }) => reply(total + n, total + n),
    Total: (total) => total,
  },
})

const tree = () => supervisor('root', {}, [entities(counter)])
const network = memory()
const start = (name: string) => startNode({ cluster: 'three', name, transport: network, tree: tree() })
const nodes = await Promise.all(['n1', 'n2', 'n3'].map(start))

// Whoever asks: there is one counter, and it has heard everyone.
const kills = CounterId('kills')
for (const node of nodes) await node.ref(Counter, kills).ask(Counter.Add({ n: 1 }))

const owners = new Set<string | undefined>()
for (const node of nodes) {
  console.log(`${node.name} reads ${await node.ref(Counter, kills).ask(Counter.Total())}`)
  owners.add(node.where(Counter, kills).owner)
}
console.log(`owned by ${owners.size} node`)

// Its owner leaves in order: the counter is handed over with its state.
const owner = nodes.find((node) => node.where(Counter, kills).isHere)
const others = nodes.filter((node) => node !== owner)
await owner?.stop()
for (const node of others) await node.ref(Counter, kills).ask(Counter.Add({ n: 1 }))
console.log(`after its owner left: ${await others[0]?.ref(Counter, kills).ask(Counter.Total())}`)

await Promise.all(others.map((node) => node.stop()))
