import * as io from 'io-ts'
import t, { type Test } from 'tap'
import {
  behavior,
  entities,
  id,
  kind,
  message,
  mirrored,
  next,
  nodeProtocol,
  protocol,
  refuse,
  reply,
  startNode,
  supervisor,
  topic,
  type TumenNode,
  worker,
} from '../../supervisors/index.js'
import { testCluster } from '../../supervisors/testing.js'
import {
  Child,
  child,
  ChildId,
  childTree,
  failsWith,
  listed,
  loose,
  nameOf,
  named,
  type Trio,
  trio,
} from '../fixtures/horde.js'
import { VirtualCluster } from '../fixtures/promises.js'

const three = (t: Test, later: readonly Trio[] = []) =>
  testCluster(t, { nodes: trio, later: [...later], tree: childTree })
const idsOn = async (node: TumenNode): Promise<readonly string[]> =>
  (await listed(node)).map(({ id }) => id).sort()

t.test('H57 ids are unique, and a tree that says otherwise is refused with the reason', async (t) => {
  const Guild = protocol('guild', ChildId, { Size: message().reads(io.number) })
  const guild = (mailboxCountMax: number) =>
    kind(Guild, {
      state: mirrored(io.number),
      init: () => 0,
      on: { Size: (n) => n },
      limits: { mailboxCountMax },
    })
  const twice = entities(guild(10))
  t.throws(() => supervisor('root', {}, [twice, twice]), { message: /two children named "guild"/ })
  const tree = supervisor('root', {}, [twice, supervisor('more', {}, [entities(guild(20))])])
  await t.rejects(startNode({ cluster: 'horde', tree }), {
    code: 'InvalidTree',
    sentence: /entities of "guild" stand in it twice/,
  })
  const duplicate = { state: mirrored(io.number), init: () => 0, on: { Size: (n: number) => n } }
  t.throws(() => kind(Guild, { ...duplicate, activate: 'duplicate' } as never), {
    code: 'InvalidDeclaration',
  })
  const c = await testCluster(t, {
    nodes: ['n1'],
    tree: () => supervisor('root', {}, [entities(guild(10), { countMax: 2 })]),
  })
  t.equal(
    (await c.node.n1.spawn(guild(10), ChildId('a'))).outcome,
    'started',
    'options stand beside the kind',
  )
})

t.test('H58 the names of two nodes, and of a third, become one registry', async (t) => {
  const c = await three(t, ['n3'])
  await c.node.n1.spawn(child, ChildId('a'))
  await c.node.n2.spawn(child, ChildId('b'))
  for (const name of ['n1', 'n2'] as const) t.same(await idsOn(c.node[name]), ['a', 'b'], name)
  await c.start('n3')
  await c.node.n3.spawn(child, ChildId('c'))
  for (const name of trio) t.same(await idsOn(c.node[name]), ['a', 'b', 'c'], name)
})

t.test('H59 a second registration of a name answers with the holder, from anywhere', async (t) => {
  const c = await three(t)
  const first = await c.node.n1.spawn(child, ChildId('a'))
  await first.ref.ask(Child.Add({ n: 1 }))
  for (const name of trio) {
    const { ref, outcome } = await c.node[name].spawn(child, ChildId('a'))
    t.equal(outcome, 'already-started', name)
    t.equal(await ref.ask(Child.Total()), 1, 'which is the one that holds it')
  }
})

const split = async (t: Test) => {
  const c = new VirtualCluster(childTree)
  t.teardown(() => c.end())
  const [n1, n2, n3] = [await c.start('n1'), await c.start('n2'), await c.start('n3')]
  await c.run(new Promise<void>((resolve) => void c.clock.after(3_000, resolve)))
  return { c, n1, n2, n3 }
}

t.test('H60 in a split only one side can take a name, so there is no loser when it heals', async (t) => {
  const { c, n1, n2, n3 } = await split(t)
  c.transport.faults.disconnect('n3')
  const ids = named(20)
  for (const id of ids) {
    t.equal(await c.run(failsWith(n3.spawn(child, id))), 'Unavailable')
    await c.run(n1.spawn(child, id).then(({ ref }) => ref.ask(Child.Add({ n: 1 }), { timeoutMs: 30_000 })))
  }
  c.transport.faults.heal()
  await c.until(() => n3.status().status === 'ready', 'the other side is back')
  for (const node of [n1, n2, n3]) {
    const page = await c.run(node.entities(child))
    t.same(page.entities.map(({ id }) => id).sort(), [...ids].sort(), 'all list the same')
    for (const id of ids)
      t.equal(await c.run(node.ref(Child, id).ask(Child.Total())), 1, 'the one that was begun')
  }
})

