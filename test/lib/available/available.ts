import t from 'tap'
import * as fc from 'fast-check'
import * as io from 'io-ts'
import {
  AskFailed,
  behavior,
  disposable,
  entities,
  id,
  kind,
  message,
  mirrored,
  nodeProtocol,
  protocol,
  reply,
  supervisor,
  worker,
} from '../../../supervisors/index.js'
import { lightTally, slow, Tally, tally, TallyId, type TallyState, totalOf } from '../../fixtures/tally.js'
import { names, type Name, trio } from '../../fixtures/trio.js'

t.test('available – a node that is cut off goes on, and what it took is merged', async (t) => {
  const { faults, ownedBy, add, read, agree, tags, c, nodes } = await trio(t)
  const [mine = ''] = await ownedBy('n3', 1)
  const [theirs = ''] = await ownedBy('n1', 1)
  faults.disconnect('n3')
  t.equal(await add('n3', mine, 'alone'), 2, 'as its owner it has the state')
  await add('n3', theirs, 'alone too')
  await add('n1', theirs, 'there')
  await add('n1', mine, 'there too')
  t.same((await read('n3', mine)).ops, ['alone', 'begin'], 'each side sees its own')
  t.ok(tags('n3').includes('SideCopyBegun'))
  faults.heal()
  await agree(
    mine,
    ({ ops }) => ['alone', 'begin', 'there too'].every((op) => ops.includes(op)),
    'mine is merged',
  )
  await agree(
    theirs,
    ({ ops }) => ['alone too', 'begin', 'there'].every((op) => ops.includes(op)),
    'theirs too',
  )
  await c.until(() => tags('n3').includes('SideCopyEnded'), 'the copies end')
  t.match(nodes.n3.status().counters, { available_merged_total: Number })
})

t.test(
  'available – of an entity without a codec each side counts for itself, and nothing is lost',
  async (t) => {
    const { faults, ownedBy, add, agree } = await trio(t, lightTally)
    const [mine = ''] = await ownedBy('n3', 1)
    faults.disconnect('n3')
    for (let i = 0; i < 5; i++) await add('n3', mine, `here ${i}`)
    for (let i = 0; i < 7; i++) await add('n1', mine, `there ${i}`)
    faults.heal()
    await agree(mine, (state) => totalOf(state) === 13 && state.ops.length === 13, 'all thirteen')
  },
)

t.test('available – a node without the records goes on with the owner while it reaches it', async (t) => {
  const { faults, ownedBy, add, read, tags, c, nodes, ownerOf } = await trio(t)
  const [far = ''] = await ownedBy('n1', 1)
  const [near = ''] = await ownedBy('n3', 1)
  faults.cutRecords('n3')
  await c.until(() => nodes.n3.status().status === 'frozen', 'n3 is frozen')
  await add('n3', far, 'by the owner')
  t.same((await read('n1', far)).ops, ['begin', 'by the owner'], 'there is one copy')
  t.notOk(tags('n3').includes('SideCopyBegun'))
  await add('n3', near, 'frozen')
  t.ok(tags('n3').includes('SideCopyBegun'), 'what it owns it serves')
  await c.until(() => ownerOf(near) !== 'n3', 'n3 is declared dead')
  faults.heal()
  await c.until(() => nodes.n3.status().node === 'n3#2', 'it is back, with empty hands')
  await c.until(() => tags('n3').includes('SideCopyEnded'), 'but what it took is handed over')
  t.same((await read('n1', near)).ops, [
    'begin',
    'frozen',
    `lost to epoch ${nodes.n1.where(Tally, TallyId(near)).epoch}`,
  ])
})

