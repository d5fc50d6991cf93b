import t from 'tap'
import type { Change, Output } from '../../../lib/entity/copy.js'
import type { StepResult } from '../../../lib/entity/protocol.js'
import { purse, smallPurse, spawnedPurse, StepBench } from '../../fixtures/purse.js'

const changeOf = (result: StepResult): Change => {
  if (result.type !== 'change') throw new Error(`no change but ${JSON.stringify(result)}`)
  return result.change
}
const outputsOf = (result: StepResult): readonly Output[] => changeOf(result).outputs
const errorOf = (result: StepResult): string => (result.type === 'error' ? result.error.tag : result.type)

t.test('step - an ask is answered, remembered under its reqId, and not applied again', async (t) => {
  const bench = new StepBench()
  const first = bench.ask('a', 'Add', { n: 3 }, { reqId: 'r', ask: 7 })
  t.same(outputsOf(first), [{ to: 'asker', asker: 'n2#1', ask: 7, outcome: 'reply', payload: 3 }])
  t.match(changeOf(first), { seq: 1, id: 'a', life: 'live', replies: [['r', 'reply', 3, 2_000]] })
  const again = bench.ask('a', 'Add', { n: 3 }, { reqId: 'r' })
  t.match(again, { type: 'remembered', reply: { outcome: 'reply', payload: 3, seq: 1 } })
  t.equal(bench.state('a').total, 3)
})

t.test('step - a refusal changes no state, and is remembered as well', async (t) => {
  const bench = new StepBench()
  bench.ask('a', 'Add', { n: 3 })
  const refused = bench.ask('a', 'Add', { n: 101 }, { reqId: 'r' })
  t.match(outputsOf(refused), [{ outcome: 'refusal', payload: 'TOO_MUCH' }])
  t.notOk('state' in changeOf(refused))
  t.equal(bench.state('a').total, 3)
  t.match(bench.ask('a', 'Add', { n: 1 }, { reqId: 'r' }), {
    type: 'remembered',
    reply: { outcome: 'refusal' },
  })
})

t.test('step - a refusal does not bring an entity to life', async (t) => {
  const bench = new StepBench()
  bench.ask('a', 'Add', { n: 101 }, { reqId: 'r' })
  t.match(bench.copy('a'), { life: 'stopped', incarnation: 0, state: undefined })
  t.match(bench.ask('a', 'Add', { n: 101 }, { reqId: 'r' }), { type: 'remembered' })
  bench.ask('a', 'Add', { n: 1 })
  t.match(bench.copy('a'), { life: 'live', incarnation: 1 })
})

t.test('step - a read changes nothing and remembers nothing', async (t) => {
  const bench = new StepBench()
  bench.ask('a', 'Add', { n: 3 })
  t.same(bench.ask('a', 'Total', undefined, { reqId: 'r' }), { type: 'read', payload: 3 })
  t.notOk(bench.copy('a').replies.has('r'))
  t.same(bench.ask('never', 'Total'), { type: 'read', payload: 0 }, 'also of one that never was')
  t.notOk(bench.copies.has('never'))
})

t.test('step - a tell without a new state travels without one', async (t) => {
  const bench = new StepBench()
  t.ok('state' in changeOf(bench.tell('a', 'Bump', { n: 2 })))
  t.notOk('state' in changeOf(bench.tell('a', 'Bump', { n: 0 })))
  t.equal(bench.state('a').total, 2)
})

t.test('step - an ask that is put off stays open and is answered once', async (t) => {
  const bench = new StepBench()
  bench.ask('a', 'Add', { n: 5 })
  t.match(changeOf(bench.ask('a', 'Wait', undefined, { reqId: 'w', ask: 9 })), {
    replies: [['w', 'pending', undefined, 11_000]],
    outputs: [],
  })
  t.equal(bench.ask('a', 'Wait', undefined, { reqId: 'w' }).type, 'nothing', 'asked again: still open')
  const open = bench.tell('a', 'Open')
  t.same(outputsOf(open), [{ to: 'asker', asker: 'n2#1', ask: 9, outcome: 'reply', payload: 5 }])
  t.match(bench.ask('a', 'Wait', undefined, { reqId: 'w' }), { type: 'remembered', reply: { payload: 5 } })
})

t.test('step - what was put off is refused at most once, whatever the handler says later', async (t) => {
  const bench = new StepBench()
  bench.ask('a', 'Wait', undefined, { reqId: 'w' })
  const first = outputsOf(bench.tell('a', 'Deny'))
  t.match(first[0], { outcome: 'refusal', payload: 'DENIED' })
  t.same(outputsOf(bench.tell('a', 'Deny')), [], 'it was closed before')
  t.equal(first.length, 1, 'one step closes it once')
})

