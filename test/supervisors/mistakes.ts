/** The commonest mistakes, each made against a running node, and the sentence that its maker reads. */
import * as io from 'io-ts'
import t from 'tap'
import {
  AskFailed,
  behavior,
  entities,
  kind,
  memory,
  message,
  mirrored,
  Misuse,
  next,
  nodeProtocol,
  protocol,
  startNode,
  StartFailed,
  supervisor,
  worker,
  systemClock,
  type ConfigInput,
  type NodeEvent,
  type NodeOptions,
} from '../../supervisors/index.js'
import {
  BagId,
  Bag,
  bag,
  Door,
  door,
  Elsewhere,
  elsewhere,
  started,
  failure,
  b1,
} from '../fixtures/mistakes.js'

t.test('mistakes – a kind or actor that is not in this node’s tree', async (t) => {
  const node = await started(t, { name: 'n1', children: [entities(bag)] })
  t.throws(() => node.local(Door), {
    code: 'KindNotInTree',
    message: /"door" is not in this node's tree, which has bag\. Add worker\(…\) .* node\.remote\(nodeId/,
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

t.test('mistakes – two protocols of one name', async (t) => {
  const Other = nodeProtocol('bag', { Ring: message() })
  const other = behavior(Other, { init: () => 0, on: { Ring: (n) => next(n) } })
  const Twin = protocol('bag', BagId, { Ping: message() })
  const twin = kind(Twin, { state: mirrored(io.null), init: () => null, on: { Ping: (s) => next(s) } })
  const tree = supervisor('r', {}, [entities(bag), worker('other', other)])
  const error = await failure(startNode({ cluster: 'mistakes', transport: memory(), tree }))
  t.ok(error instanceof StartFailed)
  t.match(error, { code: 'InvalidTree', sentence: /Two protocols are named "bag" in one tree/ })
  for (const second of [entities(twin), worker('bag', other)])
    t.throws(() => supervisor('r', {}, [entities(bag), second]), {
      code: 'TwoProtocolsOfOneName',
      message: /Two protocols are named "bag" in one tree\. Rename one of them/,
    })
  t.throws(() => supervisor('r', {}, [worker('a', door), worker('a', door)]), {
    code: 'InvalidDeclaration',
    message: 'Supervisor "r" has two children named "a".',
  })
})

t.test('mistakes – entities of one kind twice in a tree', async (t) => {
  const tree = supervisor('r', {}, [supervisor('s', {}, [entities(bag)]), entities(bag)])
  t.match(await failure(startNode({ cluster: 'mistakes', transport: memory(), tree })), {
    code: 'InvalidTree',
    sentence: 'tree: entities of "bag" stand in it twice; take one out.',
  })
})

t.test('mistakes – a step that changes its state in place, with diagnostics on', async (t) => {
  const node = await started(t, { name: 'n1', children: [entities(bag)], config: { diagnostics: true } })
  const error = await failure(node.ref(Bag, b1).ask(Bag.Put({ n: 1 })))
  t.match(error, { code: 'Crashed', message: /Put of bag\/b1 changed its state or payload in place/ })
})

t.test('mistakes – a step that throws: what crashed where, and what to do', async (t) => {
  const node = await started(t, { name: 'n1', children: [entities(bag), worker('door', door)] })
  const error = await failure(node.ref(Bag, b1).ask(Bag.Tear()))
  t.match(error, { code: 'Crashed', reason: { node: 'n1#1', message: 'Tear', isStateKept: true } })
  t.equal(
    String((error as Error).message),
    'bag/b1 crashed on n1#1 while it handled Tear: Error: torn. Its state is what it was before. ' +
      'The same message will crash it again: mend its handler. ' +
      'node.listen on n1#1 tells each crash with its error.',
  )
  t.match(((await failure(node.local(Door).ask(Door.Slam()))) as Error).message, /^door\/.* crashed while it/)
  const there = await failure(node.remote('n1', Door).ask(Door.Slam()))
  t.match(there, { reason: { node: 'n1#1', message: 'Slam' } })
  t.match((there as Error).message, /on n1#1 while it handled Slam: slammed\. Its supervisor decides/)
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

t.test('mistakes – an entity that blocks the event loop: which, and for how long', async (t) => {
  const config = { blockedLoopMs: 50 }
  const node = await started(t, { name: 'n1', children: [entities(bag)], config })
  const seen: NodeEvent[] = []
  node.listen((event) => seen.push(event))
  node.ref(Bag, b1).tell(Bag.Chew({ ms: 120 }))
  await node.ref(Bag, b1).ask(Bag.Label({ text: 'after it' }))
  const deadline = systemClock.monotonic() + 5_000
  const found = () => seen.find(({ sentence }) => /r\/bag\/b1 blocked/.test(sentence))
  while (found() === undefined && systemClock.monotonic() < deadline)
    await new Promise<void>((done) => systemClock.defer(done))
  t.match(found()?.sentence, /^Actor r\/bag\/b1 blocked the event loop for 1\d\d ms\. .* split the work/)
})

t.test('mistakes – what has ids and what each node has one of are told apart', async (t) => {
  const node = await started(t, { name: 'n1', children: [entities(bag), worker('door', door)] })
  const code = 'WrongScope'
  const useRef = /"bag" is a protocol of entities: use node\.ref\(protocol, id\)/
  t.throws(() => node.local(Bag), { code, message: useRef })
  t.throws(() => node.remote('n1', Bag), { code, message: useRef })
  const useLocal = /"door" is a nodeProtocol: use node\.local\(protocol\), or node\.remote/
  t.throws(() => node.ref(Door, 'd1' as never), { code, message: useLocal })
  t.throws(() => node.where(Door, 'd1' as never), { code, message: useLocal })
  t.throws(() => Door.at('d1' as never), { code, message: /"door" is a nodeProtocol.* on\(nodeId\)/ })
  t.throws(() => Door.on(''), { code: 'InvalidId', message: /on\(…\) takes the id or name of a node/ })
  t.same(Door.on(node.id), { kind: 'door', id: '', node: 'n1#1' })
})

t.test('mistakes – an id that is none', async (t) => {
  const node = await started(t, { name: 'n1', children: [entities(bag)] })
  const ids: readonly (readonly [given: unknown, got: string])[] = [
    [undefined, 'nothing'],
    [7, 'number'],
    ['', '0 characters'],
    ['x'.repeat(300), '300 characters'],
  ]
  for (const [given, got] of ids) {
    const message = `The id of a "bag" is 1 to 256 characters, made by its constructor; got ${got}.`
    const none = given as never
    t.throws(() => node.ref(Bag, none), { code: 'InvalidId', message })
    t.throws(() => node.where(Bag, none), { code: 'InvalidId', message })
    t.throws(() => Bag.at(none), { code: 'InvalidId', message })
    t.match(await failure(node.spawn(bag, none)), { code: 'InvalidId', message })
  }
})

t.test('mistakes – asking through a node that has stopped', async (t) => {
  const node = await started(t, { name: 'n1', children: [entities(bag), worker('door', door)] })
  const here = node.local(Door)
  const refs = [node.ref(Bag, b1).ask(Bag.Label({ text: 'alive' })), node.spawn(bag, b1)]
  await Promise.all(refs)
  const ref = node.ref(Bag, b1)
  await node.stop()
  const sentence = /^Node n1 has stopped, so nothing was sent to bag\/b1\. Use a ref of a node that runs/
  for (const asked of [ref.ask(Bag.Label({ text: 'x' })), node.spawn(bag, b1)])
    t.match(await failure(asked), { code: 'NodeStopped', reason: { node: 'n1' }, message: sentence })
  t.match(await failure(node.remote('n1', Door).ask(Door.Slam())), { code: 'NodeStopped' })
  t.match(await failure(node.start('r', door)), { code: 'NodeStopped' })
  t.match(await failure(here.ask(Door.Slam())), {
    code: 'NoRecipient',
    message: 'The actor door of this node has stopped: node.tree() tells what runs.',
  })
})

t.test('mistakes – startNode without what it needs: one sentence that names the field', async (t) => {
  const tree = supervisor('r', {}, [])
  const cluster = 'mistakes'
  const cases: readonly (readonly [given: unknown, code: string, sentence: RegExp])[] = [
    [undefined, 'InvalidConfig', /^startNode: expected an object with cluster and tree, such as/],
    [null, 'InvalidConfig', /^startNode: expected an object/],
    [{}, 'InvalidConfig', /^cluster: expected a name/],
    [{ tree }, 'InvalidConfig', /^cluster: expected a name/],
    [{ cluster }, 'InvalidConfig', /^tree: expected what runs on this node/],
    [{ cluster, tree: 7 }, 'InvalidTree', /^tree: Expected a tree made by supervisor/],
    [{ cluster, tree: bag }, 'InvalidTree', /^tree: Expected a child made by worker/],
    [{ cluster, tree, transport: 'nats://x' }, 'InvalidConfig', /^transport: expected memory\(\), or nats/],
    [{ cluster, tree, roles: 'game' }, 'InvalidConfig', /^roles: expected a list of names/],
    [{ cluster, tree, name: 7 }, 'InvalidConfig', /^name: expected a name/],
    [{ cluster, tree, clock: {} }, 'InvalidConfig', /^clock: expected a Clock\.$/],
    [{ cluster, tree, random: 4 }, 'InvalidConfig', /^random: expected a Random\.$/],
    [
      { cluster, tree, transprot: 1 },
      'InvalidConfig',
      /^"transprot" is not an .*did you mean "transport"\?$/,
    ],
    [{ cluster, tree, x: 1 }, 'InvalidConfig', /^"x" is not an option of startNode; expected cluster, name/],
    [{ cluster, tree, config: 7 }, 'InvalidConfig', /^The configuration .*: expected an object of knobs\.$/],
  ]
  for (const [given, code, sentence] of cases) {
    const error = await failure(startNode(given as NodeOptions))
    t.ok(error instanceof StartFailed)
    t.match(error, { code, sentence })
  }
})

t.test('mistakes – a knob that is not known: the nearest name, if one is near, and one mark', async (t) => {
  const tree = supervisor('r', {}, [])
  const sentenceFor = async (config: object): Promise<string> =>
    ((await failure(startNode({ cluster: 'mistakes', tree, config: config as ConfigInput }))) as Error)
      .message
  const begin = 'The configuration does not fit:'
  t.equal(await sentenceFor({ leaseMS: 1 }), `${begin} "leaseMS" is not a knob; did you mean "leaseMs"?`)
  t.equal(await sentenceFor({ foo: 1 }), `${begin} "foo" is not a knob; "npx tumen config" lists them.`)
  t.equal(
    await sentenceFor({ leesMs: 1, foo: 1, probeMs: -1 }),
    `${begin} "leesMs" is not a knob; did you mean "leaseMs"? "foo" is not a knob; ` +
      '"npx tumen config" lists them; probeMs: expected a whole number from 10 to 60000.',
  )
})

t.test('mistakes – a spread copy is the same message, and one that went through JSON is none', async (t) => {
  const node = await started(t, { name: 'n1', children: [entities(bag)] })
  const ref = node.ref(Bag, b1)
  const label = Bag.Label({ text: 'x' })
  t.equal(await ref.ask({ ...label }), undefined)
  t.match(await failure(ref.ask({ ...label, payload: { text: 7 } })), {
    code: 'Malformed',
    message: /text: expected string/,
  })
  t.match(await failure(ref.ask({ ...label, tag: 'Chew' })), {
    code: 'Malformed',
    message: /no ask named Chew/,
  })
  const lost = { code: 'ForeignMessage', message: /^bag\.Label was not made by .* JSON or structuredClone/ }
  t.throws(() => ref.ask(JSON.parse(JSON.stringify(label))), lost)
  t.throws(() => ref.ask(structuredClone(label)), lost)
  t.throws(() => ref.tell(Door.Slam() as never), {
    code: 'ForeignMessage',
    message: /^door\.Slam was sent to bag\/b1\. Send what the constructors of the protocol "bag" make\.$/,
  })
})
