import * as fc from 'fast-check'
import * as io from 'io-ts'
import t from 'tap'
import {
  act,
  disposable,
  id,
  inner,
  kind,
  message,
  mirrored,
  next,
  protocol,
  reply,
} from '../../../lib/index.js'
import { kindData } from '../../../lib/api/kind.js'
import { EngineCluster } from '../../fixtures/engine-cluster.js'

const BellId = id('BellId')
const Bell = protocol('bell', BellId, {
  Set: message({ name: io.string, afterMs: io.number }).replies(),
  Forget: message({ name: io.string }).replies(),
  End: message().replies(),
  Rung: message().reads(io.array(io.string)),
})
const Own = inner(Bell, { Ring: message({ name: io.string }) })
/** Every ring of all bells, in all lives: a state may be lost, and this may not. */
const heard: { readonly id: string; readonly name: string; readonly lateMs: number }[] = []
const bell = kindData(
  kind(Bell, {
    inner: Own,
    activate: 'first-message',
    reminders: true,
    state: mirrored(io.array(io.string)),
    init: (): string[] => [],
    on: {
      Set: (rung, { name, afterMs }) =>
        reply(rung, undefined, act.remind({ name, afterMs, message: Own.Ring({ name }) })),
      Forget: (rung, { name }) => reply(rung, undefined, act.forgetReminder(name)),
      End: (rung) => reply(rung, undefined, act.stop()),
      Ring: (rung, { name }, at) => {
        heard.push({ id: at.id, name, lateMs: at.lateMs ?? -1 })
        return next([...rung, name])
      },
      Rung: (rung) => rung,
    },
  }),
)

const begun: string[] = []
const Stand = protocol('stand', id('StandId'), { Look: message().reads(io.string) })
const stand = kindData(
  kind(Stand, {
    remember: true,
    state: disposable<string>(),
    init: (name) => {
      begun.push(name)
      return name
    },
    on: { Look: (name) => name },
  }),
)

const started = async (names: readonly string[], knobs: object = {}): Promise<EngineCluster> => {
  heard.length = 0
  begun.length = 0
  const c = new EngineCluster([bell, stand], knobs)
  for (const name of names) await c.start(name)
  c.clock.advance(1_000)
  return c
}
const killAll = (c: EngineCluster): void => {
  for (const name of [...c.nodes.keys()]) c.kill(name)
}
const ok = { tag: 'reply' }
const set = (c: EngineCluster, node: string, bellId: string, name: string, afterMs: number) =>
  c.ask(node, 'bell', bellId, 'Set', { name, afterMs })

t.test('reminders – fall due once, also when the owner dies before', async (t) => {
  const c = await started(['n1', 'n2', 'n3'])
  t.match(set(c, 'n1', 'b1', 'tea', 3_000), ok)
  c.kill(c.ownerOf('n1', 'bell', 'b1') === 'n1' ? 'n1' : c.ownerOf('n1', 'bell', 'b1'))
  c.clock.advance(10_000)
  const [left = ''] = c.nodes.keys()
  t.match(c.ask(left, 'bell', 'b1', 'Rung', undefined), { payload: ['tea'] })
  t.equal(heard.length, 1)
  c.stop()
})

t.test('reminders – outlive all nodes, and say how late they are', async (t) => {
  const c = await started(['n1', 'n2'])
  for (const [name, afterMs] of [
    ['early', 5_000],
    ['later', 60_000],
  ] as const)
    t.match(set(c, 'n1', 'b1', name, afterMs), ok)
  killAll(c)
  c.clock.advance(20_000)
  await c.start('n3')
  await c.start('n4')
  c.clock.advance(15_000)
  t.match(heard, [{ id: 'b1', name: 'early' }], 'missed while nobody ran')
  t.ok((heard[0]?.lateMs ?? 0) >= 15_000 && (heard[0]?.lateMs ?? 0) < 40_000, `${heard[0]?.lateMs} ms late`)
  c.clock.advance(40_000)
  t.same(
    heard.map(({ name }) => name),
    ['early', 'later'],
  )
  t.ok((heard[1]?.lateMs ?? -1) >= 0 && (heard[1]?.lateMs ?? 99) < 50, 'in time')
  killAll(c)
  await c.start('n5')
  c.clock.advance(60_000)
  t.equal(heard.length, 2, 'and are not kept after they were handled')
  c.stop()
})

t.test('reminders – begin an entity that has ended, and are forgotten when it is told', async (t) => {
  const c = await started(['n1', 'n2'])
  set(c, 'n1', 'b1', 'up', 4_000)
  set(c, 'n1', 'b1', 'no', 4_000)
  t.match(c.ask('n2', 'bell', 'b1', 'Forget', { name: 'no' }), ok)
  t.match(c.ask('n1', 'bell', 'b1', 'End', undefined), ok)
  killAll(c)
  await c.start('n3')
  c.clock.advance(30_000)
  t.same(
    heard.map(({ name }) => name),
    ['up'],
  )
  t.match(c.ask('n3', 'bell', 'b1', 'Rung', undefined), { payload: ['up'] })
  c.stop()
})

