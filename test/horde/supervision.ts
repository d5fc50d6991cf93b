import * as io from 'io-ts'
import t, { type Test } from 'tap'
import {
  act,
  AskFailed,
  behavior,
  type ChildSpec,
  dynamic,
  entities,
  type EntityEvent,
  message,
  type Meter,
  meterNode,
  next,
  nodeProtocol,
  supervisor,
  type TumenNode,
  worker,
} from '../../supervisors/index.js'
import { testCluster } from '../../supervisors/testing.js'
import { Child, child, ChildId, childTree, failsWith, listed, loose, named, trio } from '../fixtures/horde.js'

const Guest = nodeProtocol('guest', { Fall: message(), Life: message().reads(io.number) })
const fall = (): never => {
  throw new Error('fell')
}
const guest = () => {
  let lives = 0
  return behavior(Guest, { init: () => ++lives, on: { Fall: fall, Life: (n) => n } })
}
const one = async (t: Test, tree: () => ChildSpec) => {
  const c = await testCluster(t, { nodes: ['n1'], tree })
  const life = () => c.node.n1.local(Guest).ask(Guest.Life())
  const isBack = (number: number) => c.waitUntil(`life ${number}`, async () => (await life()) === number)
  return { c, node: c.node.n1, isBack }
}

t.test('H51 a slow start that fails beside another slow start holds nothing up', async (t) => {
  const opens: (() => void)[] = []
  const Slow = nodeProtocol('slow', { Life: message().reads(io.number) })
  const slow = (name: string) =>
    behavior(Slow, {
      init: async (): Promise<number> => {
        await new Promise<void>((resolve) => opens.push(resolve))
        if (name === 'bad') fall()
        return 1
      },
      on: { Life: (n) => n },
    })
  const { c, node } = await one(t, () => supervisor('root', {}, [dynamic('pool'), entities(child)]))
  const [bad, good] = [node.start('pool', slow('bad')), node.start('pool', slow('good'))]
  const failed = failsWith(bad)
  await c.advance(100)
  t.ok(node.supervisor('pool').children().length <= 2, 'what is there is listed at once')
  t.same(await listed(node), [], 'and so are children of the cluster')
  t.equal((await node.spawn(child, ChildId('a'))).outcome, 'started', 'which are started meanwhile')
  const open = async (): Promise<void> => {
    for (const each of opens.splice(0)) each()
    await c.advance(10)
  }
  await open()
  await open()
  t.equal(await failed, 'Crashed')
  t.equal(await (await good).ask(Slow.Life()), 1)
  t.equal(node.supervisor('pool').count().active, 1)
})

t.test('H52 under one_for_one with intensity 1 a child is restarted once', async (t) => {
  const { node, isBack } = await one(t, () =>
    supervisor('root', { intensity: 1 }, [worker('guest', guest())]),
  )
  node.local(Guest).tell(Guest.Fall())
  await isBack(2)
  t.match(node.supervisor('root').child('guest'), { status: 'running' })
})

t.test('H53 the supervisor of entities falls, and they go on with what they had', async (t) => {
  const c = await testCluster(t, {
    nodes: trio,
    tree: () => supervisor('root', { intensity: 5 }, [supervisor('game', {}, [entities(child)])]),
  })
  const ids = named(60)
  for (const id of ids) await (await c.node.n1.spawn(child, id)).ref.ask(Child.Add({ n: 6 }))
  c.node.n2.supervisor('game').kill()
  await c.waitUntil('it runs again', () => c.node.n2.tree().children[0]?.restarts === 1)
  for (const id of ids) t.equal(await c.node.n1.ref(Child, id).ask(Child.Total()), 6)
  t.equal((await listed(c.node.n3)).length, ids.length)
  t.ok(((await c.node.n1.count(child)).byNode['n2#1'] ?? 0) > 0, 'also those of that node')
})

t.test('H54 over its intensity a child is gone with its supervisor, which nobody restarts', async (t) => {
  const { c, node, isBack } = await one(t, () =>
    supervisor('root', {}, [
      supervisor('game', { intensity: 1, restart: 'temporary' }, [worker('guest', guest())]),
      entities(child),
    ]),
  )
  node.local(Guest).tell(Guest.Fall())
  await isBack(2)
  node.local(Guest).tell(Guest.Fall())
  await c.waitUntil('it is gone', () => node.supervisor('root').child('game') === undefined)
  t.throws(() => node.local(Guest), { code: 'KindNotInTree' })
  const { ref } = await node.spawn(child, ChildId('a'))
  for (let i = 0; i < 6; i++) {
    const fell = failsWith(ref.ask(Child.Fall(), { timeoutMs: 30_000 }))
    await c.waitUntil('it has answered', async () => (await fell) === 'Crashed', { deadlineMs: 30_000 })
  }
  const total = ref.ask(Child.Total(), { timeoutMs: 30_000 })
  await c.waitUntil('one that crashes for ever only waits longer', async () => (await total) === 0, {
    deadlineMs: 30_000,
  })
  t.match(node.tree(), { status: 'running' }, 'and takes nothing down with it')
})

