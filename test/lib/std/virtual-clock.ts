import fc from 'fast-check'
import t from 'tap'
import { VirtualClock } from '../../../lib/std/virtual-clock.js'

t.test('virtual clock - runs timers by due time, those of one moment in order of calls', async (t) => {
  const clock = new VirtualClock()
  const seen: string[] = []
  const note = (what: string) => () => seen.push(`${what}@${clock.monotonic()}`)
  clock.after(30, note('c'))
  clock.after(10, note('a'))
  clock.after(10, note('b'))
  clock.after(0, note('now'))
  clock.advance(9)
  t.same(seen, ['now@0'])
  t.equal(clock.nextDue(), 10)
  clock.advance(21)
  t.same(seen, ['now@0', 'a@10', 'b@10', 'c@30'])
  t.equal(clock.monotonic(), 30)
  t.equal(clock.nextDue(), undefined)
})

t.test('virtual clock - what a callback starts within the time runs too, deferred calls first', async (t) => {
  const clock = new VirtualClock()
  const seen: string[] = []
  clock.after(5, () => {
    clock.after(0, () => seen.push('timer'))
    clock.defer(() => seen.push('deferred'))
    clock.after(5, () => seen.push(`later@${clock.monotonic()}`))
  })
  clock.advance(10)
  t.same(seen, ['deferred', 'timer', 'later@10'])
})

t.test('virtual clock - a cancelled timer does not run and does not count', async (t) => {
  const clock = new VirtualClock()
  const timer = clock.after(5, () => t.fail('ran'))
  clock.after(7, () => {})
  timer.cancel()
  timer.cancel()
  t.equal(clock.pendingCount, 1)
  t.equal(clock.nextDue(), 7)
  t.equal(clock.runUntilIdle(), 7)
  t.equal(clock.pendingCount, 0)
})

t.test('virtual clock - runUntilIdle stops before what lies too far ahead', async (t) => {
  const clock = new VirtualClock()
  const tick = (): void => {
    clock.after(1_000, tick)
  }
  tick()
  t.equal(clock.runUntilIdle(3_500), 3_000)
  t.equal(clock.nextDue(), 4_000)
})

t.test('virtual clock - the wall clock starts where it is told and goes with it', async (t) => {
  const clock = new VirtualClock({ startMs: 1_000_000 })
  clock.advance(250)
  t.equal(clock.now(), 1_000_250)
})

t.test('virtual clock - refuses to go back, and names a circle instead of hanging', async (t) => {
  const clock = new VirtualClock({ callbacksPerMomentCountMax: 100 })
  t.throws(() => clock.advance(-1), { message: /time does not go back/ })
  const again = (): void => clock.defer(again)
  again()
  t.throws(() => clock.advance(0), { message: /never end/ })
})

t.test('virtual clock - any timers, partly cancelled, run once each in order', async (t) => {
  const timers = fc.array(fc.tuple(fc.integer({ min: 0, max: 50 }), fc.boolean()), { maxLength: 200 })
  fc.assert(
    fc.property(timers, fc.integer({ min: 1, max: 20 }), (list, stepMs) => {
      const clock = new VirtualClock()
      const seen: number[] = []
      const handles = list.map(([delay], i) => clock.after(delay, () => seen.push(i)))
      for (const [i, [, isCancelled]] of list.entries()) if (isCancelled) handles[i]?.cancel()
      for (let past = 0; past <= 50; past += stepMs) clock.advance(stepMs)
      const kept = list.flatMap(([delay, isCancelled], i) => (isCancelled ? [] : [{ delay, i }]))
      const expected = kept.sort((a, b) => a.delay - b.delay || a.i - b.i).map(({ i }) => i)
      if (JSON.stringify(seen) !== JSON.stringify(expected)) throw new Error(`${seen} instead of ${expected}`)
    }),
  )
  t.pass('all orders')
})