t.test('H61 what the lost side held before is taken over, and is nowhere twice', async (t) => {
  const { c, n1, n2, n3 } = await split(t)
  const ids = named(40)
  for (const id of ids) await c.run(n1.spawn(child, id).then(({ ref }) => ref.ask(Child.Add({ n: 2 }))))
  const held = ids.filter((id) => n1.where(Child, id).owner === 'n3#1')
  t.ok(held.length > 0)
  c.transport.faults.disconnect('n3')
  for (const id of held) {
    const asked = n1.ref(Child, id).ask(Child.Add({ n: 1 }), { timeoutMs: 30_000 })
    t.equal(await c.run(asked), 3, 'another has it')
  }
  c.transport.faults.heal()
  await c.until(() => n3.status().status === 'ready' && n3.id === 'n3#2', 'it is back, with empty hands')
  for (const node of [n1, n2, n3]) {
    const page = await c.run(node.entities(child))
    t.same(page.entities.map(({ id }) => id).sort(), [...ids].sort())
    t.notOk(page.entities.some((one) => one.node === 'n3#1'))
  }
  t.same(await c.run(n3.count(child).then(({ byNode }) => byNode['n3#2'])), 0)
})

t.test('H62 a ref is a name: it is registered, found and sent to from every node', async (t) => {
  const c = await three(t)
  const named = c.node.n2.ref(Child, ChildId('a'))
  t.equal(await failsWith(named.ask(Child.Total())), 'NoRecipient', 'before it is registered')
  await c.node.n1.spawn(child, ChildId('a'))
  t.equal(await named.ask(Child.Add({ n: 4 })), 4)
  named.tell(Child.Note({ n: 5 }))
  t.equal(await named.ask(Child.Total()), 9, 'told as well')
  t.ok(trio.includes(nameOf(c.node.n3.where(Child, ChildId('a')).owner)), 'and found')
  t.same({ ...named.address }, { kind: 'child', id: 'a' }, 'its address is plain data, which travels')
})

t.test('H63 the names that one node holds: none when it holds none, else all', async (t) => {
  const c = await three(t)
  const of = async (name: Trio) => (await listed(c.node.n1)).filter(({ node }) => nameOf(node) === name)
  for (const name of trio) t.same(await of(name), [])
  const ids = named(30)
  for (const id of ids) await c.node.n1.spawn(child, id)
  for (const name of trio) {
    const held = (await of(name)).map(({ id }) => id)
    t.same(held.sort(), ids.filter((id) => nameOf(c.node.n2.where(Child, id).owner) === name).sort(), name)
  }
})

t.test('H64 names are selected by looking at the list, over the whole cluster', async (t) => {
  const c = await three(t)
  const select = async (fits: (id: string, node: string) => boolean) =>
    (await listed(c.node.n2)).filter(({ id, node }) => fits(id, node)).map(({ id }) => id as string)
  t.same(await select(() => true), [], 'none')
  for (const id of named(12)) await c.node.n1.spawn(child, id)
  t.equal((await select(() => true)).length, 12, 'all')
  t.same((await select((id) => id > 'c8')).sort(), ['c9'], 'some')
  t.same((await select((id) => id === 'c1' || id.endsWith('10'))).sort(), ['c1', 'c10'], 'by several rules')
  t.throws(() => c.node.n2.entities('child' as never), { name: 'Misuse' }, 'what is no kind is refused')
})

t.test('H65 an end is seen at once on every node', async (t) => {
  const c = await three(t)
  await c.node.n1.spawn(child, ChildId('a'))
  const before = c.now()
  t.equal(await c.node.n2.terminate(child, ChildId('a')), 'stopped')
  for (const name of trio) {
    t.equal(await failsWith(c.node[name].ref(Child, ChildId('a')).ask(Child.Total())), 'NoRecipient', name)
    t.same(await idsOn(c.node[name]), [])
  }
  t.ok(c.now() - before <= 200, `within ${c.now() - before} ms`)
})

t.test('H66 only those that match are ended', async (t) => {
  const c = await three(t)
  for (const id of named(12)) await (await c.node.n1.spawn(child, id)).ref.ask(Child.Add({ n: id.length }))
  for (const { id } of await listed(c.node.n3))
    if (id.length === 3) t.equal(await c.node.n3.terminate(child, id), 'stopped')
  t.same(
    await idsOn(c.node.n1),
    named(10).map((id) => id as string),
  )
})

