import t from 'tap'
import fc from 'fast-check'
import { Deadlines, type Due } from '../../../lib/kernel/deadlines.js'
import { VirtualClock } from '../../../lib/std/virtual-clock.js'

const item = (expired: () => void): Due => ({
  due: undefined,
  previous: undefined,
  following: undefined,
  expired,
})

t.test('deadlines - never early, at most one step late, dropped ones never', async () => {
  const one = fc.record({ inMs: fc.nat(500), dropAtMs: fc.option(fc.nat(600), { nil: undefined }) })
  fc.assert(
    fc.property(fc.array(one, { maxLength: 40 }), (plans) => {
      const clock = new VirtualClock()
      const deadlines = new Deadlines(clock)
      const rang: (number | undefined)[] = plans.map(() => undefined)
      const items = plans.map(({ inMs }, i) => {
        const made = item(() => {
          rang[i] = clock.monotonic()
        })
        deadlines.set(made, inMs)
        return made
      })
      for (let time = 0; time <= 700; time++) {
        plans.forEach(({ dropAtMs }, i) => {
          if (dropAtMs === time) deadlines.drop(items[i] as Due)
        })
        clock.advance(1)
      }
      return plans.every(({ inMs, dropAtMs }, i) => {
        const at = rang[i]
        if (at === undefined) return dropAtMs !== undefined && dropAtMs <= inMs + 10
        return at >= inMs && at <= inMs + 10 && (dropAtMs === undefined || dropAtMs >= inMs)
      })
    }),
  )
})

t.test('deadlines - one that expires may drop another, or set itself again', async (t) => {
  const clock = new VirtualClock()
  const deadlines = new Deadlines(clock)
  const seen: string[] = []
  const second = item(() => seen.push('second'))
  const first = item(() => {
    seen.push('first')
    deadlines.drop(second)
    if (seen.length < 3) deadlines.set(first, 50)
  })
  deadlines.set(first, 10)
  deadlines.set(second, 10)
  clock.advance(200)
  t.same(seen, ['first', 'first', 'first'])
  t.equal(clock.pendingCount, 0)
})

t.test('deadlines - cleared, it leaves no timer', async (t) => {
  const clock = new VirtualClock()
  const deadlines = new Deadlines(clock)
  deadlines.set(
    item(() => t.fail('cleared')),
    10,
  )
  deadlines.clear()
  t.equal(clock.pendingCount, 0)
  clock.advance(100)
})