t.test('reminders – one of a name replaces the one before', async (t) => {
  const c = await started(['n1', 'n2'])
  set(c, 'n1', 'b1', 'x', 2_000)
  set(c, 'n1', 'b1', 'x', 20_000)
  c.clock.advance(10_000)
  t.equal(heard.length, 0)
  c.clock.advance(15_000)
  t.equal(heard.length, 1)
  c.stop()
})

t.test('reminders – more than remindersCountMax are a crash of the step that sets one', async (t) => {
  const c = await started(['n1'], { remindersCountMax: 2 })
  t.match(set(c, 'n1', 'b1', 'a', 1e6), ok)
  t.match(set(c, 'n1', 'b1', 'b', 1e6), ok)
  t.match(set(c, 'n1', 'b1', 'a', 2e6), ok, 'the same one again is none more')
  t.match(set(c, 'n1', 'b1', 'c', 1e6), {
    tag: 'error',
    error: { tag: 'Crashed', cause: /remindersCountMax/ },
  })
  c.stop()
})

t.test('reminders – what was acknowledged rings, whatever dies and when', async () => {
  const trial = fc.record({
    sets: fc.array(
      fc.record({ bell: fc.integer({ min: 0, max: 3 }), afterMs: fc.integer({ min: 0, max: 8_000 }) }),
      {
        minLength: 1,
        maxLength: 12,
      },
    ),
    killAllAtMs: fc.integer({ min: 0, max: 6_000 }),
    killOneAtMs: fc.integer({ min: 0, max: 6_000 }),
    killAgainMs: fc.integer({ min: 0, max: 1_000 }),
    delayMsMax: fc.integer({ min: 1, max: 20 }),
    recordDelayMsMax: fc.integer({ min: 0, max: 200 }),
    recordLoss: fc.constantFrom(0, 0, 0.05, 0.2),
  })
  await fc.assert(
    fc.asyncProperty(
      trial,
      async ({ sets, killAllAtMs, killOneAtMs, killAgainMs, delayMsMax, recordDelayMsMax, recordLoss }) => {
        const c = await started(['n1', 'n2', 'n3'])
        c.faults.set({ delayMsMin: 0, delayMsMax, recordDelayMsMin: 0, recordDelayMsMax, recordLoss })
        const acknowledged = new Set<string>()
        sets.forEach(({ bell, afterMs }, at) => {
          const given = { name: `r${at}`, afterMs }
          c.at('n1').ask({ kind: 'bell', id: `b${bell}` }, { tag: 'Set', payload: given }, {}, ({ tag }) => {
            if (tag === 'reply') acknowledged.add(given.name)
          })
          c.clock.advance(7)
        })
        const [first, second] = [Math.min(killOneAtMs, killAllAtMs), Math.max(killOneAtMs, killAllAtMs)]
        c.clock.advance(first)
        if (first === killOneAtMs) c.kill('n2')
        c.clock.advance(second - first)
        // By the state: a step that ran on a node which died before its mirror had it is run again.
        for (const bell of new Set(sets.map((set) => set.bell))) {
          const rung = c.ask('n1', 'bell', `b${bell}`, 'Rung', undefined)
          const names = rung.tag === 'reply' ? (rung.payload as string[]) : []
          if (new Set(names).size !== names.length) throw new Error(`twice: ${names.join()}`)
        }
        const promised = [...acknowledged]
        killAll(c)
        c.faults.set({ recordLoss: 0 })
        await c.start('n4')
        await c.start('n5')
        // While shards begin anew and what was kept of them is brought back.
        c.clock.advance(3_000 + killAgainMs)
        c.kill('n4')
        c.clock.advance(30_000)
        const rung = new Set(heard.map(({ name }) => name))
        const missing = promised.filter((name) => !rung.has(name))
        c.stop()
        if (missing.length > 0) throw new Error(`acknowledged and never rung: ${missing.join()}`)
      },
    ),
    { numRuns: 60 },
  )
})

t.test('remembered entities – come back by themselves, so many a second', async (t) => {
  const c = await started(['n1', 'n2'], { rememberedCountMax: 50 })
  const ids = Array.from({ length: 120 }, (_, i) => `s${i}`)
  for (const each of ids) {
    let outcome: unknown
    c.at('n1').spawn('stand', each, 5_000, (result) => {
      outcome = result
    })
    for (let i = 0; i < 1_000 && outcome === undefined; i++) c.clock.advance(5)
    t.match(outcome, ok)
  }
  killAll(c)
  begun.length = 0
  await c.start('n3')
  let most = 0
  for (let i = 0; i < 300 && begun.length < ids.length; i++) {
    const before = begun.length
    c.clock.advance(100)
    most = Math.max(most, begun.length - before)
  }
  t.same(new Set(begun), new Set(ids), 'all are there')
  t.ok(most <= 12, `${most} in a tenth of a second`)
  t.match(c.ask('n3', 'stand', 's7', 'Look', undefined), { payload: 's7' })
  c.stop()
})