t.test('available – while nobody reaches the records all reach one copy', async (t) => {
  const { faults, ownedBy, add, read, c, nodes, tags } = await trio(t)
  const ids = [...(await ownedBy('n1', 2)), ...(await ownedBy('n2', 2)), ...(await ownedBy('n3', 2))]
  faults.recordsDown()
  await c.until(() => names.every((name) => nodes[name].status().status === 'frozen'), 'all are frozen')
  for (const id of ids) for (const name of names) await add(name, id, name)
  for (const id of ids) t.same((await read('n2', id)).ops, ['begin', 'n1', 'n2', 'n3'])
  await add('n1', 'fresh', 'one')
  await add('n2', 'fresh', 'two')
  t.same((await read('n3', 'fresh')).ops, ['one', 'two'], 'also of what begins meanwhile')
  faults.heal()
  await c.until(() => names.every((name) => nodes[name].status().status === 'ready'), 'all go on')
  await c.until(
    () =>
      names.every(
        (name) =>
          tags(name).filter((tag) => tag === 'SideCopyBegun').length ===
          tags(name).filter((tag) => tag === 'SideCopyEnded').length,
      ),
    'the copies end',
  )
  for (const id of ids) t.same((await read('n2', id)).ops, ['begin', 'n1', 'n2', 'n3'])
  t.same((await read('n3', 'fresh')).ops, ['one', 'two'])
})

t.test('available – members that reach each other and no owner agree on one of them', async (t) => {
  const { faults, ownedBy, add, read, c } = await trio(t)
  const ids = await ownedBy('n1', 8)
  faults.split(['n1'], ['n2', 'n3'])
  for (const name of ['n2', 'n3'] as const) faults.cutRecords(name)
  for (const id of ids) await add('n2', id, 'from n2')
  for (const id of ids) await add('n3', id, 'from n3')
  for (const id of ids) {
    t.same((await read('n2', id)).ops, (await read('n3', id)).ops)
    t.ok((await read('n2', id)).ops.includes('from n3'), 'the same copy')
    t.notOk((await read('n1', id)).ops.includes('from n3'), 'and not that of n1')
  }
  faults.heal()
  for (const id of ids) {
    let seen: TallyState | null = null
    for (let i = 0; i < 200 && !(seen?.ops.includes('from n2') && seen.ops.includes('from n3')); i++) {
      seen = await read('n1', id)
      c.clock.advance(100)
    }
    t.ok(seen?.ops.includes('from n2') && seen.ops.includes('from n3'), 'all is merged')
  }
})

t.test('available – timers of a frozen owner go on, and stop with its copy', async (t) => {
  const { c, faults, ownedBy, at, read, tags } = await trio(t)
  const [mine = ''] = await ownedBy('n3', 1)
  await c.run(at('n3', mine).ask(Tally.Tick({ everyMs: 100 })))
  c.clock.advance(1_000)
  const before = (await read('n1', mine)).ticks
  t.ok(before >= 8, 'it ticks')
  faults.disconnect('n3')
  c.clock.advance(2_000)
  t.ok((await read('n3', mine)).ticks >= before + 15, 'also where nobody asks')
  await c.until(
    () => !tags('n1').includes('x') && tags('n3').includes('SideCopyBegun'),
    'from a copy of its own',
  )
  c.clock.advance(6_000)
  faults.heal()
  await c.until(() => tags('n3').includes('SideCopyEnded'), 'which ends')
  const healed = (await read('n1', mine)).ticks
  c.clock.advance(10_000)
  const after = (await read('n1', mine)).ticks - healed
  t.ok(after > 80 && after <= 110, `one clock ticks, not two: ${after} times in 10 s`)
})

t.test('available – commands of a side copy get there once, and their answers come back', async (t) => {
  const { c, faults, ownedBy, at, read, agree } = await trio(t)
  const [mine = ''] = await ownedBy('n3', 1)
  const [far = ''] = await ownedBy('n1', 1)
  faults.disconnect('n3')
  await c.run(at('n3', mine).ask(Tally.Pass({ to: TallyId(far), op: 'gift' }), { timeoutMs: 5_000 }))
  c.clock.advance(2_000)
  t.ok((await read('n3', far)).ops.includes('gift'), 'on its own side at once')
  faults.heal()
  await agree(far, ({ ops }) => ops.includes('gift'), 'the receiver has it')
  await agree(mine, ({ ops }) => ops.includes('passed gift'), 'the sender knows')
  t.equal((await read('n1', far)).ops.filter((op) => op === 'gift').length, 1)
})

