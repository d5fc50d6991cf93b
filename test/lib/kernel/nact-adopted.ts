import nact from 'nact'
import t, { type Test } from 'tap'
import {
  adopt,
  behavior,
  type ChildSpec,
  type Down,
  memory,
  message,
  Misuse,
  nodeProtocol,
  startNode,
  supervisor,
  type TumenNode,
  worker,
} from '../../../supervisors/index.js'
import { reasonOf } from '../../fixtures/kernel/counter.js'
import { eventually } from '../../fixtures/nats-server.js'

/** A nact actor that does one of everything; what it lived through is in `log`. */
interface Message {
  readonly say?: string
  readonly fail?: boolean
  readonly wait?: Promise<unknown>
  readonly replyTo?: unknown
}
type Context = { readonly self: never; readonly sender: never; readonly stop: unknown }
const quietStop = (_: unknown, __: unknown, context: Context): unknown => context.stop
const greeter =
  (log: string[], options: object = {}) =>
  (parent: object): object =>
    (nact.spawn as (...args: unknown[]) => object)(
      parent,
      async (count: number, message: Message, context: Context) => {
        await message.wait
        if (message.fail === true) throw new Error('expected in this test')
        log.push(message.say ?? '')
        const to = (message.replyTo ?? context.sender) as never
        nact.dispatch(to, `${count + 1} ${message.say}` as never)
        return count + 1
      },
      'greeter',
      { initialState: 0, onCrash: quietStop, afterStop: () => void log.push('cleaned up'), ...options },
    )

const started = async (t: Test, ...children: ChildSpec[]): Promise<TumenNode> => {
  const tree = supervisor('root', { intensity: 20 }, children)
  const node = await startNode({ cluster: 'test', transport: memory(), tree })
  t.teardown(() => node.stop())
  return node
}
const monitored = (node: TumenNode, id: string): Down[] => {
  const downs: Down[] = []
  node.adopted(id).monitor((down) => downs.push(down))
  return downs
}
const deadLettersOf = (node: TumenNode): string[] => {
  const found: string[] = []
  node.listen(({ tag, fields }) => {
    if (tag === 'DeadLettered') found.push((fields['letter'] as { reason: string }).reason)
  })
  return found
}

t.test('adopt - a nact actor is told and asked under a supervisor', async (t) => {
  const log: string[] = []
  const node = await started(t, adopt('legacy', greeter(log)))
  const legacy = node.adopted('legacy')
  legacy.tell({ say: 'one' })
  t.equal(await legacy.ask({ say: 'two' }), '2 two')
  t.equal(await legacy.ask((replyTo: unknown) => ({ say: 'three', replyTo })), '3 three')
  t.same(log, ['one', 'two', 'three'], 'in order')
  t.match(node.tree().children, [{ id: 'legacy', status: 'running', restarts: 0 }])
  await node.stop()
  t.same(log.at(-1), 'cleaned up')
  t.match(await reasonOf(legacy.ask({ say: 'four' })), { tag: 'NoRecipient' })
})

t.test('adopt - a crash is told to monitors and begun again, and waiting mail is kept', async (t) => {
  const log: string[] = []
  const node = await started(t, adopt('legacy', greeter(log)))
  const legacy = node.adopted('legacy')
  const downs = monitored(node, 'legacy')
  t.equal(await legacy.ask({ say: 'before' }), '1 before')
  const failed = reasonOf(legacy.ask({ fail: true }))
  const after = legacy.ask({ say: 'after' })
  t.match(await failed, { tag: 'UnknownOutcome' }, 'the asker is told at once')
  t.equal(await after, '1 after', 'by a nact actor that has begun anew')
  await eventually('the monitor tells', () => downs.length > 0)
  t.match(downs, [{ reason: { tag: 'crash', error: { message: 'expected in this test' } }, incarnation: 1 }])
  t.match(node.tree().children, [{ id: 'legacy', restarts: 1 }])
  t.same(log.filter((each) => each === 'cleaned up').length, 1)
})

for (const [restart, restarts] of [
  ['permanent', 1],
  ['transient', 0],
] as const) {
  t.test(`adopt - ${restart}: stopped by plain nact code is a normal end`, async (t) => {
    const log: string[] = []
    const refs: object[] = []
    const start = (parent: object): object => {
      refs.push(greeter(log)(parent))
      return refs.at(-1) as object
    }
    const node = await started(t, adopt('legacy', start, { restart }))
    const downs = monitored(node, 'legacy')
    nact.stop(refs[0] as never)
    await eventually('the monitor tells', () => downs.length > 0)
    t.match(downs, [{ reason: { tag: 'normal' } }])
    await eventually('the supervisor has decided', () => refs.length === restarts + 1)
    if (restarts === 1) t.equal(await node.adopted('legacy').ask({ say: 'again' }), '1 again')
    else t.match(node.tree().children, [{ id: 'legacy', status: 'stopped' }])
    t.same(log.filter((each) => each === 'cleaned up').length, 1, 'cleaned up once')
  })
}

