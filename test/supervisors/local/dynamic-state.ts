import t from 'tap'
import type { Restart } from '../../../lib/api/child-data.js'
import { dynamicState, dynamicStep } from '../../../supervisors/local/dynamic-state.js'
import { boom, play, reasons, rule } from '../../fixtures/kernel/children.js'

const dynamic = (countMax = 100, intensity = 1) => {
  const state = dynamicState({ intensity, periodMs: 5_000 }, countMax)
  const it = play({}, [], { step: (event, now) => dynamicStep(state, event, now), children: state.children })
  it.send({ tag: 'Start' })
  it.take()
  let ticket = 0
  return {
    it,
    add: (id: string, restart?: Restart): unknown => {
      it.send({ tag: 'StartChild', rule: rule(id, restart), ticket: ++ticket })
      return it.answers.get(ticket)
    },
    terminate: (id: string): unknown => {
      it.send({ tag: 'TerminateChild', id, ticket: ++ticket })
      return it.answers.get(ticket)
    },
  }
}

for (const restart of ['permanent', 'transient', 'temporary'] as const) {
  for (const [name, reason] of Object.entries(reasons)) {
    const isAbnormal = name === 'crash' || name === 'kill'
    const isRestarted = restart === 'permanent' || (restart === 'transient' && isAbnormal)
    t.test(`dynamic - ${restart} and ${name}: ${isRestarted ? 'restarted' : 'gone'}`, async (t) => {
      const { it, add } = dynamic()
      t.same([add('a', restart), add('b', restart)], [{ tag: 'ok' }, { tag: 'ok' }])
      it.take()
      it.ends('a', reason)
      t.equal(it.take(), isRestarted ? 'start a' : 'close a')
      t.equal(it.running(), isRestarted ? 'a b' : 'b')
      t.equal(it.child('a') !== undefined, isRestarted)
    })
  }
}

t.test('dynamic - its answers', async (t) => {
  const { it, add, terminate } = dynamic(2)
  t.same(add('a'), { tag: 'ok' })
  t.same(add('a'), { tag: 'already-started' })
  it.failing.set('x', 1)
  t.match(add('x'), { tag: 'failed', error: boom })
  t.same(add('b'), { tag: 'ok' })
  t.same(add('c'), { tag: 'full', countMax: 2 })
  t.same(terminate('c'), { tag: 'not-found' })
  t.same(terminate('a'), { tag: 'ok' })
  t.same(add('c'), { tag: 'ok' })
  it.send({ tag: 'RestartChild', id: 'c', ticket: 90 })
  it.send({ tag: 'DeleteChild', id: 'c', ticket: 91 })
  t.same([it.answers.get(90), it.answers.get(91)], [{ tag: 'dynamic' }, { tag: 'dynamic' }])
  it.send({ tag: 'Stop' })
  t.same(add('d'), { tag: 'not-running' })
})

t.test('dynamic - a child that takes long to start holds up nobody', async (t) => {
  const { it, add, terminate } = dynamic()
  it.held.add('slow')
  t.equal(add('slow'), undefined)
  t.same(add('quick'), { tag: 'ok' })
  t.same(terminate('slow'), { tag: 'ok' })
  t.same(it.answers.get(1), { tag: 'not-found' }, 'whoever started it is told')
})

t.test('dynamic - children stop all at once, and it ends with the last', async (t) => {
  const { it, add } = dynamic()
  for (const id of ['a', 'b', 'c']) add(id)
  it.take()
  it.send({ tag: 'Stop' })
  t.equal(
    it.take(),
    'stop a, stop b, stop c, close a, close b, close c, end shutdown',
    'OTP simple_one_for_one_shutdown',
  )
})

t.test('dynamic - one restart too many ends it; a failed restart counts and is tried again', async (t) => {
  const { it, add } = dynamic(100, 2)
  for (const id of ['a', 'b']) add(id, 'permanent')
  it.take()
  it.failing.set('a', 1)
  it.ends('a', reasons.crash)
  t.equal(it.take(), 'start a, retry a, start a')
  it.ends('b', reasons.crash)
  t.equal(it.take(), 'exceeded, stop a, close b, close a, end shutdown')
})
