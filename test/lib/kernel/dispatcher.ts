import t from 'tap'
import type { Clock } from '../../../lib/std/clock.js'
import { systemClock } from '../../../lib/std/system.js'
import { Kernel } from '../../../lib/kernel/kernel.js'
import type { LifecycleEvent } from '../../../lib/kernel/events.js'
import { bed, recorded } from '../../fixtures/kernel/index.js'

/** Time passes only when a handler says so. */
const handClock = (): Clock & { time: number; turn(): boolean; pass(ms: number): void } => {
  const queue: (() => void)[] = []
  return {
    time: 0,
    now() {
      return this.time
    },
    monotonic() {
      return this.time
    },
    pass(ms) {
      this.time += ms
    },
    after: () => ({ cancel: () => undefined }),
    defer: (fn) => void queue.push(fn),
    turn() {
      const fn = queue.shift()
      fn?.()
      return fn !== undefined
    },
  }
}

t.test('dispatcher - a busy actor starves no neighbour', async (t) => {
  const { clock, kernel } = bed({ turnCountMax: 10 })
  const busy = recorded(kernel, { name: 'busy' })
  const other = recorded(kernel, { name: 'other' })
  let when = -1
  other.receive = () => {
    when = busy.handled.length
  }
  for (let i = 0; i < 1_000; i++) busy.cell.tell('x')
  other.cell.tell('y')
  clock.advance(0)
  t.equal(busy.handled.length, 1_000)
  t.ok(when <= 64, `the neighbour came after ${when} messages`)
})

t.test('dispatcher - an actor that tells itself for ever lets timers and sockets run', async (t) => {
  const kernel = new Kernel({ clock: systemClock })
  const a = recorded(kernel)
  let isOver = false
  a.receive = () => {
    if (!isOver) a.cell.tell('again')
  }
  a.cell.tell('start')
  await new Promise<void>((done) => systemClock.after(20, done))
  isOver = true
  t.ok(a.handled.length > 100)
})

t.test('dispatcher - after turnMs of work the event loop gets its turn', async (t) => {
  const clock = handClock()
  const kernel = new Kernel({ clock, limits: { turnMs: 5, blockedLoopMs: 1_000 } })
  const a = recorded(kernel)
  a.receive = () => clock.pass(1)
  for (let i = 0; i < 12; i++) a.cell.tell('x')
  const perTurn: number[] = []
  while (clock.turn()) perTurn.push(a.handled.length - perTurn.reduce((sum, n) => sum + n, 0))
  t.equal(a.handled.length, 12)
  t.ok(
    perTurn.every((count) => count <= 6),
    perTurn.join(' '),
  )
})

t.test('dispatcher - a handler that blocks the loop is named with its time', async (t) => {
  const clock = handClock()
  const kernel = new Kernel({ clock, limits: { blockedLoopMs: 100 } })
  const events: LifecycleEvent[] = []
  kernel.listen((event) => events.push(event))
  const blocked = (): unknown[] => events.filter(({ tag }) => tag === 'LoopBlocked')
  const slow = recorded(kernel, { name: 'slow' })
  slow.receive = () => clock.pass(250)
  slow.cell.tell('x')
  clock.turn()
  t.same(blocked(), [{ tag: 'LoopBlocked', suspects: ['slow'], blockedMs: 250 }])
})

t.test('dispatcher - under load the first block names suspects, the next one only the actor', async (t) => {
  const clock = handClock()
  const kernel = new Kernel({ clock, limits: { blockedLoopMs: 100 } })
  const events: LifecycleEvent[] = []
  kernel.listen((event) => events.push(event))
  const quick = Array.from({ length: 50 }, (_, i) => recorded(kernel, { name: `quick-${i}` }))
  const slow = recorded(kernel, { name: 'slow' })
  slow.receive = () => clock.pass(150)
  const suspects = (): readonly string[][] =>
    events.flatMap((event) => (event.tag === 'LoopBlocked' ? [[...event.suspects]] : []))
  for (let i = 0; i < 20; i++) for (const { cell } of quick) cell.tell('warm up')
  while (clock.turn());
  const round = (): void => {
    for (const { cell } of quick) cell.tell('x')
    slow.cell.tell('x')
    while (clock.turn());
  }
  round()
  t.ok(suspects()[0]?.includes('slow'))
  round()
  t.same(suspects()[1], ['slow'])
})

t.test('dispatcher - a block outside of turns has no suspects', async (t) => {
  const clock = handClock()
  const kernel = new Kernel({ clock, limits: { blockedLoopMs: 100 } })
  const events: LifecycleEvent[] = []
  kernel.listen((event) => events.push(event))
  const a = recorded(kernel)
  a.cell.tell('x')
  clock.time += 300
  clock.turn()
  t.match(events.at(-1), { tag: 'LoopBlocked', suspects: [], blockedMs: 300 })
})

t.test('dispatcher - an ask from code that awaits is not held up by a turn of the event loop', async (t) => {
  const kernel = new Kernel({ clock: systemClock })
  const a = recorded(kernel)
  let turns = 0
  let isOver = false
  const count = (): void => {
    turns++
    if (!isOver) systemClock.defer(count)
  }
  systemClock.defer(count)
  const told = async (): Promise<void> => {
    await new Promise<void>((done) => {
      a.receive = () => done()
      a.cell.tell('x')
    })
  }
  const start = systemClock.monotonic()
  while (systemClock.monotonic() - start < 100) await told()
  isOver = true
  t.ok(a.handled.length > 2 * turns, `${a.handled.length} messages in ${turns} turns`)
  t.ok(turns >= 2, `the event loop had ${turns} turns in 100 ms`)
})
