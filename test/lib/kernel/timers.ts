import t from 'tap'
import * as io from 'io-ts'
import {
  act,
  behavior,
  type Delay,
  type LocalRef,
  message,
  next,
  nodeMessage,
  nodeProtocol,
  type Self,
} from '../../../lib/index.js'
import { Kernel } from '../../../lib/kernel/kernel.js'
import { VirtualClock } from '../../../lib/std/virtual-clock.js'
import { seededRandom } from '../../../lib/std/random.js'
import { bed, type Bed, startActor } from '../../fixtures/kernel/index.js'

const Clockwork = nodeProtocol('clockwork', {
  Do: nodeMessage<{ readonly what: (self: Self<'clockwork'>) => unknown }>(),
  Ring: message({ name: io.string }),
})
const Ring = (name: string) => Clockwork.Ring({ name })

const started = (on: Pick<Bed, 'kernel' | 'clock' | 'settle'>, options: object = {}) => {
  const rings: [name: string, at: number][] = []
  const made = behavior(Clockwork, {
    init: () => 0,
    ...options,
    on: {
      Do: async (count, { what }, self) => {
        await what(self)
        return next(count)
      },
      Ring: (count, { name }) => {
        rings.push([name, on.clock.monotonic()])
        return next(count + 1)
      },
    },
  })
  const it = startActor(on.kernel, made, `clockwork-${++serial}`)
  const ref = it.actor.ref as unknown as LocalRef<'clockwork'>
  return {
    ...it,
    ref,
    rings,
    does: async (what: (self: Self<'clockwork'>) => unknown) => {
      ref.tell(Clockwork.Do({ what }))
      await on.settle()
    },
  }
}
let serial = 0

t.test('timers - they ring once, are replaced by name, and die with the life that set them', async (t) => {
  const on = bed()
  const { does, rings, actor } = started(on)
  await does((self) => {
    self.perform(
      act.after(10, Ring('plain')),
      act.after(10, Ring('old'), 'named'),
      act.after(20, Ring('new'), 'named'),
      act.after(30, Ring('dropped'), 'other'),
      act.cancel('other'),
      act.cancel('unknown'),
    )
  })
  on.clock.advance(100)
  t.same(rings, [
    ['plain', 10],
    ['new', 20],
  ])
  await does((self) => self.perform(act.after(10, Ring('lost')), act.every(10, Ring('lost'), 'tick')))
  actor.abort()
  actor.begin(() => undefined)
  on.clock.advance(100)
  t.equal(rings.length, 2)
  await does((self) => self.perform(act.after(10, Ring('lost')), act.every(10, Ring('lost'), 'tick')))
  actor.close({ tag: 'shutdown' })
  on.clock.advance(1_000)
  t.equal(rings.length, 2)
  on.kernel.stop()
  t.equal(on.clock.pendingCount, 0)
})

t.test('timers - those of one moment ring in the order in which they were set', async (t) => {
  const on = bed()
  const { does, rings } = started(on)
  await does((self) => {
    for (const name of ['a', 'b', 'c']) self.perform(act.after(10, Ring(name)))
    self.perform(act.after(5, Ring('first')), act.after(-1, Ring('at once')))
  })
  on.clock.advance(10)
  t.same(
    rings.map(([name]) => name),
    ['at once', 'first', 'a', 'b', 'c'],
  )
})

t.test('timers - a message of a timer is taken also when the mailbox is full, in its turn', async (t) => {
  const on = bed()
  const { does, ref, rings } = started(on, { mailbox: { countMax: 1 } })
  let free: () => void = () => undefined
  await does((self) => {
    self.perform(act.after(10, Ring('timer')))
    return new Promise<void>((done) => {
      free = done
    })
  })
  ref.tell(Ring('mail'))
  on.clock.advance(10)
  free()
  await on.settle()
  t.same(
    rings.map(([name]) => name),
    ['mail', 'timer'],
  )
})

