import t from 'tap'
import type { AskError } from '../../../lib/errors.js'
import { noneReached } from '../../../lib/limits.js'
import { type AskGiven, type AskResult, Asks, type PendingAsk } from '../../../lib/routing/asks.js'
import { VirtualClock } from '../../../lib/std/virtual-clock.js'
import type { AskEnvelope } from '../../../lib/wire/envelope.js'

const given = (more: Partial<AskGiven> = {}): AskGiven => ({
  kind: 'purse',
  id: 'a',
  node: undefined,
  shard: 'purse.1',
  tag: 'Add',
  payload: 1,
  timeoutMs: 1_000,
  reqId: 'r1',
  floor: undefined,
  ...more,
})
const passing: AskError = { tag: 'Unavailable', address: 'purse/a', retryAfterMs: 9 }
const failed: AskError = { tag: 'Crashed', address: 'purse/a', cause: 'x' }

const bench = (countMax = 10) => {
  const clock = new VirtualClock()
  const sent: { at: number; envelope: AskEnvelope }[] = []
  const results: AskResult[] = []
  const reached = noneReached()
  const way: { answer: boolean | AskError } = { answer: true }
  const asks = new Asks({
    me: 'n1#1',
    clock,
    resendMs: 250,
    countMax,
    reached,
    send: (_ask, envelope) => {
      sent.push({ at: clock.monotonic(), envelope })
      return way.answer
    },
  })
  const ask = (more?: Partial<AskGiven>): PendingAsk =>
    asks.ask(given(more), (result) => results.push(result))
  return { clock, sent, results, reached, way, asks, ask, times: () => sent.map(({ at }) => at) }
}

t.test('asks - the answer ends it, once; a second one finds nobody', async (t) => {
  const { asks, ask, results, sent } = bench()
  const { number } = ask({ floor: 4 })
  t.match(sent[0]?.envelope, {
    type: 'ask',
    asker: 'n1#1',
    ask: number,
    hops: 0,
    reqId: 'r1',
    remainingMs: 1_000,
    floor: 4,
  })
  t.ok(asks.answered(number, { tag: 'reply', payload: 7 }))
  t.notOk(asks.answered(number, { tag: 'reply', payload: 8 }))
  t.same(results, [{ tag: 'reply', payload: 7 }])
  t.equal(asks.count, 0)
})

t.test('asks - without an answer it is sent again under the same reqId, ever less often', async (t) => {
  const { clock, ask, times, sent } = bench()
  ask({ timeoutMs: 60_000 })
  clock.advance(16_000)
  const gaps = times().map((at, i) => at - (times()[i - 1] ?? 0))
  t.same(gaps, [0, 250, 500, 1_000, 2_000, 2_000, 2_000, 2_000, 2_000, 2_000, 2_000].slice(0, gaps.length))
  t.ok(gaps.length >= 9)
  t.ok(sent.every(({ envelope }) => envelope.reqId === 'r1'))
  t.equal(sent[2]?.envelope.remainingMs, 59_250, 'what remains of its deadline travels with it')
})

t.test('asks - at its deadline it ends with AskTimeout, though never before', async (t) => {
  const { clock, ask, results } = bench()
  ask({ timeoutMs: 1_000 })
  clock.advance(999)
  t.same(results, [])
  clock.advance(11)
  t.same(results, [{ tag: 'error', error: { tag: 'AskTimeout', address: 'purse/a', timeoutMs: 1_000 } }])
  t.equal(clock.pendingCount <= 1, true, 'nothing of it is left but one timer')
})

t.test(
  'asks - one that could never leave ends with Unavailable, and is tried often until then',
  async (t) => {
    const { clock, ask, results, sent, way } = bench()
    way.answer = false
    ask({ timeoutMs: 1_000 })
    clock.advance(1_010)
    t.match(results, [{ error: { tag: 'Unavailable', address: 'purse/a' } }])
    t.ok(sent.length >= 20, `${sent.length} tries`)
  },
)

t.test('asks - an error of the way ends it at once', async (t) => {
  const { ask, results, way, asks } = bench()
  way.answer = { tag: 'UnknownKind', kind: 'purse' }
  ask()
  t.same(results, [{ tag: 'error', error: { tag: 'UnknownKind', kind: 'purse' } }])
  t.equal(asks.count, 0)
})