t.test(
  'step - what cannot be read is answered Malformed with a complaint, and changes nothing',
  async (t) => {
    const bench = new StepBench()
    for (const result of [
      bench.ask('a', 'Add', { n: 'three' }),
      bench.ask('a', 'Add'),
      bench.ask('a', 'Bump', { n: 1 }),
      bench.ask('a', 'Nothing'),
      bench.ask('a', 'Rang', { name: 'x' }),
      bench.tell('a', 'Add', { n: 1 }),
      bench.tell('a', 'Bump', { n: null }),
      bench.tell('a', 'toString'),
    ])
      t.match(result, { type: 'error', error: { tag: 'Malformed', address: 'purse/a' } })
    t.equal(bench.copies.size, 0)
    t.match(bench.ask('a', 'Add', { n: 'three' }), { error: { complaints: [/n: expected number/] } })
  },
)

t.test('step - an id that was not spawned has no recipient; a spawn starts it once', async (t) => {
  const bench = new StepBench(spawnedPurse)
  t.equal(errorOf(bench.ask('a', 'Add', { n: 1 })), 'NoRecipient')
  t.equal(errorOf(bench.tell('a', 'Bump', { n: 1 })), 'NoRecipient')
  const asker = { node: 'n2#1', ask: 1, reqId: 's1' }
  t.match(outputsOf(bench.step('a', { type: 'spawn', asker })), [{ payload: 'started' }])
  t.match(bench.step('a', { type: 'spawn', asker }), { type: 'remembered', reply: { payload: 'started' } })
  const other = bench.step('a', { type: 'spawn', asker: { ...asker, reqId: 's2' } })
  t.match(outputsOf(other), [{ payload: 'already-started' }])
  t.match(outputsOf(bench.ask('a', 'Add', { n: 1 })), [{ payload: 1 }])
})

t.test('step - after a stop nothing of its state and timers is left, but its answers are', async (t) => {
  const bench = new StepBench(spawnedPurse)
  bench.step('a', { type: 'spawn', asker: { node: 'n2#1', ask: 1, reqId: 's' } })
  bench.ask('a', 'Add', { n: 4 }, { reqId: 'r' })
  bench.tell('a', 'Later', { ms: 10, name: 'bell' })
  const ended = changeOf(bench.tell('a', 'End'))
  t.match(ended, { life: 'stopped' })
  t.notOk('state' in ended)
  t.match(bench.copy('a'), { life: 'stopped', state: undefined })
  t.equal(bench.copy('a').timers.size, 0)
  t.match(bench.ask('a', 'Add', { n: 4 }, { reqId: 'r' }), { type: 'remembered', reply: { payload: 4 } })
  t.equal(errorOf(bench.ask('a', 'Add', { n: 4 })), 'NoRecipient')
  bench.step('a', { type: 'spawn', asker: { node: 'n2#1', ask: 2, reqId: 's2' } })
  t.match(bench.copy('a'), { life: 'live', incarnation: 2 })
  t.equal(bench.state('a').total, 0, 'it begins anew')
})

t.test('step - a timer fires once, with its own message; a replaced or cancelled one does not', async (t) => {
  const bench = new StepBench()
  bench.tell('a', 'Later', { ms: 50, name: 'bell' })
  t.same(bench.copy('a').timers.get('bell'), { at: 1_050, tag: 'Rang', payload: { name: 'bell' } })
  bench.tell('a', 'Later', { ms: 70, name: 'bell' })
  t.equal(bench.copy('a').timers.get('bell')?.at, 1_070, 'replaced')
  const before = bench.step('a', { type: 'timer', name: 'bell', at: 1_050 })
  t.equal(before.type, 'nothing', 'the first one rang already, and waited while it was replaced')
  bench.now = 1_070
  bench.step('a', { type: 'timer', name: 'bell', at: 1_070 })
  t.same(bench.state('a').rang, ['bell'])
  t.equal(bench.step('a', { type: 'timer', name: 'bell', at: 1_070 }).type, 'nothing')
  bench.tell('a', 'Later', { ms: 5, name: 'other' })
  bench.tell('a', 'Cancel', { name: 'other' })
  t.equal(bench.step('a', { type: 'timer', name: 'other', at: bench.now + 5 }).type, 'nothing')
  bench.tell('a', 'Later', { ms: 5, name: undefined })
  bench.tell('a', 'Later', { ms: 5, name: undefined })
  t.equal(bench.copy('a').timers.size, 2, 'without a name each stands alone')
})

