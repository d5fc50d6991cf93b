import t from 'tap'
import fc from 'fast-check'
import type { Restart, Strategy } from '../../../lib/api/child-data.js'
import type { ExitReason } from '../../../lib/kernel/exit-reason.js'
import { boom, type Played, play, reasons, rule } from '../../fixtures/kernel/children.js'

const strategies: readonly Strategy[] = ['one_for_one', 'one_for_all', 'rest_for_one']
const restarts: readonly Restart[] = ['permanent', 'transient', 'temporary']

const abc = (strategy: Strategy, b: Restart = 'permanent', intensity = 3): Played => {
  const it = play({ strategy, intensity }, [rule('a'), rule('b', b), rule('c')])
  it.send({ tag: 'Start' })
  it.take()
  return it
}

t.test('supervisor - children start in the listed order and stop in the reverse of it', async (t) => {
  const it = play({}, [rule('c'), rule('a'), rule('b')])
  it.send({ tag: 'Start' })
  t.equal(it.take(), 'start c, start a, start b, ready')
  it.send({ tag: 'Stop' })
  t.equal(it.take(), 'stop b, stop a, stop c, end shutdown', 'OTP order_of_children')
  it.send({ tag: 'Stop' })
  it.ends('a', reasons.crash)
  t.equal(it.take(), '')
})

t.test('supervisor - a child that fails to start ends those already started, in reverse', async (t) => {
  const it = play({}, [rule('a'), rule('b'), rule('c'), rule('d')])
  it.failing.set('c', 1)
  it.send({ tag: 'Start' })
  t.equal(it.take(), 'start a, start b, start c, stop b, stop a, failed', 'OTP child_returns_error')
})

// OTP: permanent_*, transient_*, temporary_* × one_for_one, one_for_all, rest_for_one
const group: Readonly<Record<Strategy, string>> = {
  one_for_one: 'start b',
  one_for_all: 'stop c, stop a, start a, start b, start c',
  rest_for_one: 'stop c, start b, start c',
}
for (const strategy of strategies) {
  for (const restart of restarts) {
    for (const [name, reason] of Object.entries(reasons)) {
      const isAbnormal = name === 'crash' || name === 'kill'
      const isRestarted = restart === 'permanent' || (restart === 'transient' && isAbnormal)
      t.test(
        `supervisor - ${strategy}: ${restart} and ${name}: ${isRestarted ? '' : 'not '}restarted`,
        async (t) => {
          const it = abc(strategy, restart)
          it.ends('b', reason)
          t.equal(it.take(), isRestarted ? group[strategy] : 'close b')
          t.equal(it.running(), isRestarted ? 'a b c' : 'a c')
          t.equal(
            it.child('b') !== undefined,
            restart !== 'temporary',
            'only a temporary child loses its spec',
          )
          it.send({ tag: 'Stop' })
          t.equal(it.take().endsWith('end shutdown'), true)
        },
      )
    }
  }
}

t.test(
  'supervisor - a temporary sibling falls and is not started again, and costs no intensity',
  async (t) => {
    for (const strategy of ['one_for_all', 'rest_for_one'] as const) {
      const it = play({ strategy, intensity: 1 }, [rule('a'), rule('b'), rule('t', 'temporary')])
      it.send({ tag: 'Start' })
      it.take()
      it.ends('b', reasons.crash)
      t.match(it.take(), /^stop t, close t, .*start b$/, 'OTP temporary_bystander')
      t.equal(it.running(), 'a b')
      t.equal(it.child('t'), undefined)
    }
  },
)

t.test('supervisor - one_for_all also starts siblings that had ended before', async (t) => {
  const it = play({ strategy: 'one_for_all' }, [rule('a', 'transient'), rule('b')])
  it.send({ tag: 'Start' })
  it.ends('a', reasons.normal)
  it.take()
  it.ends('b', reasons.crash)
  t.equal(it.take(), 'start a, start b')
})

t.test('supervisor - one restart too many stops all children, then itself with shutdown', async (t) => {
  for (const strategy of strategies) {
    const it = abc(strategy, 'permanent', 1)
    it.ends('b', reasons.crash)
    it.take()
    it.ends('b', reasons.crash)
    t.equal(it.take(), 'exceeded, stop c, stop a, end shutdown', `OTP ${strategy}_escalation`)
    t.equal(it.running(), '')
  }
})

