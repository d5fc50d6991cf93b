import t from 'tap'
import * as io from 'io-ts'
import {
  JournalFailed,
  type LocalRef,
  memoryEngine,
  message,
  Misuse,
  nodeProtocol,
  type PersistenceEngine,
  persistent,
  record,
} from '../../../lib/index.js'
import { type Bed, bed, deferred, startActor } from '../../fixtures/kernel/index.js'
import { reasonOf } from '../../fixtures/kernel/counter.js'
import {
  Account,
  account,
  type AccountOptions,
  entriesOf,
  entry,
} from '../../fixtures/persistence/account.js'

const key = 'account-1'

/** One actor on a virtual clock; `restart` begins its next life as a supervisor would. */
const opened = async (options: AccountOptions, on: Bed = bed()) => {
  const { actor, ended, failures } = startActor(on.kernel, account(options))
  const ref = actor.ref as unknown as LocalRef<'account'>
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 4; i++) await on.settle()
  }
  await settle()
  const ask: typeof ref.ask = async (asked, ...rest) => {
    const answer = ref.ask(asked, ...rest)
    answer.catch(() => undefined)
    await settle()
    return answer
  }
  const restart = async (): Promise<void> => {
    actor.begin((begun) => {
      if (begun.tag === 'failed') failures.push(begun.error)
    })
    await settle()
  }
  return { ...on, actor, ref, ended, failures, ask, settle, restart }
}

const numbers = async (engine: PersistenceEngine): Promise<number[]> =>
  (await entriesOf(engine, key)).map(({ sequenceNumber }) => sequenceNumber)

t.test('persistent - a step is written before it is answered, and replayed at the next start', async (t) => {
  const engine = memoryEngine()
  const first = await opened({ engine })
  t.equal(await first.ask(Account.Pay({ amount: 10 })), 10)
  t.equal(await first.ask(Account.Take({ amount: 4 })), 6)
  first.ref.tell(Account.Note({ text: 'hello' }))
  await first.settle()
  t.match(await reasonOf(first.ask(Account.Take({ amount: 99 }))), { tag: 'Refused', refusal: 'TOO_LITTLE' })
  await first.ask(Account.Nothing())
  t.match(await entriesOf(engine, key), [
    { sequenceNumber: 1, data: { tag: 'Paid', amount: 10 }, key, isDeleted: false, tags: [] },
    { sequenceNumber: 2, data: { tag: 'Taken', amount: 4 } },
    { sequenceNumber: 3, data: { tag: 'Noted', text: 'hello' } },
  ])
  const second = await opened({ engine })
  t.same(await second.ask(Account.Look()), { gold: 6, notes: ['hello'] })
  t.equal(await second.ask(Account.Pay({ amount: 1 })), 7)
  t.same(await numbers(engine), [1, 2, 3, 4])
})

t.test('persistent - the events of one step are one entry', async (t) => {
  const engine = memoryEngine()
  const it = await opened({ engine })
  t.equal(await it.ask(Account.Swap({ out: 3, in: 8 })), 5)
  t.match(await entriesOf(engine, key), [
    { sequenceNumber: 1, data: { $events: [{ tag: 'Taken' }, { tag: 'Paid' }] } },
  ])
  t.equal(await (await opened({ engine })).ask(Account.Swap({ out: 0, in: 0 })), 5)
})

t.test(
  'persistent - nothing is answered and no other message taken while a write is under way',
  async (t) => {
    const engine = memoryEngine()
    const gate = deferred()
    const slow: PersistenceEngine = {
      ...engine,
      persist: async (event) => {
        await gate.promise
        await engine.persist(event)
      },
    }
    const it = await opened({ engine: slow })
    const heard: string[] = []
    void it.ref.ask(Account.Pay({ amount: 1 })).then(() => heard.push('paid'))
    void it.ref.ask(Account.Look()).then(() => heard.push('looked'))
    await it.settle()
    t.same(heard, [])
    gate.resolve()
    await it.settle()
    t.same(heard, ['paid', 'looked'])
  },
)