t.test('step - passivation keeps the answers and ends the state; a live one only', async (t) => {
  const bench = new StepBench()
  t.equal(bench.step('a', { type: 'passivate' }).type, 'nothing')
  bench.ask('a', 'Add', { n: 1 }, { reqId: 'r' })
  t.match(changeOf(bench.step('a', { type: 'passivate' })), { life: 'stopped' })
  t.match(bench.copy('a'), { life: 'stopped', state: undefined })
  t.ok(bench.copy('a').replies.has('r'))
})

t.test('step - forgetting leaves nothing', async (t) => {
  const bench = new StepBench()
  bench.ask('a', 'Add', { n: 1 }, { reqId: 'r' })
  t.match(bench.step('a', { type: 'forget' }), { change: { life: 'gone' }, state: undefined })
  t.notOk(bench.copies.has('a'))
})

t.test('step - a state over stateBytesMax is a crash that says so, and changes nothing', async (t) => {
  const bench = new StepBench(smallPurse)
  bench.tell('a', 'Grow', { chars: 20 })
  t.throws(() => bench.tell('a', 'Grow', { chars: 500 }), {
    message: /state of purse\/a is \d+ bytes, more than its stateBytesMax \(200\)/,
  })
  t.equal(bench.state('a').pad.length, 20)
  t.equal(bench.changes.length, 1)
})

t.test('step - a state that no frame could take is a crash as well', async (t) => {
  const bench = new StepBench()
  bench.tell('a', 'Grow', { chars: 90_000 })
  t.throws(() => bench.tell('a', 'Grow', { chars: 100_000 }), {
    message: /state of purse\/a is \d+ bytes, more than payloadBytesMax \(100000\)/,
  })
  t.equal(bench.state('a').pad.length, 90_000)
})

t.test('step - a handler that throws, or returns nothing or a promise, changes nothing', async (t) => {
  const bench = new StepBench()
  t.throws(() => bench.tell('a', 'Wrong', { how: 'throws' }), { message: 'on purpose' })
  t.throws(() => bench.tell('a', 'Wrong', { how: 'nothing' }), { code: 'StepReturnedNothing' })
  t.throws(() => bench.tell('a', 'Wrong', { how: 'promise' }), { code: 'StepReturnedPromise' })
  t.equal(bench.copies.size, 0)
})

t.test('step - what only an actor of a node can do is refused with a sentence', async (t) => {
  const bench = new StepBench()
  for (const how of ['stashes', 'unstashes', 'repeats', 'jitters'])
    t.throws(
      () => bench.tell('a', 'Wrong', { how }),
      { code: 'WrongForm', message: /for actors of a node/ },
      how,
    )
  t.equal(bench.copies.size, 0)
})

t.test(
  'step - tells and publications leave with the change, in the order in which they were said',
  async (t) => {
    t.same(outputsOf(new StepBench().tell('a', 'Say', { to: 'b', text: 'hi' })), [
      { to: 'entity', id: 'b', kind: 'purse', tag: 'Bump', payload: { n: 1 } },
      { to: 'topic', topic: 'news', payload: { text: 'hi' } },
    ])
  },
)

t.test('step - a tell that was heard before does nothing, and one that was overtaken is told', async (t) => {
  const bench = new StepBench(purse)
  const from = (gen: number, seq: number, part: number, epoch: number) =>
    bench.step('a', {
      type: 'tell',
      tag: 'Bump',
      payload: { n: 1 },
      origin: { node: 'n2', incarnation: 1, isHere: false },
      from: { shard: 'purse.3', gen, seq, part, epoch },
    }).type
  const heard = [
    [from(1, 5, 0, 2), 'change'],
    [from(1, 5, 0, 2), 'nothing'],
    [from(1, 5, 1, 2), 'change'],
    [from(1, 4, 9, 2), 'overtaken'],
    [from(1, 6, 0, 1), 'overtaken'],
    [from(1, 6, 0, 3), 'change'],
    [from(1, 5, 0, 4), 'nothing'],
    [from(2, 1, 0, 4), 'change'],
    [from(1, 9, 0, 9), 'overtaken'],
  ]
  for (const [seen, wanted] of heard) t.equal(seen, wanted)
  t.equal(bench.state('a').total, 4)
})