t.test(
  'supervisor - intensity 0 ends at the first crash, and not at an end that is not restarted',
  async (t) => {
    const it = abc('one_for_one', 'transient', 0)
    it.ends('b', reasons.normal)
    t.equal(it.take(), 'close b')
    it.ends('a', reasons.crash)
    t.equal(it.take(), 'exceeded, stop c, end shutdown')
  },
)

t.test('supervisor - a restart exactly periodMs old still counts, an older one does not', async (t) => {
  for (const [later, isOver] of [
    [5_000, true],
    [5_001, false],
  ] as const) {
    const it = abc('one_for_one', 'permanent', 1)
    it.ends('b', reasons.crash)
    it.now = later
    it.ends('c', reasons.crash)
    t.equal(it.take().includes('exceeded'), isOver, 'counted per supervisor, not per child')
  }
})

t.test('supervisor - a restart that fails to start counts, and is tried again', async (t) => {
  const it = abc('one_for_one', 'permanent', 3)
  it.failing.set('b', 2)
  it.ends('b', reasons.crash)
  t.equal(it.take(), 'start b, retry b, start b, retry b, start b')
  it.failing.set('b', 1)
  it.ends('b', reasons.crash)
  t.equal(it.take(), 'exceeded, stop c, stop a, end shutdown', '3 of 3 had been used')
})

t.test(
  'supervisor - one_for_all: when another child fails in the restart, everything is tried again',
  async (t) => {
    const it = abc('one_for_all')
    it.failing.set('b', 1)
    it.ends('c', reasons.crash)
    t.equal(
      it.take(),
      'stop b, stop a, start a, start b, retry b, stop a, start a, start b, start c',
      'OTP one_for_all_other_child_fails_restart',
    )
  },
)

t.test('supervisor - rest_for_one: when a later child fails in the restart, earlier ones stay', async (t) => {
  const it = abc('rest_for_one')
  it.failing.set('c', 1)
  it.ends('b', reasons.crash)
  t.equal(
    it.take(),
    'stop c, start b, start c, retry c, start c',
    'OTP rest_for_one_other_child_fails_restart',
  )
})

t.test(
  'supervisor - news during a restart waits for its end; of a child that is stopped anyway it is dropped',
  async (t) => {
    const it = abc('rest_for_one')
    it.held.add('b')
    it.ends('b', reasons.crash)
    t.equal(it.take(), 'stop c, start b')
    it.ends('a', reasons.crash)
    t.equal(it.take(), '', 'a waits')
    it.send({ tag: 'Started', id: 'b', run: 2 })
    t.equal(it.take(), 'start c, stop c, stop b, start a, start b')
  },
)

t.test('supervisor - stopped while a child starts, it stops that one too', async (t) => {
  const it = play({}, [rule('a'), rule('b')])
  it.held.add('b')
  it.send({ tag: 'Start' })
  it.send({ tag: 'Stop' })
  t.equal(it.take(), 'start a, start b, stop b, stop a, end shutdown')
  it.send({ tag: 'Started', id: 'b', run: 1 })
  it.send({ tag: 'StartFailed', id: 'b', run: 1, error: boom })
  t.equal(it.take(), '', 'late news')
})

t.test('supervisor - any_significant: which ends of significant children end it', async (t) => {
  const expected: Record<string, boolean> = {
    'temporary normal': true,
    'temporary shutdown': true,
    'temporary crash': true,
    'temporary kill': true,
    'transient normal': true,
    'transient shutdown': true,
    'transient crash': false,
    'transient kill': false,
  }
  for (const [name, isEnd] of Object.entries(expected)) {
    const [restart, reason] = name.split(' ') as [Restart, keyof typeof reasons]
    const it = play({ autoShutdown: 'any_significant' }, [
      rule('a'),
      rule('s', restart, true),
      rule('s2', 'temporary', true),
    ])
    it.send({ tag: 'Start' })
    it.take()
    it.ends('s', reasons[reason])
    t.equal(it.take(), isEnd ? 'close s, stop s2, stop a, end shutdown' : 'start s', name)
  }
})

