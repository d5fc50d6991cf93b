import t from 'tap'
import type { Asker, StepResult } from '../../../lib/entity/protocol.js'
import { StepBench } from '../../fixtures/purse.js'

const tagOf = (result: StepResult): string => (result.type === 'error' ? result.error.tag : result.type)
/** As the runtime names the asks of commands: sender, then number. */
const asker = (number: number, floor: number): Asker => ({
  node: 'n2#1',
  ask: number,
  reqId: `purse/b/3.1.1/${number}`,
  floor,
})

t.test('commands - one is kept in the outbox until its answer has come back to the handler', async (t) => {
  const bench = new StepBench()
  const given = bench.tell('a', 'Pay', { to: 'b', n: 5 })
  t.match(given, { change: { outputs: [{ to: 'command', number: 1 }] } })
  t.same(bench.copy('a').outbox.get(1), {
    kind: 'purse',
    id: 'b',
    tag: 'Add',
    payload: { n: 5 },
    then: { tag: 'Paid', payload: { to: 'b' } },
    floor: 1,
  })
  bench.step('a', { type: 'answer', number: 1, outcome: 'reply', payload: 5 })
  t.same(bench.state('a').paid, ['b 5'])
  t.equal(bench.copy('a').outbox.size, 0)
  t.equal(
    bench.step('a', { type: 'answer', number: 1, outcome: 'reply', payload: 5 }).type,
    'nothing',
    'once',
  )
})

t.test('commands - a refusal is an answer too', async (t) => {
  const bench = new StepBench()
  bench.tell('a', 'Pay', { to: 'b', n: 500 })
  bench.step('a', { type: 'answer', number: 1, outcome: 'refusal', payload: 'TOO_MUCH' })
  t.same(bench.state('a').paid, ['b TOO_MUCH'])
})

t.test('commands - each has the lowest open one as its floor, and numbers are not used again', async (t) => {
  const bench = new StepBench()
  bench.tell('a', 'Pay', { to: 'b', n: 1 })
  bench.tell('a', 'Pay', { to: 'c', n: 1 })
  t.equal(bench.copy('a').outbox.get(2)?.floor, 1)
  bench.step('a', { type: 'answer', number: 1, outcome: 'reply', payload: 1 })
  bench.tell('a', 'Pay', { to: 'd', n: 1 })
  t.equal(bench.copy('a').outbox.get(3)?.floor, 2)
})

t.test('commands - with too many open ones an entity takes no message but their answers', async (t) => {
  const bench = new StepBench()
  bench.tell('a', 'Pay', { to: 'b', n: 1 })
  bench.tell('a', 'Pay', { to: 'c', n: 1 })
  t.equal(tagOf(bench.tell('a', 'Bump', { n: 1 })), 'Overloaded')
  t.equal(tagOf(bench.ask('a', 'Add', { n: 1 })), 'Overloaded')
  t.equal(tagOf(bench.ask('a', 'Total')), 'read', 'reads change nothing')
  t.equal(tagOf(bench.step('a', { type: 'answer', number: 1, outcome: 'reply', payload: 1 })), 'change')
  t.equal(tagOf(bench.tell('a', 'Bump', { n: 1 })), 'change')
})

t.test('commands - an answer that does not fit is told to the handler, and ends the command', async (t) => {
  for (const [outcome, payload] of [
    ['reply', 'five'],
    ['refusal', 'WHATEVER'],
  ] as const) {
    const bench = new StepBench()
    bench.tell('a', 'Pay', { to: 'b', n: 1 })
    t.equal(tagOf(bench.step('a', { type: 'answer', number: 1, outcome, payload })), 'change')
    t.same(bench.state('a').paid, ['b AnswerMalformed'])
    t.equal(bench.copy('a').outbox.size, 0)
  }
})

t.test('commands - what cannot be delivered comes to the handler as it was sent back', async (t) => {
  const bench = new StepBench()
  bench.tell('a', 'Pay', { to: 'b', n: 1 })
  const payload = { tag: 'Undeliverable', why: 'NoRecipient', address: 'purse/b', detail: 'Nobody.' }
  bench.step('a', { type: 'answer', number: 1, outcome: 'undeliverable', payload })
  t.same(bench.state('a').paid, ['b NoRecipient'])
})

t.test('commands - one that is let go frees its place, once', async (t) => {
  const bench = new StepBench()
  bench.tell('a', 'Pay', { to: 'b', n: 1 })
  t.equal(bench.step('a', { type: 'abandon', number: 1 }).type, 'change')
  t.equal(bench.copy('a').outbox.size, 0)
  t.equal(bench.step('a', { type: 'abandon', number: 1 }).type, 'nothing')
})

t.test(
  'commands - one of an entity that has stopped is still answered, for the outbox to empty',
  async (t) => {
    const bench = new StepBench()
    bench.tell('a', 'Pay', { to: 'b', n: 1 })
    bench.tell('a', 'End')
    t.equal(bench.copy('a').outbox.size, 1, 'the stop does not take it back')
    t.equal(tagOf(bench.step('a', { type: 'answer', number: 1, outcome: 'reply', payload: 1 })), 'change')
    t.match(bench.copy('a'), { life: 'stopped' })
    t.equal(bench.copy('a').outbox.size, 0)
  },
)

t.test('commands - the receiver answers a repeated one from memory, for as long as it is sent', async (t) => {
  const bench = new StepBench()
  bench.ask('b', 'Add', { n: 5 }, asker(1, 1))
  t.equal(bench.copy('b').replies.get('purse/b/3.1.1/1')?.keepUntil, 11_000, 'as long as it is sent again')
  bench.now += 9_000
  t.match(bench.ask('b', 'Add', { n: 5 }, asker(1, 1)), { type: 'remembered', reply: { payload: 5 } })
})

t.test('commands - one below the floor is a late copy: it is not applied again', async (t) => {
  const bench = new StepBench()
  bench.ask('b', 'Add', { n: 5 }, asker(1, 1))
  bench.now += 2_000
  bench.ask('b', 'Add', { n: 5 }, asker(2, 2))
  t.notOk(bench.copy('b').replies.has('purse/b/3.1.1/1'), 'its sender has the answer')
  t.equal(bench.ask('b', 'Add', { n: 5 }, asker(1, 1)).type, 'nothing')
  t.equal(bench.state('b').total, 10)
})

t.test('commands - an answer is not forgotten at once when the floor passes it', async (t) => {
  const bench = new StepBench()
  bench.ask('b', 'Add', { n: 5 }, asker(1, 1))
  bench.ask('b', 'Add', { n: 5 }, asker(2, 2))
  t.ok(bench.copy('b').replies.has('purse/b/3.1.1/1'), 'a copy of the ask may still be under way')
  t.match(bench.ask('b', 'Add', { n: 5 }, asker(1, 1)), { type: 'remembered' })
})

t.test('commands - a floor never goes back', async (t) => {
  const bench = new StepBench()
  bench.ask('b', 'Add', { n: 1 }, asker(5, 5))
  bench.ask('b', 'Add', { n: 1 }, asker(6, 3))
  t.equal(bench.ask('b', 'Add', { n: 1 }, asker(4, 3)).type, 'nothing')
  t.equal(bench.state('b').total, 2)
})
