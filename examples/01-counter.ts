/** A counter on one node: one entity per id, started by its first message. */
import { entities, id, kind, message, mirrored, next, protocol, startNode, supervisor } from 'tumen'
import * as t from 'io-ts'

const CounterId = id('CounterId')

/** What may be said to a counter. */
const Counter = protocol('counter', CounterId, {
  Add: message({ n: t.number }),
  Total: message().reads(t.number),
})

/** What a counter does with it: pure steps from a state and a message to the next state. */
const counter = kind(Counter, {
  activate: 'first-message',
  state: mirrored(t.number),
  init: () => 0,
  on: {
    Add: (total, { n }) => next(total + n),
    Total: (total) => total,
  },
})

const node = await startNode({ cluster: 'hello', tree: supervisor('root', {}, [entities(counter)]) })

const kills = node.ref(Counter, CounterId('kills'))
const deaths = node.ref(Counter, CounterId('deaths'))
kills.tell(Counter.Add({ n: 2 }))
kills.tell(Counter.Add({ n: 3 }))
deaths.tell(Counter.Add({ n: 1 }))

console.log(`kills ${await kills.ask(Counter.Total())}`)
console.log(`deaths ${await deaths.ask(Counter.Total())}`)

await node.stop()