const Starter = nodeProtocol('starter', { Begin: message() })
/** Starts a child under the supervisor before it, in each of its lives. */
const starter = () => {
  const visitor = guest()
  return behavior(Starter, {
    init: (self): number => {
      self.perform(act.after(0, Starter.Begin()))
      return 0
    },
    on: {
      Begin: async (n, _, self) => {
        await self.node.start('pool', visitor)
        return next(n + 1)
      },
    },
  })
}
const restForOne = () =>
  supervisor('root', { strategy: 'rest_for_one', intensity: 3 }, [
    dynamic('pool', { intensity: 1, restart: 'permanent' }),
    worker('starter', starter()),
  ])
const visited = async (t: Test) => {
  const c = await testCluster(t, { nodes: ['n1'], tree: restForOne })
  const pool = () => c.node.n1.supervisor('pool')
  const visitor = () => pool().children()[0]?.ref
  const lives = async (number: number) =>
    c.waitUntil(`life ${number}`, async () => {
      return (await (visitor() as { ask(m: unknown): Promise<unknown> }).ask(Guest.Life())) === number
    })
  const falls = () => (visitor() as { tell(m: unknown): void }).tell(Guest.Fall())
  await lives(1)
  return { c, pool, lives, falls }
}

t.test(
  'H55 under rest_for_one a child is back after its supervisor fell, by whoever starts it',
  async (t) => {
    const { pool, lives } = await visited(t)
    pool().kill()
    await lives(2)
    t.equal(pool().count().active, 1)
  },
)

t.test('H56 under rest_for_one a child is back after it fell too often', async (t) => {
  const { c, pool, lives, falls } = await visited(t)
  falls()
  await lives(2)
  falls()
  await lives(3)
  t.equal(pool().count().active, 1)
  t.ok((c.node.n1.tree().children[1]?.restarts ?? 0) >= 1, 'by the starter, which was restarted too')
})

const three = (t: Test) => testCluster(t, { nodes: trio, tree: childTree })
const events = (node: TumenNode) => {
  const seen: EntityEvent<ChildId>[] = []
  const subscription = node.watchEntities(child, (event) => seen.push(event))
  const of = (type: string) =>
    seen
      .filter((event) => event.type === type)
      .map((event) => ('id' in event ? (event.id as string) : event.reason))
  return { seen, of, subscription }
}

t.test('H75 a listener is told what begins and ends on its own node', async (t) => {
  const c = await testCluster(t, { nodes: ['n1'], tree: childTree })
  const first = events(c.node.n1)
  await c.waitUntil('it has begun', () => first.of('resync').length === 1)
  await c.node.n1.spawn(child, ChildId('a'))
  await c.node.n1.spawn(child, ChildId('a'))
  await c.node.n1.spawn(loose, ChildId('b'))
  await c.node.n1.terminate(child, ChildId('a'))
  await c.advance(10)
  t.same(first.seen, [
    { type: 'resync', reason: 'begun' },
    { type: 'started', id: 'a', node: 'n1#1' },
    { type: 'stopped', id: 'a', node: 'n1#1' },
  ])
  const later = events(c.node.n1)
  await c.waitUntil('it has begun too', () => later.of('resync').length === 1)
  first.subscription.unsubscribe()
  await c.node.n1.spawn(child, ChildId('c'))
  await c.advance(10)
  t.same([first.of('started'), later.of('started')], [['a'], ['c']], 'one that has left is not told')
})

t.test('H76 a listener is told what begins and ends on other nodes, once and in order', async (t) => {
  const c = await three(t)
  const watching = events(c.node.n3)
  await c.waitUntil('it has begun', () => watching.of('resync').length === 1)
  const ids = named(120)
  for (const id of ids) await c.node.n1.spawn(child, id)
  for (const id of ids.slice(0, 50)) await c.node.n2.ref(Child, id).ask(Child.End())
  await c.waitUntil('all is told', () => watching.of('stopped').length === 50)
  t.same(watching.of('started').sort(), [...ids].sort())
  t.same(watching.of('stopped').sort(), ids.slice(0, 50).sort())
  t.ok(
    watching.seen.every(
      (event) => event.type !== 'started' || event.node === c.node.n1.where(Child, event.id).owner,
    ),
    'with its node',
  )
  await c.advance(60_000)
  t.equal(watching.seen.length, 1 + 120 + 50, 'and nothing twice, also after a long time')
})