t.test('supervisor - all_significant: only the last one ends it', async (t) => {
  const it = play({ autoShutdown: 'all_significant' }, [
    rule('a'),
    rule('s', 'temporary', true),
    rule('u', 'transient', true),
  ])
  it.send({ tag: 'Start' })
  it.ends('s', reasons.crash)
  t.equal(it.running(), 'a u')
  it.take()
  it.ends('u', reasons.normal)
  t.equal(it.take(), 'close u, stop a, end shutdown')
})

t.test(
  'supervisor - auto-shutdown is not triggered by insignificant ones, by hand, or by a falling sibling',
  async (t) => {
    const it = play({ autoShutdown: 'any_significant', strategy: 'one_for_all' }, [
      rule('s', 'transient', true),
      rule('b'),
      rule('n', 'temporary'),
    ])
    it.send({ tag: 'Start' })
    it.ends('n', reasons.normal)
    it.send({ tag: 'TerminateChild', id: 's', ticket: 1 })
    t.match(it.answers.get(1), { tag: 'ok' })
    t.equal(it.running(), 'b')
    it.ends('b', reasons.crash)
    t.equal(it.running(), 's b')
  },
)

t.test(
  'supervisor - children by hand: start, terminate, restart, delete, each with OTP’s answers',
  async (t) => {
    const it = abc('one_for_one')
    let ticket = 0
    const ask = (event: { tag: 'TerminateChild' | 'RestartChild' | 'DeleteChild'; id: string }): unknown => {
      it.send({ ...event, ticket: ++ticket })
      return it.answers.get(ticket)
    }
    const add = (id: string, restart?: Restart): unknown => {
      it.send({ tag: 'StartChild', rule: rule(id, restart), ticket: ++ticket })
      return it.answers.get(ticket)
    }
    t.same(add('a'), { tag: 'already-started' })
    t.same(add('d'), { tag: 'ok' })
    t.same(ask({ tag: 'DeleteChild', id: 'd' }), { tag: 'running' })
    t.same(ask({ tag: 'RestartChild', id: 'd' }), { tag: 'running' })
    t.same(ask({ tag: 'TerminateChild', id: 'd' }), { tag: 'ok' })
    t.same(ask({ tag: 'TerminateChild', id: 'd' }), { tag: 'ok' }, 'twice is fine')
    t.same(add('d'), { tag: 'already-present' })
    t.same(ask({ tag: 'RestartChild', id: 'd' }), { tag: 'ok' })
    t.same(ask({ tag: 'TerminateChild', id: 'd' }), { tag: 'ok' })
    it.failing.set('d', 1)
    t.match(ask({ tag: 'RestartChild', id: 'd' }), { tag: 'failed', error: boom })
    t.ok(it.child('d'), 'its spec stays')
    t.same(ask({ tag: 'DeleteChild', id: 'd' }), { tag: 'ok' })
    t.same(ask({ tag: 'DeleteChild', id: 'd' }), { tag: 'not-found' })
    it.failing.set('e', 1)
    t.match(add('e'), { tag: 'failed', error: boom })
    t.equal(it.child('e'), undefined, 'a new one that fails is not kept')
    t.same(add('t', 'temporary'), { tag: 'ok' })
    t.same(ask({ tag: 'TerminateChild', id: 't' }), { tag: 'ok' })
    t.equal(it.child('t'), undefined)
    it.send({ tag: 'Stop' })
    t.same(add('late'), { tag: 'not-running' })
  },
)

t.test(
  'supervisor - a request during a restart waits; one during the stop is answered not-found',
  async (t) => {
    const it = abc('one_for_one')
    it.held.add('b')
    it.ends('b', reasons.crash)
    it.send({ tag: 'TerminateChild', id: 'a', ticket: 1 })
    t.equal(it.answers.has(1), false)
    it.send({ tag: 'Started', id: 'b', run: 2 })
    t.same(it.answers.get(1), { tag: 'ok' })
    it.held.add('x')
    it.send({ tag: 'StartChild', rule: rule('x'), ticket: 2 })
    it.send({ tag: 'DeleteChild', id: 'a', ticket: 3 })
    it.send({ tag: 'Stop' })
    t.same([it.answers.get(2), it.answers.get(3)], [{ tag: 'not-running' }, { tag: 'not-running' }])
  },
)