t.test('timers - one too many is a crash', async (t) => {
  const on = bed()
  const { does, ended } = started(on)
  await does((self) => {
    for (let i = 0; i <= 1_000; i++) self.perform(act.after(10, Ring('x')))
  })
  t.match(ended, [{ tag: 'crash', error: /too many timers/ }])
})

t.test('timers - every: at a fixed rate, without drift, until it is cancelled', async (t) => {
  const on = bed()
  const { does, rings } = started(on)
  on.clock.advance(3)
  await does((self) => self.perform(act.every(100, Ring('tick'), 'beat')))
  on.clock.advance(1_000)
  t.same(
    rings.map(([, at]) => at),
    [103, 203, 303, 403, 503, 603, 703, 803, 903, 1_003],
  )
  await does((self) => self.perform(act.every(50, Ring('faster'), 'beat')))
  on.clock.advance(100)
  t.same(rings.slice(10), [
    ['faster', 1_053],
    ['faster', 1_103],
  ])
  await does((self) => self.perform(act.cancel('beat')))
  on.clock.advance(1_000)
  t.equal(rings.length, 12)
})

t.test('timers - every: late ticks do not pile up, neither in the mailbox nor after a pause', async (t) => {
  const on = bed()
  const { does, rings } = started(on)
  let free: () => void = () => undefined
  await does((self) => {
    self.perform(act.every(10, Ring('tick'), 'beat'))
    return new Promise<void>((done) => {
      free = done
    })
  })
  on.clock.advance(95)
  free()
  await on.settle()
  t.same(rings, [['tick', 95]], 'one waits for the busy actor, not nine')
  on.clock.advance(5)
  t.same(rings.at(-1), ['tick', 100], 'and the next one comes when it would have')

  // A clock that stands still, as a process that was paused.
  let pausedMs = 0
  const inner = new VirtualClock()
  const clock = Object.assign(Object.create(inner), { monotonic: () => inner.monotonic() + pausedMs })
  const kernel = new Kernel({ clock })
  const paused = { kernel, clock, settle: on.settle }
  const other = started(paused)
  other.ref.tell(Clockwork.Do({ what: (self) => self.perform(act.every(10, Ring('tick'), 'beat')) }))
  for (let i = 0; i < 5; i++) {
    inner.advance(0)
    await Promise.resolve()
  }
  pausedMs = 1_005
  inner.advance(20)
  t.ok(other.rings.length <= 3, `${other.rings.length} ticks after a pause of a hundred`)
})

t.test('timers - jitter: within its share, different each time, without drift', async (t) => {
  const clock = new VirtualClock()
  const { settle } = bed()
  const kernel = new Kernel({ clock, random: seededRandom(3) })
  const on = { kernel, clock, settle }
  const { ref, rings } = started(on)
  const turn = async (): Promise<void> => {
    for (let i = 0; i < 5; i++) {
      clock.advance(0)
      await Promise.resolve()
    }
  }
  ref.tell(
    Clockwork.Do({ what: (self) => self.perform(act.every({ ms: 100, jitter: 0.2 }, Ring('x'), 'beat')) }),
  )
  await turn()
  clock.advance(100_000)
  t.ok(rings.length >= 999 && rings.length <= 1_001, `${rings.length} in 1,000 periods`)
  const off = rings.map(([, at], i) => at - (i + 1) * 100)
  t.ok(
    off.every((ms) => ms >= -20 && ms <= 21),
    'at most a fifth of the period, however long it runs',
  )
  t.ok(new Set(off.map(Math.round)).size > 10)
  rings.length = 0
  ref.tell(
    Clockwork.Do({
      what: (self) => {
        self.perform(act.cancel('beat'))
        for (let i = 0; i < 100; i++) self.perform(act.after({ ms: 1_000, jitter: 0.5 }, Ring('y')))
      },
    }),
  )
  await turn()
  const from = clock.monotonic()
  clock.advance(2_000)
  const delays = rings.map(([, at]) => at - from)
  t.equal(delays.length, 100)
  t.ok(delays.every((ms) => ms >= 500 && ms <= 1_501))
  t.ok(Math.max(...delays) - Math.min(...delays) > 700)
})