const Rang = topic.cluster('rang', io.type({ door: io.string }))
const Bell = nodeProtocol('bell', { Heard: message().reads(io.number) })
const bell = () => behavior(Bell, { init: () => 0, on: { Heard: (n) => n } }).hears(Rang, (n) => next(n + 1))

t.test('H67 what is published gets to each that subscribed to it, once', async (t) => {
  const c = await testCluster(t, {
    nodes: trio,
    tree: () => supervisor('root', {}, [entities(child), worker('bell', bell())]),
  })
  const heard: string[] = []
  const subscription = c.node.n1.subscribe(Rang, ({ door }) => heard.push(door))
  c.node.n2.publish(Rang, { door: 'front' })
  await c.advance(10)
  subscription.unsubscribe()
  c.node.n2.publish(Rang, { door: 'back' })
  await c.advance(10)
  t.same(heard, ['front'], 'a function')
  for (const name of trio)
    t.equal(await c.node[name].local(Bell).ask(Bell.Heard()), 2, `the actor of ${name}`)
})

t.test('H68 names are counted, all of them and those that match', async (t) => {
  const c = await three(t)
  for (const id of named(25)) await c.node.n1.spawn(child, id)
  t.equal((await c.node.n2.count(child)).total, 25)
  t.equal((await idsOn(c.node.n3)).filter((id) => id.startsWith('c1')).length, 11)
  t.equal((await c.node.n2.count(loose)).total, 0, 'of another kind')
})

const Bag = protocol('bag', ChildId, {
  Put: message({ thing: io.string }).replies(),
  Things: message().reads(io.readonlyArray(io.string)),
})
const bag = kind(Bag, {
  activate: 'first-message',
  state: mirrored(io.readonlyArray(io.string)),
  init: (): readonly string[] => [],
  on: { Put: (has, { thing }) => reply([...has, thing]), Things: (has) => has },
})

t.test('H69 a value is changed by its owner, and by nobody else', async (t) => {
  const c = await testCluster(t, { nodes: trio, tree: () => supervisor('root', {}, [entities(bag)]) })
  const a = ChildId('a')
  await c.node.n1.ref(Bag, a).ask(Bag.Put({ thing: 'rope' }))
  for (const name of trio) {
    const things = await c.node[name].ref(Bag, a).ask(Bag.Things())
    try {
      ;(things as string[]).push('stolen')
    } catch (error) {
      t.match(error, TypeError, 'where it is the same object it is frozen')
    }
    t.same(await c.node[name].ref(Bag, a).ask(Bag.Things()), ['rope'], name)
  }
  await c.node.n3.ref(Bag, a).ask(Bag.Put({ thing: 'lamp' }))
  t.same(await c.node.n1.ref(Bag, a).ask(Bag.Things()), ['rope', 'lamp'], 'by a message to it')
})

t.test('H70 a look-up finds the living one, also after its node died', async (t) => {
  const c = await three(t)
  const a = ChildId('a')
  await (await c.node.n1.spawn(child, a)).ref.ask(Child.Add({ n: 3 }))
  const owner = nameOf(c.node.n1.where(Child, a).owner)
  for (const name of trio) t.equal(nameOf(c.node[name].where(Child, a).owner), owner, name)
  const rest = trio.filter((name) => name !== owner)
  c.kill(owner)
  for (const name of rest) {
    await c.waitUntil(
      `${name} finds it`,
      async () => (await c.node[name].ref(Child, a).ask(Child.Total())) === 3,
    )
    t.ok(rest.includes(nameOf(c.node[name].where(Child, a).owner)), 'where it is now')
  }
})

t.test(
  'H71 sending to a name or a kind that is missing is an error, and what is told is counted',
  async (t) => {
    const c = await three(t)
    const Other = protocol('other', ChildId, { Get: message().reads(io.number) })
    t.equal(await failsWith(c.node.n1.ref(Child, ChildId('a')).ask(Child.Total())), 'NoRecipient')
    t.equal(await failsWith(c.node.n1.ref(Other, ChildId('a')).ask(Other.Get())), 'UnknownKind')
    const dead: string[] = []
    for (const name of trio)
      c.node[name].listen(({ tag, fields }) => {
        if (tag === 'DeadLetter') dead.push(`${fields['address']} ${fields['reason']}`)
      })
    c.node.n1.ref(Child, ChildId('a')).tell(Child.Note({ n: 1 }))
    await c.advance(10)
    t.same(dead, ['child/a NoRecipient'])
    const { ref } = await c.node.n1.spawn(child, ChildId('a'))
    ref.tell(Child.Note({ n: 1 }))
    t.equal(await ref.ask(Child.Total()), 1)
  },
)