t.test('available – a command that waits for its answer goes on from the winner', async (t) => {
  const { c, faults, ownedBy, at, agree } = await trio(t, tally, {}, () =>
    supervisor('both', {}, [entities(tally), entities(slow)]),
  )
  const [mine = ''] = await ownedBy('n3', 1)
  faults.disconnect('n3')
  // Nobody answers it on this side: it is a strict kind.
  await c.run(at('n3', mine).ask(Tally.Charge({ op: 'late' }), { timeoutMs: 5_000 }))
  c.clock.advance(8_000)
  faults.heal()
  await agree(mine, ({ ops }) => ops.includes('charged late'), 'the answer reached the winner')
})

t.test('available – what an owner alone had is there when it was declared dead', async (t) => {
  const { c, faults, ownedBy, nodes, agree } = await trio(t, lightTally)
  const [mine = ''] = await ownedBy('n3', 1)
  faults.cutRecords('n3')
  await c.until(
    () =>
      nodes.n1.where(Tally, TallyId(mine)).owner?.startsWith('n3') !== true ||
      nodes.n1.status().members.length === 2,
    'it is declared dead',
  )
  faults.heal()
  await c.until(() => nodes.n3.status().node === 'n3#2', 'it is back')
  await agree(mine, ({ ops }) => ops.includes('begin'), 'though nobody wrote to it meanwhile')
})

t.test('available – a node that leaves hands over what it has first', async (t) => {
  const { c, faults, ownedBy, add, read, nodes } = await trio(t)
  const ids = await ownedBy('n1', 6)
  faults.disconnect('n3')
  for (const id of ids) await add('n3', id, 'alone')
  faults.heal()
  await c.until(() => nodes.n3.status().status === 'ready', 'it is a member')
  await c.run(nodes.n3.stop())
  for (const id of ids) t.ok((await read('n1', id)).ops.includes('alone'))
})

t.test('available – an owner that hangs is passed by before its lease is over', async (t) => {
  const { c, faults, ownedBy, add, agree } = await trio(t)
  const [mine = ''] = await ownedBy('n3', 1)
  faults.pause('n3')
  const startedAt = c.clock.monotonic()
  await add('n1', mine, 'meanwhile')
  t.ok(c.clock.monotonic() - startedAt < 3_000, `after ${c.clock.monotonic() - startedAt} ms`)
  faults.resume('n3')
  await agree(mine, ({ ops }) => ops.includes('meanwhile'), 'it is merged')
})

t.test('available – what has no room is Unavailable, and counted', async (t) => {
  const { c, faults, ownedBy, at, nodes } = await trio(t, tally, { sideCopiesCountMax: 1, shardCount: 64 })
  const ids = await ownedBy('n1', 4)
  faults.disconnect('n3')
  const asked = ids.map((one) =>
    at('n3', one)
      .ask(Tally.Read(), { timeoutMs: 1_000 })
      .then(
        () => 'read',
        (e: unknown) => (e instanceof AskFailed ? e.reason.tag : e),
      ),
  )
  const answers = await c.run(Promise.all(asked))
  t.ok(answers.includes('read'))
  t.ok(answers.includes('Unavailable'))
  t.ok((nodes.n3.status().counters['limits_side_copies_count_max_total'] ?? 0) > 0)
})