t.test('asks - an error that passes is tried again soon; the last one is the result', async (t) => {
  const { clock, ask, asks, results, sent } = bench()
  const { number } = ask({ timeoutMs: 300 })
  asks.answered(number, { tag: 'error', error: passing })
  t.same(results, [])
  clock.advance(30)
  t.equal(sent.length, 2, 'sooner than without an answer')
  asks.answered(number, { tag: 'error', error: { tag: 'StaleView', address: 'purse/a', retryAfterMs: 1 } })
  clock.advance(30)
  t.equal(sent.length, 3)
  t.ok(asks.answered(number, { tag: 'reply', payload: 1 }), 'a later try may succeed')
  const other = ask({ timeoutMs: 15 })
  asks.answered(other.number, { tag: 'error', error: passing })
  clock.advance(40)
  t.same(results[1], { tag: 'error', error: passing })
})

t.test('asks - an error that does not pass ends it', async (t) => {
  const { ask, asks, results } = bench()
  asks.answered(ask().number, { tag: 'error', error: failed })
  t.same(results, [{ tag: 'error', error: failed }])
})

t.test('asks - when something changed for them they are sent at once, others are not', async (t) => {
  const { clock, ask, asks, times, sent } = bench()
  ask({ shard: 'purse.1', reqId: 'r1' })
  ask({ shard: 'purse.2', reqId: 'r2' })
  clock.advance(100)
  asks.hurry(({ given: { shard } }) => shard === 'purse.2')
  t.same(times(), [0, 0, 100])
  t.equal(sent[2]?.envelope.reqId, 'r2')
})

t.test('asks - beyond the bound one is answered Overloaded at once and takes no place', async (t) => {
  const { ask, asks, results, sent, reached } = bench(2)
  const first = ask()
  ask()
  ask()
  t.match(results, [{ error: { tag: 'Overloaded', mailboxCountMax: 2 } }])
  t.equal(reached.pendingAsksCountMax, 1)
  t.equal(sent.length, 2)
  asks.answered(first.number, { tag: 'reply', payload: 1 })
  ask()
  t.equal(asks.count, 2, 'the place is free again')
})

t.test('asks - closing ends each that is open, and leaves no timer', async (t) => {
  const { clock, ask, asks, results } = bench()
  ask({ id: 'a' })
  ask({ id: 'b' })
  asks.close(({ given: { id } }) => ({ tag: 'UnknownOutcome', address: id }))
  t.same(
    results.map((result) => result.tag === 'error' && result.error),
    [
      { tag: 'UnknownOutcome', address: 'a' },
      { tag: 'UnknownOutcome', address: 'b' },
    ],
  )
  t.equal(asks.count, 0)
  t.equal(clock.pendingCount, 0)
})

t.test('asks - one of a node is named by that node', async (t) => {
  const { clock, ask, results } = bench()
  ask({ id: '', node: 'n2#1', shard: undefined, timeoutMs: 10 })
  clock.advance(20)
  t.match(results, [{ error: { tag: 'AskTimeout', address: 'purse/n2#1' } }])
})

t.test('asks - whoever gives up ends it for good', async (t) => {
  const { clock, ask, asks, results } = bench()
  const pending = ask()
  asks.end(pending, { tag: 'error', error: { tag: 'Cancelled', address: 'purse/a' } })
  asks.end(pending, { tag: 'reply', payload: 1 })
  t.notOk(asks.answered(pending.number, { tag: 'reply', payload: 1 }))
  clock.advance(5_000)
  t.match(results, [{ error: { tag: 'Cancelled' } }])
  t.equal(results.length, 1)
})

t.test('asks - Overloaded ends it, unless an earlier sending may have been taken', async (t) => {
  const { clock, ask, asks, results, sent } = bench()
  const overloaded: AskError = {
    tag: 'Overloaded',
    address: 'purse/a',
    mailboxCountMax: 1,
    retryAfterMs: 100,
  }
  asks.answered(ask().number, { tag: 'error', error: overloaded })
  t.same(results, [{ tag: 'error', error: overloaded }])
  const again = ask({ timeoutMs: 2_000 })
  clock.advance(260)
  t.equal(sent.length, 3)
  t.ok(asks.answered(again.number, { tag: 'error', error: overloaded }))
  t.equal(results.length, 1, 'nothing is known about the first')
  clock.advance(110)
  t.equal(sent.length, 4)
  asks.answered(again.number, { tag: 'reply', payload: 1 })
  t.same(results[1], { tag: 'reply', payload: 1 })
})

t.test('asks - at the deadline a sending without an answer makes the outcome unknown', async (t) => {
  const { clock, ask, asks, results } = bench()
  const { number } = ask({ timeoutMs: 300 })
  clock.advance(255)
  asks.answered(number, { tag: 'error', error: passing })
  clock.advance(10)
  asks.answered(number, { tag: 'error', error: passing })
  clock.advance(100)
  t.match(results, [{ error: { tag: 'AskTimeout' } }])
})