t.test('H76 events that were lost are noticed', async (t) => {
  const c = await three(t)
  const watching = events(c.node.n1)
  await c.waitUntil('it has begun', () => watching.of('resync').length === 1)
  const ids = named(200)
  for (const id of ids) await c.node.n2.spawn(child, id)
  const there = ids.filter((id) => {
    const { owner, mirrors } = c.node.n2.where(Child, id)
    return owner === 'n2#1' && mirrors.every((node) => node === 'n3#1')
  })
  c.cut('n2', 'n1')
  for (const id of there.slice(0, 3)) await c.node.n3.ref(Child, id).ask(Child.End())
  c.heal()
  await c.waitUntil('a gap is told', () => watching.of('resync').includes('gap'), { deadlineMs: 25_000 })
  t.match(
    watching.seen.find((event) => event.type === 'resync' && event.reason === 'gap'),
    { node: 'n2#1' },
  )
})

t.test('H77 a listener is told that names have another holder, and which nodes tell', async (t) => {
  const c = await three(t)
  const ids = named(60)
  for (const id of ids) await c.node.n1.spawn(child, id)
  const watching = events(c.node.n1)
  await c.waitUntil('it has begun', () => watching.of('resync').length === 1)
  const moving = ids.filter((id) => c.node.n1.where(Child, id).owner === 'n2#1')
  c.kill('n2')
  await c.waitUntil('all have another', () => watching.of('moved').length === moving.length)
  t.same(watching.of('moved').sort(), [...moving].sort())
  for (const event of watching.seen)
    if (event.type === 'moved') t.equal(event.node, c.node.n1.where(Child, event.id).owner)
  t.same(watching.of('resync'), ['begun', 'left'], 'whoever keeps a list reads it again')
  await c.start('n2')
  await c.waitUntil('the new one tells as well', () => watching.of('resync').at(-1) === 'joined')
})

/** A meter that keeps what it is told. */
const meterOf = () => {
  type Callback = Parameters<ReturnType<Meter['createObservableGauge']>['addCallback']>[0]
  const callbacks = new Map<string, Set<Callback>>()
  const create: Meter['createObservableGauge'] = (name) => {
    const own = callbacks.get(name) ?? new Set()
    callbacks.set(name, own)
    return {
      addCallback: (callback) => void own.add(callback),
      removeCallback: (callback) => void own.delete(callback),
    }
  }
  const poll = () => {
    const points = new Map<string, number>()
    for (const [name, own] of callbacks)
      for (const callback of own)
        callback({
          observe: (value, { kind, status } = {}) =>
            points.set([name, kind ?? status ?? []].flat().join(' '), value),
        })
    return points
  }
  return { meter: { createObservableCounter: create, createObservableGauge: create }, poll }
}

t.test('H78 what a node counts is metered, and a reading that fails is survived', async (t) => {
  const c = await three(t)
  const { meter, poll } = meterOf()
  const failures: unknown[] = []
  let isBroken = false
  const node = new Proxy(c.node.n1, {
    get: (target, name) => {
      if (name === 'status' && isBroken) throw new AskFailed({ tag: 'Cancelled', address: 'status' })
      const value = target[name as keyof TumenNode] as unknown
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  const metered = meterNode(node, meter, { failed: (error) => failures.push(error) })
  for (const id of named(30)) await c.node.n1.spawn(child, id)
  const { byNode, total } = await c.node.n1.count(child)
  t.equal(poll().get('tumen.entities child'), byNode['n1#1'], 'entities of a kind here')
  t.equal(total, 30, 'and in all')
  t.equal(poll().get('tumen.members ready'), 3)
  await c.stop('n2')
  t.equal(poll().get('tumen.members ready'), 2)
  isBroken = true
  t.doesNotThrow(poll)
  t.ok(failures.length > 0, 'and is told')
  isBroken = false
  const after = poll()
  t.equal(after.get('tumen.readings_failed_total'), failures.length)
  t.equal(after.get('tumen.engine_handoffs_started_total'), 0)
  const own = c.node.n1.status().kinds.find(({ kind }) => kind === 'child')?.shardsOwned ?? 0
  await c.stop('n1')
  const ended = poll()
  t.equal(ended.get('tumen.entities child'), 0, 'a node that has stopped is read as well')
  t.ok(own > 0)
  metered.unsubscribe()
  t.equal(poll().size, 0)
})
