import t from 'tap'
import { AssertionFailed, assert, unreachable } from '../../../lib/std/assert.js'
import { systemClock, systemRandom } from '../../../lib/std/system.js'

t.test('assert - passes what holds and throws what does not, with its context', async (t) => {
  assert(true, 'fine')
  t.throws(() => assert(false, 'seq has no gaps', { seq: 4, last: 2 }), {
    name: 'AssertionFailed',
    message: 'seq has no gaps (seq=4, last=2)',
    context: { seq: 4, last: 2 },
  })
  t.throws(() => assert(false, 'bare'), { message: 'bare' })
})

t.test('unreachable - throws for a value that the types did not allow', async (t) => {
  t.throws(() => unreachable('surprise' as never), AssertionFailed)
})

const after = (ms: number) =>
  new Promise<number>((done) => systemClock.after(ms, () => done(systemClock.monotonic())))

t.test('system clock - a timer never fires before its delay has passed', async (t) => {
  const start = systemClock.monotonic()
  const ends = await Promise.all([0, 1, 2.5, 7, 13].map(async (ms) => (await after(ms)) - start - ms))
  for (const late of ends) t.ok(late >= 0, `late by ${late}`)
})

t.test('system clock - a cancelled timer does not fire, and cancelling twice is fine', async (t) => {
  const timer = systemClock.after(1, () => t.fail('fired'))
  timer.cancel()
  timer.cancel()
  await after(10)
  t.pass('nothing fired')
})

t.test('system clock - a delay beyond 31 bits waits instead of firing at once', async (t) => {
  const warnings: Error[] = []
  const onWarning = (warning: Error) => warnings.push(warning)
  process.on('warning', onWarning)
  t.teardown(() => process.off('warning', onWarning))
  const timer = systemClock.after(2 ** 31 + 5, () => t.fail('fired at once'))
  await after(10)
  timer.cancel()
  t.same(warnings, [], 'setTimeout saw no overflow')
})

t.test('system clock - what is deferred runs after this turn, in order of calls', async (t) => {
  const seen: string[] = []
  await new Promise<void>((done) => {
    systemClock.defer(() => seen.push('first'))
    systemClock.defer(() => {
      seen.push('second')
      done()
    })
    seen.push('this turn')
  })
  t.same(seen, ['this turn', 'first', 'second'])
})

t.test('system clock - the wall clock is that of the machine', async (t) => {
  t.ok(Math.abs(systemClock.now() - Date.now()) < 1_000)
})

t.test('system random - numbers lie in [0, 1) and fill it evenly', async (t) => {
  const bins = new Array<number>(10).fill(0)
  for (let i = 0; i < 20_000; i++) {
    const x = systemRandom.next()
    if (!(x >= 0 && x < 1)) t.fail(`${x} is out of range`)
    bins[Math.floor(x * 10)] = (bins[Math.floor(x * 10)] ?? 0) + 1
  }
  for (const count of bins) t.ok(count > 1_700 && count < 2_300, `${count} of 20,000 in a tenth`)
})