t.test('persistent - a write that was not confirmed is UnknownOutcome, and leaves no gap', async (t) => {
  const engine = memoryEngine()
  let fails: 'before' | 'after' | undefined
  const broken: PersistenceEngine = {
    ...engine,
    persist: async (event) => {
      if (fails === 'before') throw new Error('the line is cut')
      await engine.persist(event)
      if (fails === 'after') throw new Error('the line is cut')
    },
  }
  const it = await opened({ engine: broken })
  await it.ask(Account.Pay({ amount: 1 }))
  for (const [when, gold] of [
    ['before', 1],
    ['after', 11],
  ] as const) {
    fails = when
    t.match(await reasonOf(it.ask(Account.Pay({ amount: 10 }))), { tag: 'UnknownOutcome' }, when)
    const crash = it.ended.pop() as { error: JournalFailed }
    t.match(crash, { tag: 'crash', error: { code: 'WriteFailed', key, sequence: 2 } })
    t.match(crash.error.message, /^Entry 2 of the journal "account-1" may or may not .*: the line is cut$/)
    fails = undefined
    await it.restart()
    t.match(await it.ask(Account.Look()), { gold }, 'the next replay tells')
  }
  t.equal(await it.ask(Account.Pay({ amount: 0 })), 11)
  t.same(await numbers(engine), [1, 2, 3])
})

t.test('persistent - an ask is applied once per reqId, also over a crash and a snapshot', async (t) => {
  const engine = memoryEngine()
  let isCut = true
  const broken: PersistenceEngine = {
    ...engine,
    persist: async (event) => {
      await engine.persist(event)
      if (isCut) throw new Error('the line is cut')
    },
  }
  const it = await opened({ engine: broken, snapshotEveryCount: 2 })
  const pay = (): Promise<unknown> => it.ask(Account.Pay({ amount: 10 }), { reqId: 'r1' })
  t.match(await reasonOf(pay()), { tag: 'UnknownOutcome' })
  isCut = false
  await it.restart()
  t.equal(await pay(), 10, 'the kept reply')
  t.match(await entriesOf(engine, key), [
    { data: { $events: [{ tag: 'Paid' }], $answer: { reqId: 'r1', tag: 'Pay', reply: 10 } } },
  ])
  t.equal(await it.ask(Account.Pay({ amount: 1 }), { reqId: 'r2' }), 11)
  t.match(await engine.latestSnapshot(key), { data: { $state: { gold: 11 }, $answers: [{}, {}] } })
  const next = await opened({ engine })
  t.equal(await next.ask(Account.Pay({ amount: 10 }), { reqId: 'r1' }), 10, 'from the snapshot')
  t.match(await next.ask(Account.Look()), { gold: 11 })
})

t.test('persistent - of two actors with one key the later writer stops, and says why', async (t) => {
  const engine = memoryEngine()
  const on = bed()
  const one = await opened({ engine }, on)
  const other = await opened({ engine }, bed())
  await one.ask(Account.Pay({ amount: 1 }))
  t.match(await reasonOf(other.ask(Account.Pay({ amount: 5 }))), { tag: 'Crashed', cause: { code: 'Taken' } })
  t.match(other.ended, [
    { error: { message: /^Another actor writes the journal "account-1": entry 1 is there already/ } },
  ])
  t.equal(await one.ask(Account.Pay({ amount: 1 })), 2, 'the first goes on')
  await other.restart()
  t.equal(await other.ask(Account.Pay({ amount: 5 })), 7, 'the other sees it when it is begun again')
})

t.test('persistent - what apply or a codec cannot bear is never written', async (t) => {
  const engine = memoryEngine()
  const it = await opened({
    engine,
    apply: (purse, event) => {
      if (event.tag === 'Taken') throw new Error('expected in this test')
      return event.tag === 'Paid' ? { ...purse, gold: purse.gold + event.amount } : purse
    },
  })
  await it.ask(Account.Pay({ amount: 5 }))
  t.match(await reasonOf(it.ask(Account.Take({ amount: 1 }))), {
    tag: 'Crashed',
    cause: { message: 'expected in this test' },
  })
  await it.restart()
  t.match(await reasonOf(it.ask(Account.Pay({ amount: Number.NaN }))), {
    cause: { code: 'DoesNotFit', message: /entry 2 of the journal "account-1".*amount: expected number/ },
  })
  await it.restart()
  t.match(await reasonOf(it.ask(Account.Swap({ out: 1, in: 1 }))), { tag: 'Crashed' })
  await it.restart()
  const long = 'x'.repeat(300_000)
  it.ref.tell(Account.Note({ text: long }))
  await it.settle()
  t.match(it.ended.at(-1), {
    error: { code: 'TooLarge', message: /more than 262144, so it was not written/ },
  })
  t.same(await numbers(engine), [1])
})

