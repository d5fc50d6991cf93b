/** Mistakes in what an actor gives or starts, each made against a running node, and the sentence for it. */
import * as io from 'io-ts'
import t from 'tap'
import {
  act,
  behavior,
  dynamic,
  entities,
  ignore,
  inner,
  kind,
  memory,
  message,
  mirrored,
  next,
  nodeProtocol,
  reply,
  startNode,
  supervisor,
  worker,
  type Action,
  type NodeEvent,
  type TumenNode,
} from '../../supervisors/index.js'
import { BagId, Bag, Door, door, Elsewhere, started, failure, b1 } from '../fixtures/mistakes.js'

const Lamp = nodeProtocol('lamp', {
  Do: message({ n: io.number }),
  Tick: message(),
  Look: message().replies(io.number),
})
const LampToo = nodeProtocol('other-lamp', { Tick: message() })
const lampThat = (does: () => readonly Action[]) =>
  behavior(Lamp, {
    init: () => 0,
    on: {
      Do: (n) => next(n + 1, ...does()),
      Tick: (n) => next(n),
      Look: (n) => reply(n, n),
    },
  })
const none = undefined as never

t.test(
  'mistakes – an action without a message, or with one that is asked, says so where it is made',
  async (t) => {
    const Own = inner(Bag, { Rest: message() })
    const made: readonly (readonly [make: () => unknown, code: string, sentence: RegExp])[] = [
      [() => act.after(1, none), 'ForeignMessage', /^act\.after: expected a message .*; got undefined\.$/],
      [() => act.every(1, null as never, 'n'), 'ForeignMessage', /^act\.every: .*; got null\.$/],
      [
        () => act.after(1, Lamp.Tick as never),
        'ForeignMessage',
        /; got a function, so call the constructor\.$/,
      ],
      [
        () => act.after(1, { kind: 'lamp', tag: 'Tick' } as never),
        'ForeignMessage',
        /^lamp\.Tick was not made/,
      ],
      [
        () => act.after(1, Lamp.Look() as never),
        'WrongForm',
        /^act\.after: lamp\.Look has a reply that nobody/,
      ],
      [() => act.every(1, Lamp.Look() as never, 'n'), 'WrongForm', /^act\.every: lamp\.Look has a reply/],
      [() => act.tell(Lamp.on('n1'), none), 'ForeignMessage', /^act\.tell: expected a message/],
      [() => act.tell(none, Lamp.Tick() as never), 'WrongForm', /^act\.tell: expected an address first/],
      [
        () => act.tell(Lamp.on('n1'), Lamp.Look() as never),
        'WrongForm',
        /^act\.tell: lamp\.Look has a reply/,
      ],
      [() => act.tell(Bag.at(b1), Lamp.Tick() as never), 'ForeignMessage', /lamp\.Tick was sent to "bag"/],
      [
        () => act.command(Bag.at(b1), Bag.Tear(), none),
        'ForeignMessage',
        /^act\.command: expected a message/,
      ],
      [() => act.command(Bag.at(b1), Bag.Chew({ ms: 1 }) as never, none), 'WrongForm', /use act\.tell\.$/],
    ]
    for (const [make, code, message] of made) t.throws(make, { name: 'Misuse', code, message }, String(make))
    t.ok(act.after(1, Own.Rest()))
  },
)

const crashesOf = (node: TumenNode): NodeEvent[] => {
  const seen: NodeEvent[] = []
  node.listen((event) => {
    if (event.tag === 'ActorCrashed') seen.push(event)
  })
  return seen
}

t.test('mistakes – a timer with a message of another protocol ends the step, not a later one', async (t) => {
  for (const [used, action] of [
    ['after', act.after(60_000, LampToo.Tick())],
    ['every', act.every(60_000, LampToo.Tick(), 'tick')],
  ] as const) {
    const lamp = lampThat(() => [action])
    const node = await started(t, { name: `n-${used}`, children: [worker('lamp', lamp)] })
    const crashes = crashesOf(node)
    node.local(Lamp).tell(Lamp.Do({ n: 1 }))
    t.equal(await node.local(Lamp).ask(Lamp.Look()), 0, 'it began again')
    t.match(crashes, [{ sentence: new RegExp(`act\\.${used}: "lamp" would be sent other-lamp\\.Tick`) }])
  }
  const wrong = kind(Elsewhere, {
    activate: 'first-message',
    state: mirrored(io.null),
    init: () => null,
    on: { Ping: (s) => reply(s, undefined, act.after(60_000, LampToo.Tick())) },
  })
  const node = await started(t, { name: 'n1', children: [entities(wrong)] })
  t.match(await failure(node.ref(Elsewhere, b1).ask(Elsewhere.Ping())), {
    code: 'Crashed',
    message: /act\.after: "elsewhere" would be sent other-lamp\.Tick, a message of another protocol/,
  })
})