const MapId = id('MapId')
const Mapped = protocol('mapped', MapId, {
  Put: message({ key: io.string }).replies(io.number),
  Keys: message().reads(io.array(io.string)),
})
const mapped = kind(Mapped, {
  activate: 'first-message',
  consistency: 'available',
  state: disposable<ReadonlyMap<string, number>>(),
  init: () => new Map(),
  merge: (a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>) => new Map([...a, ...b]),
  on: {
    Put: (had, { key }) => reply(new Map([...had, [key, 1]]), had.size + 1),
    Keys: (has) => [...has.keys()],
  },
})
t.test(
  'available – a state that cannot travel is merged on its own node, elsewhere its loss is told',
  async (t) => {
    const { c, faults, nodes, events } = await trio(t, tally, {}, () =>
      supervisor('maps', {}, [entities(mapped)]),
    )
    const put = (name: Name, one: string, key: string) =>
      c.run(nodes[name].ref(Mapped, MapId(one)).ask(Mapped.Put({ key }), { timeoutMs: 9_000 }))
    const keys = (one: string) =>
      c.run(nodes.n1.ref(Mapped, MapId(one)).ask(Mapped.Keys(), { timeoutMs: 9_000 }))
    let [mine, far] = ['', '']
    for (let i = 0; mine === '' || far === ''; i++) {
      await put('n1', `m${i}`, 'begin')
      if (nodes.n3.where(Mapped, MapId(`m${i}`)).isHere) mine = `m${i}`
      else far = `m${i}`
    }
    faults.disconnect('n3')
    await put('n3', mine, 'here')
    await put('n3', far, 'here')
    faults.heal()
    await c.until(
      () => events.n3.filter(({ tag }) => tag === 'SideCopyEnded').length === 2,
      'both copies end',
    )
    t.same(await keys(mine), ['begin', 'here'])
    t.same(await keys(far), ['begin'])
    t.match(
      events.n3.filter(({ tag }) => tag === 'NotMerged'),
      [{ level: 'error', fields: { address: `mapped/${far}`, reason: /instance of Map cannot travel/ } }],
    )
  },
)

t.test('available – with diagnostics a merge that depends on the order is told', async (t) => {
  const Last = protocol('last', MapId, { Set: message({ to: io.string }).replies() })
  const last = kind(Last, {
    activate: 'first-message',
    consistency: 'available',
    state: mirrored(io.string),
    init: () => '',
    merge: (_mine, theirs) => theirs,
    on: { Set: (_, { to }) => reply(to) },
  })
  const { c, faults, nodes, events } = await trio(t, tally, { diagnostics: true }, () =>
    supervisor('lasts', {}, [entities(last)]),
  )
  const set = (name: Name, to: string) =>
    c.run(nodes[name].ref(Last, MapId('one')).ask(Last.Set({ to }), { timeoutMs: 9_000 }))
  await set('n1', 'both')
  faults.disconnect('n3')
  await set('n3', 'here')
  await set('n1', 'there')
  faults.heal()
  const told = () => names.flatMap((name) => events[name]).find(({ tag }) => tag === 'ActorCrashed')
  await c.until(() => told() !== undefined, 'it crashes where it is merged')
  t.match(JSON.stringify(told()), /depends on the order: merge\(a, b\) and merge\(b, a\) differ/)
})

const Door = nodeProtocol('door', { Knock: message({ n: io.number }).replies(io.number) })
t.test('available – actors of a node know nothing of any of it', async (t) => {
  const door = behavior(Door, { init: () => 0, on: { Knock: (count, { n }) => reply(count + n, count + n) } })
  const { c, faults, nodes } = await trio(t, tally, {}, () =>
    supervisor('doors', {}, [worker('door', door), entities(tally)]),
  )
  const knock = () => c.run(nodes.n3.local(Door).ask(Door.Knock({ n: 1 })))
  t.equal(await knock(), 1)
  faults.disconnect('n3')
  t.equal(await knock(), 2, 'without NATS')
  c.clock.advance(8_000)
  t.equal(await knock(), 3, 'with its lease over')
  faults.heal()
  await c.until(() => nodes.n3.status().node === 'n3#2', 'and as another incarnation')
  t.equal(await knock(), 4, 'the same actor')
})