t.test(
  'H71 that nobody is there is confirmed like a read: an owner says it only while its mirrors agree',
  async (t) => {
    const c = await three(t)
    const a = ChildId('a')
    const { ref } = await c.node.n1.spawn(child, a)
    await ref.ask(Child.End())
    const { owner, mirrors } = c.node.n1.where(Child, a)
    const [own, mirror] = [nameOf(owner), nameOf(mirrors[0])]
    t.equal(await failsWith(c.node[own].ref(Child, a).ask(Child.Total())), 'NoRecipient')
    c.cut(own, mirror)
    c.cut(mirror, own)
    await c.advance(400)
    let said: unknown
    void failsWith(c.node[own].ref(Child, a).ask(Child.Total(), { timeoutMs: 20_000 })).then((tag) => {
      said = tag
    })
    await c.advance(50)
    t.equal(said, undefined, 'its mirror may have taken over meanwhile')
    c.heal()
    await c.waitUntil('it is said', () => said === 'NoRecipient')
  },
)

/** What Horde calls the metadata of a registry: one entity for the whole cluster. */
const Pairs = io.readonly(io.record(io.string, io.string))
type Pairs = io.TypeOf<typeof Pairs>
const MetaId = id('MetaId')
const Meta = protocol('meta', MetaId, {
  Put: message({ key: io.string, value: io.string }).replies(),
  Get: message({ key: io.string }).replies(io.string).refuses(io.literal('MISSING')),
  Drop: message({ key: io.string }).replies(),
})
const meta = kind(Meta, {
  activate: 'first-message',
  state: mirrored(Pairs),
  init: (): Pairs => ({ motd: 'welcome' }),
  on: {
    Put: (all, { key, value }) => reply({ ...all, [key]: value }),
    Get: (all, { key }) => (key in all ? reply(all, all[key] ?? '') : refuse('MISSING')),
    Drop: (all, { key }) => reply(Object.fromEntries(Object.entries(all).filter(([name]) => name !== key))),
  },
})

t.test(
  'H72 metadata is an entity: given at the start, put, got, missing, and dropped, on every node',
  async (t) => {
    const c = await testCluster(t, { nodes: trio, tree: () => supervisor('root', {}, [entities(meta)]) })
    const at = (name: Trio) => c.node[name].ref(Meta, MetaId('cluster'))
    t.equal(await at('n1').ask(Meta.Get({ key: 'motd' })), 'welcome')
    await at('n1').ask(Meta.Put({ key: 'season', value: '3' }))
    for (const name of trio) t.equal(await at(name).ask(Meta.Get({ key: 'season' })), '3', name)
    t.equal(await failsWith(at('n2').ask(Meta.Get({ key: 'nothing' }))), 'Refused')
    await at('n3').ask(Meta.Drop({ key: 'season' }))
    for (const name of trio)
      t.equal(await failsWith(at(name).ask(Meta.Get({ key: 'season' }))), 'Refused', name)
  },
)

t.test('H73 one that ends is gone from every list', async (t) => {
  const c = await three(t)
  for (const id of named(4)) await c.node.n1.spawn(child, id)
  await c.node.n2.ref(Child, ChildId('c1')).ask(Child.End())
  for (const name of trio) t.same(await idsOn(c.node[name]), ['c0', 'c2', 'c3'], name)
})

t.test('H74 a node that is removed holds no names any more, for nobody', async (t) => {
  const c = await three(t)
  const ids = named(40)
  for (const id of ids) {
    await c.node.n1.spawn(child, id)
    await c.node.n1.spawn(loose, id)
  }
  t.ok(ids.some((id) => c.node.n1.where(Child, id).owner === 'n2#1'))
  await c.stop('n2')
  for (const name of ['n1', 'n3'] as const) {
    t.notOk(
      ids.some((id) => c.node[name].where(Child, id).owner === 'n2#1'),
      name,
    )
    t.equal((await listed(c.node[name])).length, ids.length)
  }
  await c.waitUntil(
    'what had no copy is gone with it',
    async () => (await listed(c.node.n1, loose)).every(({ node }) => !node.startsWith('n2')),
    { deadlineMs: 20_000 },
  )
})