t.test('mistakes – what is no action among the actions of a step', async (t) => {
  const given: readonly (readonly [action: unknown, sentence: RegExp])[] = [
    [5, /no action: 5\. Actions are what the functions of act return, as in next\(state, act\.stop\(\)\)/],
    [{}, /no action: an object that act did not make\./],
    [undefined, /no action: undefined\./],
    [null, /no action: null\./],
    [act.stop, /no action: the function stop: call it, as in act\.stop\(\)\./],
    [[act.stop()], /no action: a list: spread it, as in next\(state, \.\.\.actions\)\./],
    [next(0), /no action: an object that act did not make\./],
  ]
  let junk: unknown
  const lamp = lampThat(() => [junk as Action])
  const broken = kind(Elsewhere, {
    activate: 'first-message',
    state: mirrored(io.null),
    init: () => null,
    on: { Ping: (s) => reply(s, undefined, junk as Action) },
  })
  const tree = [supervisor('s', { intensity: 100 }, [worker('lamp', lamp)]), entities(broken)]
  const node = await started(t, { name: 'n1', children: tree })
  const crashes = crashesOf(node)
  for (const [n, [action, sentence]] of given.entries()) {
    junk = action
    node.local(Lamp).tell(Lamp.Do({ n }))
    t.equal(await node.local(Lamp).ask(Lamp.Look()), 0)
    t.match(crashes.at(-1), { sentence }, `actor: ${sentence}`)
    const asked = node.ref(Elsewhere, BagId(`e${n}`)).ask(Elsewhere.Ping())
    t.match(await failure(asked), { code: 'Crashed', message: sentence }, `entity: ${sentence}`)
  }
})

t.test('mistakes – a node that has stopped, or whose root gave up, says so', async (t) => {
  const stopped = await started(t, { name: 'n1', children: [worker('door', door)] })
  await stopped.stop()
  const gaveUp = await startNode({
    cluster: 'mistakes',
    name: 'n1',
    transport: memory(),
    tree: supervisor('r', { intensity: 0 }, [worker('door', door)]),
  })
  t.match(await failure(gaveUp.local(Door).ask(Door.Slam())), { code: 'Crashed' })
  await gaveUp.stop()
  for (const node of [stopped, gaveUp]) {
    const ref = node.local(Door)
    t.match(await failure(ref.ask(Door.Slam())), {
      code: 'NodeStopped',
      reason: { address: 'door/', node: 'n1' },
      message: /^Node n1 has stopped, so nothing was sent to door/,
    })
    t.doesNotThrow(() => ref.tell(Door.Attach({ run: () => undefined })))
    t.same(ref.address, { kind: 'door', id: '', node: 'n1#1' })
    const sentence = 'Node n1 has stopped, so it has no supervisor "r". Use a node that runs.'
    t.throws(() => node.supervisor('r'), { name: 'Misuse', code: 'NodeStopped', message: sentence })
    t.throws(() => node.adopted('old'), { code: 'NodeStopped', message: /no adopted actor "old"/ })
  }
})

t.test('mistakes – node.start: which child under which supervisor did not start, and why', async (t) => {
  const children = [
    dynamic('matches', { countMax: 1 }),
    worker(
      'lamp',
      lampThat(() => []),
    ),
  ]
  const node = await started(t, { name: 'n1', children })
  const beginning = (init: () => number) =>
    behavior(Door, { init, on: { Attach: (n) => next(n), Slam: (n) => reply(n) } })
  const failing = beginning(() => {
    throw new Error('no db')
  })
  t.match(await failure(node.start('matches', failing)), {
    code: 'Crashed',
    reason: { address: 'matches', child: 'door' },
    cause: { message: 'no db' },
    message:
      'The door that was to start under the supervisor "matches" did not: no db. ' +
      'Nothing of it runs: mend its init, or what that needs, and start it again.',
  })
  t.match(
    await failure(
      node.start(
        'matches',
        beginning(() => ignore as never),
      ),
    ),
    {
      code: 'NoRecipient',
      reason: { child: 'door' },
      message: /^No door was started under the supervisor "matches": its init said ignore/,
    },
  )
  t.match(await failure(node.start('match', door)), {
    name: 'Misuse',
    code: 'KindNotInTree',
    message: /^"match" is no supervisor of this node's tree, .* Did you mean "matches"\? There are: r, /,
  })
  t.throws(() => node.supervisor('matchs'), { code: 'KindNotInTree', message: /Did you mean "matches"\?/ })
  t.match(await failure(node.start('r', door)), {
    name: 'Misuse',
    code: 'WrongForm',
    message: /^"r" supervises the children named in its spec; node\.start takes the name of a dynamic\(…\)/,
  })
  await node.start('matches', door)
  t.match(await failure(node.start('matches', door)), { code: 'Overloaded' })
})