t.test('supervisor - a retry is given up when the child is terminated by hand meanwhile', async (t) => {
  const it = abc('one_for_one')
  it.held.add('b')
  it.ends('b', reasons.crash)
  it.take()
  it.send({ tag: 'StartFailed', id: 'b', run: 2, error: boom })
  t.equal(it.take(), 'retry b, start b')
  t.equal(it.child('b')?.status, 'starting')
})

interface Deed {
  readonly what: 'end' | 'pass' | 'fail' | 'terminate' | 'restart' | 'add' | 'delete'
  readonly id: string
  readonly reason: ExitReason
  readonly ms: number
}
const deed: fc.Arbitrary<Deed> = fc.record({
  what: fc.constantFrom('end', 'end', 'end', 'pass', 'fail', 'terminate', 'restart', 'add', 'delete'),
  id: fc.constantFrom('a', 'b', 'c', 'd'),
  reason: fc.constantFrom(...Object.values(reasons)),
  ms: fc.nat(3_000),
})
const doDeed = (it: Played, { what, id, reason, ms }: Deed, ticket: number): void => {
  if (what === 'pass') it.now += ms
  else if (what === 'fail') it.failing.set(id, 1)
  else if (what === 'add') it.send({ tag: 'StartChild', rule: rule(id, 'transient'), ticket })
  else if (what === 'end') it.ends(id, reason)
  else {
    const tag = ({ terminate: 'TerminateChild', restart: 'RestartChild', delete: 'DeleteChild' } as const)[
      what
    ]
    it.send({ tag, id, ticket })
  }
}

t.test(
  'supervisor - whatever happens: intensity holds, every request is answered, nothing is left at the end',
  async () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...strategies),
        fc.array(fc.constantFrom(...restarts), { minLength: 3, maxLength: 3 }),
        fc.nat(3),
        fc.array(deed, { maxLength: 60 }),
        (strategy, types, intensity, deeds) => {
          const rules = ['a', 'b', 'c'].map((id, i) => rule(id, types[i]))
          const it = play({ strategy, intensity, periodMs: 2_000 }, rules)
          it.send({ tag: 'Start' })
          const counted: number[] = []
          let isOver = false
          deeds.forEach((each, ticket) => {
            const before = it.child(each.id)
            const wasRunning = before?.status === 'running'
            it.take()
            doDeed(it, each, ticket)
            const done = it.done.slice()
            if (isOver && done.length > 0) throw new Error(`acts after its end: ${done.join()}`)
            // A restart by itself: what ended was started again, and each retry that was not one too many.
            if (each.what === 'end' && wasRunning && done.includes(`start ${each.id}`)) counted.push(it.now)
            done.forEach((word, i) => {
              const isTried = done.slice(i + 1).includes(word.replace('retry', 'start'))
              if (word.startsWith('retry') && isTried) counted.push(it.now)
            })
            const recent = counted.filter((at) => it.now - at <= 2_000)
            if (recent.length > intensity)
              throw new Error(`${recent.length} restarts, intensity ${intensity}`)
            if (done.some((word) => word.startsWith('end'))) isOver = true
            const isRequest = !['pass', 'fail', 'end'].includes(each.what)
            if (isRequest && !it.answers.has(ticket)) throw new Error(`no answer to ${each.what}`)
          })
          if (!isOver) it.send({ tag: 'Stop' })
          return it.running() === ''
        },
      ),
      { numRuns: 1_000 },
    )
  },
)

t.test('supervisor - permanent children all run after every event, until it gives up', async () => {
  const happening = deed.filter(({ what }) => what === 'end' || what === 'pass' || what === 'fail')
  fc.assert(
    fc.property(fc.constantFrom(...strategies), fc.array(happening, { maxLength: 60 }), (strategy, deeds) => {
      const it = play(
        { strategy, intensity: 3, periodMs: 2_000 },
        ['a', 'b', 'c', 'd'].map((id) => rule(id)),
      )
      it.send({ tag: 'Start' })
      for (const each of deeds) {
        doDeed(it, each, 0)
        if (it.done.at(-1) === 'end shutdown') return it.running() === ''
        if (it.running() !== 'a b c d') return false
      }
      return true
    }),
    { numRuns: 1_000 },
  )
})