const troubles = ['cut off', 'no records', 'one way', 'pair', 'no store', 'frozen'] as const
type Step =
  | { readonly do: 'write'; readonly at: number; readonly to: number }
  | { readonly do: 'trouble'; readonly what: (typeof troubles)[number]; readonly at: number }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'heal' }
const node = fc.nat({ max: 2 })
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('write' as const), at: node, to: fc.nat({ max: 3 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('trouble' as const),
      what: fc.constantFrom(...troubles),
      at: node,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(50, 500, 2_000, 7_000) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('heal' as const) }) },
)

t.test('available – after any splits all see the same, with all that was acknowledged', async (t) => {
  const seed = Number(process.env['TUMEN_SEED'] ?? 1)
  t.comment(`TUMEN_SEED=${seed}`)
  let sidesCount = 0
  const run = async (steps: readonly Step[]): Promise<void> => {
    const { c, nodes, faults, at, events, read } = await trio(t)
    const acknowledged = new Map<string, Set<string>>()
    let count = 0
    const paused = new Set<Name>()
    const heal = (): void => {
      faults.heal()
      for (const name of paused) faults.resume(name)
      paused.clear()
    }
    const trouble = (what: (typeof troubles)[number], name: Name, other: Name): void => {
      if (what === 'cut off') faults.disconnect(name)
      else if (what === 'no records') faults.cutRecords(name)
      else if (what === 'one way') faults.cut(name, other)
      else if (what === 'pair') faults.split([name], [other])
      else if (what === 'no store') faults.recordsDown()
      else {
        paused.add(name)
        faults.pause(name)
      }
    }
    const writes: Promise<unknown>[] = []
    for (const one of steps) {
      const name = names['at' in one ? one.at : 0] as Name
      if (one.do === 'wait') c.clock.advance(one.ms)
      else if (one.do === 'heal') heal()
      else if (one.do === 'trouble') trouble(one.what, name, names[(one.at + 1) % 3] as Name)
      else {
        const [to, op] = [`t${one.to}`, `op${++count}`]
        const asked = at(name, to).ask(Tally.Add({ op }), { timeoutMs: 3_000 })
        writes.push(
          asked.then(
            () => acknowledged.set(to, (acknowledged.get(to) ?? new Set()).add(op)),
            () => undefined,
          ),
        )
        c.clock.advance(20)
      }
    }
    await c.run(Promise.all(writes))
    heal()
    const openSides = (name: Name): number =>
      events[name].reduce(
        (n, { tag }) => n + (tag === 'SideCopyBegun' ? 1 : tag === 'SideCopyEnded' ? -1 : 0),
        0,
      )
    await c.until(
      () => names.every((name) => nodes[name].status().status === 'ready' && openSides(name) === 0),
      'every copy beside the owners has ended',
    )
    for (const name of names) sidesCount += events[name].filter(({ tag }) => tag === 'SideCopyBegun').length
    for (const [to, ops] of acknowledged) {
      // Of a loss of both its copies the first one is told, before those that had them have given them back;
      // and who has just come back may not know yet that all the others have.
      for (const name of names)
        await c.run(
          at(name, to)
            .ask(Tally.Read())
            .catch(() => null),
        )
      c.clock.advance(2_000)
      const states = [await read('n1', to), await read('n2', to), await read('n3', to)]
      for (const state of states) {
        const lost = [...ops].filter((op) => !state.ops.includes(op))
        if (lost.length > 0) throw new Error(`${to} has lost ${lost.join()}`)
        if (totalOf(state) < ops.size) throw new Error(`${to} counts ${totalOf(state)} of ${ops.size}`)
        if (JSON.stringify(state) !== JSON.stringify(states[0])) throw new Error(`${to} is seen in two ways`)
      }
    }
    await c.end()
  }
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40 }), run), {
    numRuns: 40,
    seed,
  })
  t.ok(sidesCount > 20, `${sidesCount} copies were merged`)
})