t.test('persistent - what cannot be replayed stops the actor, is named, and stays', async (t) => {
  const good = (n: number) => entry(key, n, { tag: 'Paid', amount: n })
  const cases: readonly (readonly [string, ReturnType<typeof good>[], RegExp])[] = [
    [
      'an event that does not decode',
      [good(1), entry(key, 2, { tag: 'Paid', amount: 'ten' }), good(3)],
      /^Entry 2 of the journal "account-1" cannot .*: .*amount: expected number.* Nothing was deleted/,
    ],
    ['a gap', [good(1), good(3)], /^Entry 2 .*it is missing; the next one that is there has the number 3/],
    ['a gap at the beginning', [good(2)], /^Entry 1 .*it is missing/],
  ]
  for (const [name, entries, sentence] of cases) {
    const engine = memoryEngine()
    for (const each of entries) await engine.persist(each)
    const it = await opened({ engine })
    t.match(it.failures, [{ code: 'Corrupt', key, message: sentence }], name)
    t.equal(it.failures[0] instanceof JournalFailed, true)
    t.same(await entriesOf(engine, key), entries, 'nothing was touched')
    t.notMatch(String(it.failures[0]), /ten/, 'no value is told')
  }
  const engine = memoryEngine()
  await engine.persist(good(1))
  const it = await opened({
    engine,
    apply: () => {
      throw new Error('expected in this test')
    },
  })
  t.match(it.failures, [{ code: 'Corrupt', message: /Entry 1 .*apply threw: expected in this test/ }])
  const unreadable: PersistenceEngine = {
    ...engine,
    latestSnapshot: () => Promise.reject(new Error('no route')),
  }
  t.match((await opened({ engine: unreadable })).failures, [
    { code: 'LoadFailed', message: /could not be read after entry 0: no route/ },
  ])
})

t.test('persistent - an entry marked as deleted keeps its number and is left out', async (t) => {
  const engine = memoryEngine()
  await engine.persist({ ...entry(key, 1, 'whatever it was'), isDeleted: true })
  await engine.persist(entry(key, 2, { tag: 'Paid', amount: 2 }))
  const it = await opened({ engine })
  t.equal(await it.ask(Account.Pay({ amount: 1 })), 3)
})

t.test('persistent - snapshots by count shorten the replay, which goes on behind them', async (t) => {
  const engine = memoryEngine()
  const offsets: number[] = []
  const watched: PersistenceEngine = {
    ...engine,
    events: (k, offset, ...rest) => {
      offsets.push(offset)
      return engine.events(k, offset, ...rest)
    },
  }
  const it = await opened({ engine: watched, snapshotEveryCount: 3 })
  for (let i = 0; i < 8; i++) await it.ask(Account.Pay({ amount: 1 }))
  t.match(await engine.latestSnapshot(key), { sequenceNumber: 6, data: { gold: 6 }, key })
  offsets.length = 0
  const next = await opened({ engine: watched, snapshotEveryCount: 3 })
  t.match(await next.ask(Account.Look()), { gold: 8 })
  t.same(offsets, [6, 8])
  await next.ask(Account.Pay({ amount: 1 }))
  await next.settle()
  t.match(await engine.latestSnapshot(key), { sequenceNumber: 9 }, 'entries before the start count')
})

t.test('persistent - snapshots by time come without a further message, and die with the actor', async (t) => {
  const engine = memoryEngine()
  const it = await opened({ engine, snapshotEveryMs: 60_000 })
  await it.ask(Account.Pay({ amount: 1 }))
  await it.ask(Account.Pay({ amount: 1 }))
  it.clock.advance(59_000)
  await it.settle()
  t.equal(await engine.latestSnapshot(key), undefined)
  it.clock.advance(1_000)
  await it.settle()
  t.match(await engine.latestSnapshot(key), { sequenceNumber: 2 })
  it.clock.advance(600_000)
  t.equal(it.clock.pendingCount, 0, 'nothing changed, so no timer is set')
  await it.ask(Account.Pay({ amount: 1 }))
  it.actor.abort()
  it.clock.advance(600_000)
  await it.settle()
  t.match(await engine.latestSnapshot(key), { sequenceNumber: 2 })
})

t.test('persistent - a snapshot that cannot be written is told, and the actor goes on', async (t) => {
  const engine = memoryEngine()
  const full: PersistenceEngine = { ...engine, takeSnapshot: () => Promise.reject(new Error('disk full')) }
  const it = await opened({ engine: full, snapshotEveryCount: 2 })
  for (let i = 1; i <= 4; i++) t.equal(await it.ask(Account.Pay({ amount: 1 })), i)
  t.same(
    it.events.filter(({ tag }) => tag === 'SnapshotFailed').length,
    2,
    'tried again after as many entries',
  )
  t.same(it.ended, [])
})