t.test('timers - what cannot be is refused where it is made', async (t) => {
  const delay = (ms: unknown): Delay => ms as Delay
  t.throws(() => act.after(Number.NaN, Ring('x')), /act\.after: expected milliseconds, got NaN/)
  t.throws(() => act.every(0, Ring('x'), 'x'), /act\.every: expected milliseconds, got 0/)
  t.throws(() => act.after(delay({ ms: 1, jitter: 2 }), Ring('x')), /jitter: expected a share from 0 to 1/)
})

t.test('idle - an actor without messages stops by itself, and a message puts that off', async (t) => {
  const on = bed()
  const { ref, ended } = started(on, { idleMs: 1_000 })
  for (let i = 0; i < 5; i++) {
    on.clock.advance(900)
    ref.tell(Ring('x'))
  }
  on.clock.advance(999)
  t.same(ended, [])
  on.clock.advance(2)
  t.same(ended, [{ tag: 'normal' }])
})

t.test('timers - what is cancelled or replaced while it waits in the mailbox is not handled', async (t) => {
  const on = bed()
  const { does, rings } = started(on)
  await does((self) => self.perform(act.after(10, Ring('bell'), 'bell'), act.every(10, Ring('tick'), 'tick')))
  await does((self) => self.perform(act.after(10, Ring('other'), 'other')))
  let free: (self: Self<'clockwork'>) => void = () => undefined
  await does(async (self) => {
    await new Promise<void>((done) => {
      free = () => done()
    })
    self.perform(act.cancel('bell'), act.cancel('tick'), act.after(50, Ring('later'), 'other'))
  })
  on.clock.advance(30)
  t.same(rings, [], 'they have rung, and wait behind the handler')
  free({} as Self<'clockwork'>)
  await on.settle()
  t.same(rings, [])
  on.clock.advance(100)
  await on.settle()
  t.same(rings, [['later', 80]])
})

t.test('idle - a handler that waits is not idle', async (t) => {
  const on = bed()
  const { does, ended } = started(on, { idleMs: 100 })
  let free: () => void = () => undefined
  await does(
    () =>
      new Promise<void>((done) => {
        free = done
      }),
  )
  on.clock.advance(1_000)
  t.same(ended, [])
  free()
  await on.settle()
  on.clock.advance(99)
  t.same(ended, [])
  on.clock.advance(101)
  t.same(ended, [{ tag: 'normal' }])
})

t.test('idle - onIdle decides instead, again and again', async (t) => {
  const on = bed()
  let idles = 0
  const onIdle = (count: number) => (++idles === 3 ? next(count, act.stop()) : next(count))
  const { ended } = started(on, { idleMs: 100, onIdle })
  on.clock.advance(250)
  t.equal(idles, 2)
  on.clock.advance(1_000)
  t.equal(idles, 3)
  t.same(ended, [{ tag: 'normal' }])
})

t.test('idle - no timer of the clock is set again for a message', async (t) => {
  const on = bed()
  const { ref } = started(on, { idleMs: 1_000 })
  let calls = 0
  const { after } = on.clock
  on.clock.after = (delayMs, fn) => {
    calls++
    return after.call(on.clock, delayMs, fn)
  }
  for (let i = 0; i < 1_000; i++) {
    ref.tell(Ring('x'))
    on.clock.advance(0)
  }
  t.equal(calls, 0)
})

t.test('idle - what cannot be is refused where it is declared', async (t) => {
  const P = nodeProtocol('p', {})
  t.throws(() => behavior(P, { init: () => 0, on: {}, idleMs: 0 }), /"p": idleMs: expected milliseconds/)
  t.throws(() => behavior(P, { init: () => 0, on: {}, onIdle: (n) => next(n) }), /so it needs idleMs/)
})