t.test('adopt - one that runs already, in a nact system of its own, ends with its supervisor', async (t) => {
  const log: string[] = []
  const system = nact.start()
  t.teardown(() => nact.stop(system))
  const ref = greeter(log)(system)
  nact.dispatch(ref as never, { say: 'before' } as never)
  const node = await started(t, adopt('legacy', ref))
  const downs = monitored(node, 'legacy')
  t.equal(await node.adopted('legacy').ask({ say: 'here' }), '2 here', 'it keeps its state')
  await node.stop()
  t.same(log, ['before', 'here', 'cleaned up'])
  await eventually('the monitor tells', () => downs.length > 0)
  t.match(downs, [{ reason: { tag: 'shutdown' } }])
  nact.dispatch(ref as never, { say: 'too late' } as never)
  t.match(await reasonOf(nact.query(ref as never, (() => ({})) as never, 100)), { message: /stopped/ })
  const late = started(t, adopt('legacy', ref))
  await t.rejects(late, { code: 'ChildFailed', sentence: /to be adopted as "legacy" is not there/ })
})

t.test('adopt - what lives below it in nact ends with it', async (t) => {
  const log: string[] = []
  const below: object[] = []
  const start = (parent: object): object => {
    const top = greeter(log)(parent)
    const middle = greeter(log, { afterStop: () => log.push('middle') })(top)
    below.push(middle, greeter(log, { afterStop: () => log.push('lowest') })(middle))
    return top
  }
  const node = await started(t, adopt('legacy', start))
  await node.stop()
  t.same([...log].sort(), ['cleaned up', 'lowest', 'middle'])
})

t.test(
  'adopt - an orderly stop waits for the message in hand; one that hangs is ended by force',
  async (t) => {
    const log: string[] = []
    let release: (value?: unknown) => void = () => undefined
    const wait = new Promise((resolve) => {
      release = resolve
    })
    const node = await started(
      t,
      adopt('patient', greeter(log)),
      adopt('hanging', greeter([]), { shutdownMs: 30 }),
    )
    node.adopted('patient').tell({ say: 'in hand', wait })
    const hanging = reasonOf(node.adopted('hanging').ask({ wait: new Promise(() => undefined) }))
    const stopped = node.stop()
    t.match(await hanging, { tag: 'UnknownOutcome' })
    t.same(log, [])
    release()
    await stopped
    t.same(log, ['in hand', 'cleaned up'])
  },
)

t.test('adopt - an answer that comes too late is a dead letter', async (t) => {
  let release: (value?: unknown) => void = () => undefined
  const wait = new Promise((resolve) => {
    release = resolve
  })
  const node = await started(t, adopt('legacy', greeter([])))
  const dead = deadLettersOf(node)
  const legacy = node.adopted('legacy')
  t.match(await reasonOf(legacy.ask({ say: 'slow', wait }, { timeoutMs: 20 })), { tag: 'AskTimeout' })
  release()
  await eventually('it is buried', () => dead.length > 0)
  t.same(dead, ['late-reply'])
  t.match(await reasonOf(legacy.ask({}, { signal: AbortSignal.abort() })), { tag: 'Cancelled' })
})

t.test('nact ref - a nact actor that is only told is not monitored, and says so', async (t) => {
  const log: string[] = []
  const system = nact.start()
  t.teardown(() => nact.stop(system))
  const ref = greeter(log)(system)
  const node = await started(t)
  const dead = deadLettersOf(node)
  const told = node.nact(ref)
  told.tell({ say: 'one' })
  t.equal(await told.ask({ say: 'two' }), '2 two')
  t.throws(() => told.monitor(() => undefined), {
    message: /^nact\/greeter is only told: nact says nobody when such an actor stops\. Put adopt/,
  })
  const wait = new Promise((resolve) => setImmediate(resolve))
  t.match(await reasonOf(told.ask({ wait: new Promise(() => undefined) }, { timeoutMs: 20 })), {
    tag: 'AskTimeout',
  })
  await wait
  nact.stop(ref as never)
  told.tell({ say: 'three' })
  t.same(dead, ['stopped'])
  t.match(await reasonOf(told.ask({ say: 'four' })), { tag: 'NoRecipient', address: 'nact/greeter' })
  t.throws(() => node.nact({}), Misuse)
})

