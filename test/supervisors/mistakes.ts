/** The commonest mistakes, each made against a running node, and the sentence that its maker reads. */
import * as io from 'io-ts'
import t, { type Test } from 'tap'
import {
  AskFailed,
  behavior,
  entities,
  id,
  kind,
  memory,
  message,
  mirrored,
  Misuse,
  next,
  nodeMessage,
  nodeProtocol,
  protocol,
  reply,
  startNode,
  StartFailed,
  supervisor,
  worker,
  type ChildSpec,
  type ConfigInput,
  type Transport,
  type TumenNode,
} from '../../supervisors/index.js'

const BagId = id('BagId')
const Bag = protocol('bag', BagId, {
  Put: message({ n: io.number }).replies(io.number),
  PutLate: message({ n: io.number }).replies(io.number),
  Label: message({ text: io.string }).replies(),
})
const bag = kind(Bag, {
  activate: 'first-message',
  state: mirrored(io.type({ all: io.array(io.number) })),
  init: () => ({ all: [] as number[] }),
  on: {
    Put: (state, { n }) => {
      state.all.push(n)
      return reply(state, state.all.length)
    },
    PutLate: (async (state: { all: number[] }) => reply(state, 1)) as never,
    Label: (state) => reply(state),
  },
})
const Door = nodeProtocol('door', { Attach: nodeMessage<{ run: () => void }>() })
const door = behavior(Door, { init: () => 0, on: { Attach: (n) => next(n + 1) } })
const Elsewhere = protocol('elsewhere', BagId, { Ping: message().replies() })
const elsewhere = kind(Elsewhere, {
  state: mirrored(io.null),
  init: () => null,
  on: { Ping: (s) => reply(s) },
})

interface Given {
  readonly name: string
  readonly children: readonly ChildSpec[]
  readonly transport?: Transport
  readonly config?: ConfigInput
}
const started = async (t: Test, given: Given): Promise<TumenNode> => {
  const { name, children, transport = memory(), config = {} } = given
  const node = await startNode({
    cluster: 'mistakes',
    name,
    transport,
    config,
    tree: supervisor('r', {}, children),
  })
  t.teardown(() => node.stop())
  return node
}
const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  )
const b1 = BagId('b1')

t.test('mistakes – a kind or actor that is not in this node’s tree', async (t) => {
  const node = await started(t, { name: 'n1', children: [entities(bag)] })
  t.throws(() => node.local(Door), {
    code: 'KindNotInTree',
    message: /"door" is not in this node's tree, which has .* Add worker\(…\) or entities\(…\)/,
  })
})

t.test('mistakes – a message to a kind that no member runs', async (t) => {
  const node = await started(t, { name: 'n1', children: [entities(bag)] })
  const options = { timeoutMs: 3_000 }
  const error = await failure(node.ref(Elsewhere, b1).ask(Elsewhere.Ping(), options))
  t.ok(error instanceof AskFailed)
  t.match(error, { code: 'UnknownKind', message: /No ready node has the kind "elsewhere".* Add entities/ })
  const spawned = await failure(node.spawn(elsewhere, b1))
  t.match(spawned, { code: 'UnknownKind' })
})

t.test('mistakes – two protocols of one name in one tree', async (t) => {
  const Other = nodeProtocol('bag', { Ring: message() })
  const other = behavior(Other, { init: () => 0, on: { Ring: (n) => next(n) } })
  const tree = supervisor('r', {}, [entities(bag), worker('other', other)])
  const error = await failure(startNode({ cluster: 'mistakes', transport: memory(), tree }))
  t.ok(error instanceof StartFailed)
  t.match(error, { code: 'InvalidTree', sentence: /Two protocols are named "bag" in one tree/ })
})

t.test('mistakes – a step that changes its state in place, with diagnostics on', async (t) => {
  const node = await started(t, { name: 'n1', children: [entities(bag)], config: { diagnostics: true } })
  const error = await failure(node.ref(Bag, b1).ask(Bag.Put({ n: 1 })))
  t.match(error, { code: 'Crashed', message: /Put of bag\/b1 changed its state or payload in place/ })
})

t.test('mistakes – a step that waits', async (t) => {
  const node = await started(t, { name: 'n1', children: [entities(bag)] })
  const error = await failure(node.ref(Bag, b1).ask(Bag.PutLate({ n: 1 })))
  t.match(error, { code: 'Crashed', message: /PutLate of "bag" returned a promise\. A step decides at once/ })
})

t.test('mistakes – a payload over the limit', async (t) => {
  const config = { payloadBytesMax: 4_096 }
  const node = await started(t, { name: 'n1', children: [entities(bag)], config })
  const error = await failure(node.ref(Bag, b1).ask(Bag.Label({ text: 'x'.repeat(10_000) })))
  t.match(error, { code: 'PayloadTooLarge', message: /more than payloadBytesMax \(4096\)/ })
})

t.test('mistakes – a node message to another node', async (t) => {
  const transport = memory()
  const n1 = await started(t, { name: 'n1', children: [worker('door', door)], transport })
  const n2 = await started(t, { name: 'n2', children: [worker('door', door)], transport })
  const there = n1.remote(n2.id, Door)
  const attach = Door.Attach({ run: () => undefined })
  t.throws(() => there.tell(attach as never), {
    code: 'NodeMessageToRemote',
    message: /door\.Attach never leaves its node, so it cannot be sent to/,
  })
  t.throws(() => there.tell(attach as never), Misuse)
})