t.test(
  'persistent - a state that its codec or JSON cannot hold is no snapshot, and the actor goes on',
  async (t) => {
    const engine = memoryEngine()
    const it = await opened({ engine, snapshotEveryCount: 2 })
    for (let i = 0; i < 2; i++) await it.ask(Account.Pay({ amount: 1e308 }))
    t.equal(await it.ask(Account.Pay({ amount: 1 })), Number.POSITIVE_INFINITY)
    t.match(
      it.events.find(({ tag }) => tag === 'SnapshotFailed'),
      {
        error: { code: 'DoesNotFit', sequence: 2, message: /^The state for entry 2 .*gold: expected number/ },
      },
    )
    t.equal(await engine.latestSnapshot(key), undefined)
  },
)

t.test('persistent - the last 256 replies are kept, older ones are forgotten', async (t) => {
  const engine = memoryEngine()
  const it = await opened({ engine })
  for (let i = 1; i <= 260; i++) await it.ask(Account.Pay({ amount: 1 }), { reqId: `r${i}` })
  const next = await opened({ engine })
  t.equal(await next.ask(Account.Pay({ amount: 1 }), { reqId: 'r260' }), 260)
  t.equal(await next.ask(Account.Pay({ amount: 1 }), { reqId: 'r5' }), 5)
  t.equal(await next.ask(Account.Pay({ amount: 1 }), { reqId: 'r4' }), 261, 'applied again')
})

t.test('persistent - a snapshot that does not decode stops the actor and stays', async (t) => {
  const engine = memoryEngine()
  await engine.persist(entry(key, 1, { tag: 'Paid', amount: 1 }))
  const broken = [
    [{ data: { gold: 1 }, sequenceNumber: 1 }, /snapshot of .* at entry 1 cannot be read: notes: expected/],
    [{ data: { gold: 1, notes: [] }, sequenceNumber: 0 }, /sequenceNumber: expected a whole number/],
  ] as const
  for (const [snapshot, sentence] of broken) {
    await engine.takeSnapshot({ ...snapshot, key, createdAt: 1 })
    t.match((await opened({ engine })).failures, [{ code: 'Corrupt', message: sentence }])
    t.match(await engine.latestSnapshot(key), snapshot)
  }
})

t.test('persistent - an orderly stop waits for the snapshot and then cleans up', async (t) => {
  const engine = memoryEngine()
  const gate = deferred()
  const slow: PersistenceEngine = {
    ...engine,
    takeSnapshot: async (snapshot) => {
      await gate.promise
      await engine.takeSnapshot(snapshot)
    },
  }
  const it = await opened({ engine: slow, snapshotEveryCount: 1 })
  await it.ask(Account.Pay({ amount: 1 }))
  let isOver = false
  it.actor.halt(() => {
    isOver = true
  })
  await it.settle()
  t.equal(isOver, false)
  gate.resolve()
  await it.settle()
  t.equal(isOver, true)
  t.match(await engine.latestSnapshot(key), { sequenceNumber: 1 })
})

t.test('persistent - mistakes in a declaration are named', async (t) => {
  const engine = memoryEngine()
  const misuse = (change: object, sentence: RegExp): void => {
    t.throws(() => account({ engine, ...change }), sentence)
    t.throws(() => account({ engine, ...change }), Misuse)
  }
  misuse({ key: '' }, /persistent "account": key: expected 1 to 255 characters/)
  misuse({ snapshotEveryCount: 0 }, /snapshotEveryCount: expected a whole number from 1/)
  misuse({ snapshotEveryMs: 0.5 }, /snapshotEveryMs: expected a whole number from 1/)
  const Odd = nodeProtocol('odd', { Do: message() })
  const odd = persistent(Odd, {
    key,
    engine,
    events: io.string,
    state: io.number,
    init: () => 0,
    apply: (n) => n + 1,
    on: { Do: () => undefined as never },
  })
  const { kernel, settle } = bed()
  const { actor, ended } = startActor(kernel, odd)
  await settle()
  ;(actor.ref as unknown as LocalRef<'odd'>).tell(Odd.Do())
  await settle()
  t.match(ended, [
    { error: { code: 'StepReturnedNothing', message: /return record, recordReply or refuse/ } },
  ])
  // What is not in the events' codec does not compile.
  persistent(Odd, {
    key,
    engine,
    events: io.string,
    state: io.number,
    init: () => 0,
    apply: (n) => n + 1,
    // @ts-expect-error a number is no event of this journal
    on: { Do: () => record([1]) },
  })
})