t.test('nact ref - what waits for it is bounded', async (t) => {
  const system = nact.start()
  t.teardown(() => nact.stop(system))
  const ref = greeter([])(system)
  const node = await startNode({
    cluster: 'test',
    transport: memory(),
    tree: supervisor('root', {}, []),
    config: { mailboxCountMax: 10 },
  })
  t.teardown(() => node.stop())
  const dead = deadLettersOf(node)
  for (let i = 0; i < 12; i++) node.nact(ref).tell({ say: String(i) })
  t.same(dead, ['mailbox-full', 'mailbox-full'])
  t.match(await reasonOf(node.nact(ref).ask({})), { tag: 'Overloaded', mailboxCountMax: 10 })
})

t.test('adopt - killed and begun again with its siblings, it leaves nobody behind in nact', async (t) => {
  const log: string[] = []
  const Fragile = nodeProtocol('fragile', { Break: message() })
  const fragile = behavior(Fragile, {
    init: () => 0,
    on: {
      Break: () => {
        throw new Error('expected in this test')
      },
    },
  })
  const children = [
    worker('fragile', fragile),
    adopt('legacy', greeter(log), { shutdownMs: 'kill' as const }),
  ]
  const tree = supervisor('root', { strategy: 'one_for_all', intensity: 5 }, children)
  const node = await startNode({ cluster: 'test', transport: memory(), tree })
  t.teardown(() => node.stop())
  const legacy = node.adopted('legacy')
  t.equal(await legacy.ask({ say: 'one' }), '1 one')
  node.local(Fragile).tell(Fragile.Break())
  await eventually('both have begun again', () => node.tree().children[1]?.restarts === 1)
  t.equal(await legacy.ask({ say: 'two' }), '1 two')
  t.same(log, ['one', 'cleaned up', 'two'])
})

t.test('adopt - one that runs already and is killed is stopped where it lives', async (t) => {
  const system = nact.start()
  t.teardown(() => nact.stop(system))
  const ref = greeter([])(system)
  const node = await started(t, adopt('legacy', ref, { shutdownMs: 'kill' }))
  await node.stop()
  const asked = (): Promise<unknown> =>
    reasonOf(nact.query(ref as never, (() => ({})) as never, 50)).then((reason) =>
      /stopped or never/.test(String(reason)) ? true : undefined,
    )
  await eventually('it is gone', asked)
})

t.test('adopt - a clean-up in nact that throws is told, and holds nobody up', async (t) => {
  const afterStop = (): never => {
    throw new Error('expected in this test')
  }
  const node = await started(t, adopt('legacy', greeter([], { afterStop })))
  const crashes: unknown[] = []
  node.listen(({ tag, fields }) => {
    if (tag === 'ActorCrashed') crashes.push(fields['error'])
  })
  await node.stop()
  t.match(crashes, [{ message: 'expected in this test' }])
})

t.test('adopt - what waits in tumen is bounded', async (t) => {
  const node = await started(
    t,
    adopt('legacy', greeter([]), { mailbox: { countMax: 2 }, shutdownMs: 'kill' }),
  )
  const legacy = node.adopted('legacy')
  const waiting = [1, 2, 3].map(() => reasonOf(legacy.ask({ wait: new Promise(() => undefined) })))
  await new Promise((resolve) => setImmediate(resolve))
  waiting.push(...[4, 5].map(() => reasonOf(legacy.ask({}))))
  t.match(await Promise.race(waiting), { tag: 'Overloaded', mailboxCountMax: 2 })
  await node.stop()
  const tags = (await Promise.all(waiting)).map((reason) => (reason as { tag: string }).tag)
  t.same(tags.filter((tag) => tag === 'UnknownOutcome').length, 1, 'the one in hand')
  t.same(tags.filter((tag) => tag === 'NoRecipient').length, 2, 'those that waited')
})

t.test('adopt - mistakes are named', async (t) => {
  const system = nact.start()
  t.teardown(() => nact.stop(system))
  const ref = greeter([])(system)
  t.throws(() => adopt('a b', ref), { message: /the id is 1 to 58 letters/ })
  t.throws(() => adopt('legacy', ref, { restart: 'permanent' }), {
    message: /runs already.*nobody can begin/,
  })
  const wrong = started(
    t,
    adopt('legacy', () => ({})),
  )
  await t.rejects(wrong, { message: /takes a reference to a nact actor, or a function that spawns one/ })
  const node = await started(t)
  t.throws(() => node.adopted('other'), { code: 'KindNotInTree' })
})
