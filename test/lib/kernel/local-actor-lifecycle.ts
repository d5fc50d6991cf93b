import t from 'tap'
import * as io from 'io-ts'
import { act, behavior, message, next, nodeProtocol, topic } from '../../../lib/index.js'
import {
  boom,
  Counter,
  counter,
  Other,
  reasonOf,
  Said,
  started,
  type State,
} from '../../fixtures/kernel/counter.js'
import { bed, deferred, startActor } from '../../fixtures/kernel/index.js'

const Happened = topic.origin('happened', io.type({ n: io.number }))

t.test('local actor - a crash answers the asks it breaks and tells the supervisor', async (t) => {
  const { kernel, settle } = bed()
  const { ref, ended, actor } = started(kernel)
  const putOffAsk = reasonOf(ref.ask(Counter.Wait()))
  const repeated = reasonOf(ref.ask(Counter.Wait(), { reqId: 'r' }))
  await settle()
  ref.tell(Counter.Crash())
  ref.tell(Counter.Add({ n: 1 }))
  const behind = ref.ask(Counter.Total())
  await settle()
  t.match(ended, [{ tag: 'crash', error: boom }])
  t.match(await putOffAsk, { tag: 'Crashed', cause: boom })
  t.match(await repeated, { tag: 'Crashed', cause: boom })
  actor.begin(() => undefined)
  await settle()
  t.equal(await behind, 1, 'a new state, and the mail behind the crash')
})

t.test('local actor - it hears topics until it is closed, and through restarts', async (t) => {
  const { kernel, settle } = bed()
  const Ear = nodeProtocol('ear', { Heard: message().reads(io.array(io.string)) })
  const ear = behavior(Ear, { init: (): string[] => [], on: { Heard: (all) => all } })
    .hears(Happened, async (all, { n }, from) => next([...all, `${n}${from.isHere ? ' here' : ''}`]))
    .hears(Said, (all, { text }) =>
      next([...all, text], act.tell({ kind: Other.kind, id: 'y' } as never, Other.Add({ n: 1 }) as never)),
    )
  const { actor, outside, failures } = startActor(kernel, ear)
  t.same(failures, [])
  outside.emit('happened', { n: 1 }, { node: 'n1', incarnation: 1, isHere: true })
  outside.emit('said', { text: 'hello' })
  const heard = actor.ref.ask(Ear.Heard() as never)
  await settle()
  t.same(await heard, ['1 here', 'hello'])
  t.match(outside.told, [[{ id: 'y' }, { tag: 'Add' }]])
  t.equal(outside.subscribedCount(), 2)
  actor.halt(() => undefined)
  outside.emit('said', { text: 'kept' })
  actor.begin(() => undefined)
  const again = actor.ref.ask(Ear.Heard() as never)
  await settle()
  t.same(await again, ['kept'])
  actor.close({ tag: 'shutdown' })
  t.equal(outside.subscribedCount(), 0)
})

t.test('local actor - act.stop ends it with reason normal after its clean-up', async (t) => {
  const { kernel, settle } = bed()
  const seen: unknown[] = []
  const { ref, ended } = started(kernel, { onStop: async (state: State) => void seen.push(state.total) })
  ref.tell(Counter.Add({ n: 4 }))
  ref.tell(Counter.Quit())
  await settle()
  t.same(seen, [4])
  t.same(ended, [{ tag: 'normal' }])
})

t.test(
  'local actor - halt waits for the message in hand and for onStop; a throw there does not hang it',
  async (t) => {
    for (const onStop of [
      async () => {
        await Promise.resolve()
        throw boom
      },
      () => {
        throw boom
      },
    ]) {
      const { kernel, settle, events } = bed()
      const slow = deferred()
      const { ref, actor, ended } = started(kernel, { slow: slow.promise, onStop })
      const answer = ref.ask(Counter.Slow())
      await settle()
      let halted = false
      actor.halt(() => (halted = true))
      await settle()
      t.notOk(halted)
      slow.resolve()
      await settle()
      t.ok(halted)
      t.equal(await answer, 'slow')
      t.match(events.at(-1), { tag: 'ActorCrashed', error: boom, message: undefined })
      t.same(ended, [])
    }
  },
)

t.test('local actor - a crash while it is halted is the end of the halt', async (t) => {
  const { kernel, settle } = bed()
  const slow = deferred()
  const { ref, actor, ended } = started(kernel, { slow: slow.promise })
  const answer = reasonOf(ref.ask(Counter.Slow()))
  await settle()
  let halted = 0
  actor.halt(() => halted++)
  slow.reject(boom)
  await settle()
  t.equal(halted, 1)
  t.same(ended, [])
  t.match(await answer, { tag: 'Crashed' })
})

t.test('local actor - abort gives up the message in hand and what it promised', async (t) => {
  const { kernel, settle } = bed()
  const slow = deferred()
  const { ref, actor } = started(kernel, { slow: slow.promise })
  const answer = reasonOf(ref.ask(Counter.Slow()))
  await settle()
  let halted = 0
  actor.halt(() => halted++)
  actor.abort()
  t.match(await answer, { tag: 'UnknownOutcome' })
  slow.resolve()
  await settle()
  t.equal(halted, 0)
  t.match(kernel.counts(), { sent: 1, errors: 1, waiting: 0 })
})

t.test('local actor - init may wait; a throw or rejection in it is a failed start', async (t) => {
  const { kernel, settle, events } = bed()
  const init = deferred<State>()
  const it = started(kernel, { init: () => init.promise })
  it.ref.tell(Counter.Add({ n: 1 }))
  const total = it.ref.ask(Counter.Total())
  await settle()
  init.resolve({ total: 10, open: undefined })
  await settle()
  t.equal(await total, 11, 'mail waits for the state')
  for (const bad of [
    () => Promise.reject(boom),
    () => {
      throw boom
    },
  ]) {
    const { failures } = startActor(kernel, counter({ init: bad as never }), `bad-${Math.random()}`)
    await settle()
    t.same(failures, [boom])
    t.match(events.at(-1), { tag: 'ActorCrashed', error: boom })
  }
  const never = startActor(kernel, counter({ init: (() => new Promise(() => undefined)) as never }), 'never')
  let halted = false
  never.actor.halt(() => (halted = true))
  t.ok(halted, 'an init that never ends can be halted')
  t.same(never.failures, [])
})
