/** One actor per node: a login is heard on every node, and greeted on the one where it happened. */
import {
  behavior,
  memory,
  message,
  next,
  nodeMessage,
  nodeProtocol,
  startNode,
  supervisor,
  topic,
  worker,
} from 'tumen'
import * as t from 'io-ts'

const LoggedIn = topic.origin('logged-in', t.type({ player: t.string }))

const Greeter = nodeProtocol('greeter', {
  Greeted: message().reads(t.array(t.string)),
  Heard: message().reads(t.number),
  /** Carries a function, so it never leaves its node. */
  Attach: nodeMessage<{ send: (text: string) => void }>(),
})

interface Greetings {
  readonly heard: number
  readonly greeted: readonly string[]
  readonly send: (text: string) => void
}

const greeter = behavior(Greeter, {
  init: (): Greetings => ({ heard: 0, greeted: [], send: () => undefined }),
  on: {
    Greeted: (state) => [...state.greeted],
    Heard: (state) => state.heard,
    Attach: (state, { send }) => next({ ...state, send }),
  },
}).hears(LoggedIn, (state, { player }, from) => {
  const heard = state.heard + 1
  if (!from.isHere) return next({ ...state, heard })
  state.send(`welcome ${player}`)
  return next({ ...state, heard, greeted: [...state.greeted, player] })
})

const network = memory()
const tree = () => supervisor('root', {}, [worker('greeter', greeter)])
const start = (name: string) => startNode({ cluster: 'singleton', name, transport: network, tree: tree() })
const nodes = await Promise.all(['n1', 'n2'].map(start))

for (const node of nodes) {
  node.local(Greeter).tell(Greeter.Attach({ send: (text) => console.log(`${node.name}: ${text}`) }))
}
const [n1, n2] = nodes
n1?.publish(LoggedIn, { player: 'alice' })
n2?.publish(LoggedIn, { player: 'bob' })

// Each hears both, and greets its own.
for (const node of nodes) {
  const here = node.local(Greeter)
  while ((await here.ask(Greeter.Heard())) < 2) await new Promise((resolve) => setImmediate(resolve))
}
for (const node of nodes) {
  console.log(`${node.name} greeted ${(await node.local(Greeter).ask(Greeter.Greeted())).join()}`)
}
await Promise.all(nodes.map((node) => node.stop()))
