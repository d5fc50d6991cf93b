import t from 'tap'
import * as io from 'io-ts'
import { act, AskFailed, behavior, message, next, nodeMessage, nodeProtocol, putOff, refuse, refused, reply, topic } from '../../../lib/index.js'
import type { Asked, LocalRef } from '../../../lib/index.js'
import { bed, deferred, startActor } from '../../fixtures/kernel/index.js'

const boom = new Error('boom')

const Counter = nodeProtocol('counter', {
  Add: message({ n: io.number }),
  Crash: message(),
  Quit: message(),
  Total: message().reads(io.number),
  Take: message({ n: io.number }).replies(io.number).refuses(io.literal('TOO_FEW')),
  Slow: message().replies(io.string),
  Wait: message().replies(io.string),
  Release: message({ text: io.string }),
  Deny: message(),
  Later: message({ ms: io.number, n: io.number }),
  Odd: message(),
  Attach: nodeMessage<{ fn: () => void }>(),
  Bad: message().replies(io.number),
})
const Happened = topic.origin('happened', io.type({ n: io.number }))
const Said = topic.cluster('said', io.type({ text: io.string }))
const Other = nodeProtocol('other', { Add: message({ n: io.number }) })

interface State {
  readonly total: number
  readonly open: Asked<string, never> | undefined
}

const counter = (hooks: { slow?: Promise<unknown>; onStop?: (state: State) => unknown; init?: () => State } = {}) =>
  behavior(Counter, {
    init: hooks.init ?? (() => ({ total: 0, open: undefined }) as State),
    on: {
      Add: (state, { n }) => next({ ...state, total: state.total + n }),
      Crash: () => {
        throw boom
      },
      Quit: (state) => next(state, act.stop()),
      Total: (state) => state.total,
      Take: (state, { n }) =>
        n > state.total ? refuse('TOO_FEW') : reply({ ...state, total: state.total - n }, state.total - n),
      Slow: async (state) => {
        await hooks.slow
        return reply({ ...state, total: state.total + 1 }, 'slow')
      },
      Wait: (state, _, self) => putOff({ ...state, open: self.asked }),
      Release: (state, { text }) =>
        state.open === undefined ? next(state) : next(state, act.answer(state.open, text)),
      Deny: (state) => next(state, act.refuse(state.open as Asked<string, never>, undefined as never)),
      Later: (state, { ms, n }) => next(state, act.after(ms, Counter.Add({ n }), 'later'), act.publish(Said, { text: 'later' })),
      Odd: () => undefined as never,
      Attach: (state, { fn }) => {
        fn()
        return next(state, act.cancel('later'))
      },
      Bad: (state) => next(state) as never,
    },
    ...(hooks.onStop === undefined ? {} : { onStop: hooks.onStop as () => void }),
  })

const started = (kernel: ReturnType<typeof bed>['kernel'], hooks = {}) => {
  const it = startActor(kernel, counter(hooks))
  return { ...it, ref: it.actor.ref as unknown as LocalRef<'counter'> }
}
const reasonOf = async (promise: Promise<unknown>): Promise<unknown> => {
  try {
    await promise
    return 'resolved'
  } catch (error) {
    return error instanceof AskFailed ? error.reason : error
  }
}

t.test('local actor - tells change its state in order, and reads see it', async (t) => {
  const { kernel, settle } = bed()
  const { ref } = started(kernel)
  ref.tell(Counter.Add({ n: 2 }))
  ref.tell(Counter.Add({ n: 3 }))
  const total = ref.ask(Counter.Total())
  await settle()
  t.equal(await total, 5)
  t.match(kernel.counts(), { sent: 3, handled: 3, waiting: 0 })
})

t.test('local actor - a reply and a refusal reach the asker, and a refusal changes nothing', async (t) => {
  const { kernel, settle } = bed()
  const { ref } = started(kernel)
  ref.tell(Counter.Add({ n: 2 }))
  const taken = ref.ask(Counter.Take({ n: 1 }))
  const refusal = ref.ask(Counter.Take({ n: 9 })).catch((error: unknown) => error)
  const total = ref.ask(Counter.Total())
  await settle()
  t.equal(await taken, 1)
  const error = await refusal
  t.ok(refused(error, Counter.Take) && error.reason.refusal === 'TOO_FEW')
  t.equal(await total, 1)
})

t.test('local actor - a handler may wait, and nothing else is handled meanwhile', async (t) => {
  const { kernel, settle } = bed()
  const slow = deferred()
  const { ref } = started(kernel, { slow: slow.promise })
  const answer = ref.ask(Counter.Slow())
  const total = ref.ask(Counter.Total())
  await settle()
  slow.resolve()
  await settle()
  t.equal(await answer, 'slow')
  t.equal(await total, 1)
})

t.test('local actor - an ask without an answer ends at its deadline, and a late answer is a dead letter', async (t) => {
  const { clock, kernel, settle } = bed({ askTimeoutMs: 5_000 })
  const slow = deferred()
  const { ref } = started(kernel, { slow: slow.promise })
  const first = reasonOf(ref.ask(Counter.Slow(), { timeoutMs: 100 }))
  const second = reasonOf(ref.ask(Counter.Total()))
  await settle()
  clock.advance(99)
  t.equal(kernel.asks.openCount, 2)
  clock.advance(11)
  t.same(await first, { tag: 'AskTimeout', address: 'counter/', timeoutMs: 100 })
  clock.advance(5_000)
  t.match(await second, { tag: 'AskTimeout', timeoutMs: 5_000 })
  slow.resolve()
  await settle()
  t.match(kernel.counts(), { sent: 2, handled: 1, errors: 1, waiting: 0, lateReplies: 1 })
  t.match(kernel.deadLetters(), [{ reason: 'late-reply' }])
  t.equal(kernel.asks.openCount, 0)
})

t.test('local actor - an aborted ask is Cancelled', async (t) => {
  const { kernel, settle } = bed()
  const slow = deferred()
  const { ref } = started(kernel, { slow: slow.promise })
  const controller = new AbortController()
  const asked = reasonOf(ref.ask(Counter.Slow(), { signal: controller.signal }))
  await settle()
  controller.abort()
  t.same(await asked, { tag: 'Cancelled', address: 'counter/' })
  t.match(await reasonOf(ref.ask(Counter.Total(), { signal: AbortSignal.abort() })), { tag: 'Cancelled' })
  const fine = new AbortController()
  slow.resolve()
  const total = ref.ask(Counter.Total(), { signal: fine.signal })
  await settle()
  t.equal(await total, 1)
  fine.abort()
})

t.test('local actor - an ask put off is answered later, or refused', async (t) => {
  const { kernel, settle } = bed()
  const { ref } = started(kernel)
  const waiting = ref.ask(Counter.Wait())
  await settle()
  ref.tell(Counter.Release({ text: 'now' }))
  ref.tell(Counter.Release({ text: 'twice' }))
  await settle()
  t.equal(await waiting, 'now')
  t.equal(kernel.counts().lateReplies, 1, 'the second answer')
  const denied = reasonOf(ref.ask(Counter.Wait()))
  await settle()
  ref.tell(Counter.Deny())
  await settle()
  t.match(await denied, { tag: 'Refused', message: 'Wait' })
})

t.test('local actor - a reqId is applied once, however often it is asked', async (t) => {
  const { clock, kernel, settle } = bed({ replyKeepMs: 200_000 })
  const slow = deferred()
  const { ref } = started(kernel, { slow: slow.promise })
  const asks = [1, 2, 3].map(() => ref.ask(Counter.Slow(), { reqId: 'r1' }))
  await settle()
  slow.resolve()
  await settle()
  t.same(await Promise.all(asks), ['slow', 'slow', 'slow'])
  const total = ref.ask(Counter.Total())
  const refusals = [1, 2].map(() => reasonOf(ref.ask(Counter.Take({ n: 5 }), { reqId: 'r2' })))
  await settle()
  t.equal(await total, 1)
  t.match(await Promise.all(refusals), [{ tag: 'Refused' }, { tag: 'Refused' }])
  clock.advance(200_001)
  const again = ref.ask(Counter.Slow(), { reqId: 'r1' })
  await settle()
  t.equal(await again, 'slow')
  const forgotten = ref.ask(Counter.Total())
  await settle()
  t.equal(await forgotten, 2, 'remembered for replyKeepMs only')
})

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

t.test('local actor - handlers that return nothing, or do not answer, are crashes with a sentence', async (t) => {
  const { kernel, settle } = bed()
  const { ref, ended, actor } = started(kernel)
  ref.tell(Counter.Odd())
  await settle()
  t.match(ended, [{ tag: 'crash', error: { code: 'StepReturnedNothing' } }])
  actor.begin(() => undefined)
  const bad = reasonOf(ref.ask(Counter.Bad()))
  await settle()
  t.match(await bad, { tag: 'Crashed', cause: { code: 'WrongForm' } })
})

t.test('local actor - misuse of a ref is a sentence, not a lost message', async (t) => {
  const { kernel } = bed()
  const { ref, actor } = started(kernel)
  const any = ref as unknown as { tell(m: unknown): void; ask(m: unknown, o?: object): Promise<unknown> }
  t.throws(() => any.tell(Other.Add({ n: 1 })), { code: 'ForeignMessage', message: /other\.Add was sent to "counter"/ })
  t.throws(() => any.tell({ kind: 'counter', tag: 'Add' }), { code: 'ForeignMessage' })
  t.throws(() => any.tell(Counter.Total()), { code: 'WrongForm', message: /use ref\.ask/ })
  await t.rejects(any.ask(Counter.Crash()), { code: 'WrongForm', message: /use ref\.tell/ })
  await t.rejects(any.ask(Other.Add({ n: 1 })), { code: 'ForeignMessage' })
  await t.rejects(any.ask(Counter.Total(), { timeoutMs: 0 }), /1 or more/)
  t.throws(() => actor.ref.asked, /only there while an ask is handled/)
})

t.test('local actor - a full mailbox answers Overloaded, a stopped one NoRecipient', async (t) => {
  const { kernel, settle } = bed({ mailboxCountMax: 1 })
  const { ref, actor } = started(kernel)
  ref.tell(Counter.Add({ n: 1 }))
  t.match(await reasonOf(ref.ask(Counter.Total())), { tag: 'Overloaded', mailboxCountMax: 1 })
  await settle()
  const left = reasonOf(ref.ask(Counter.Total()))
  actor.close({ tag: 'shutdown' })
  t.same(await left, { tag: 'NoRecipient', address: 'counter/' })
  t.same(await reasonOf(ref.ask(Counter.Total())), { tag: 'NoRecipient', address: 'counter/' })
  ref.tell(Counter.Add({ n: 1 }))
  t.match(kernel.counts(), { sent: 5, handled: 1, errors: 3, deadLetters: 1, waiting: 0 })
})

t.test('local actor - beyond pendingAsksCountMax an ask is Overloaded at once', async (t) => {
  const { kernel, settle } = bed({ pendingAsksCountMax: 1 })
  const { ref } = started(kernel)
  const first = ref.ask(Counter.Total())
  t.match(await reasonOf(ref.ask(Counter.Total())), { tag: 'Overloaded', mailboxCountMax: 1 })
  await settle()
  t.equal(await first, 0)
})

t.test('local actor - actions reach timers, topics and the outside', async (t) => {
  const { clock, kernel, settle } = bed()
  const { ref, outside } = started(kernel)
  ref.tell(Counter.Later({ ms: 100, n: 7 }))
  await settle()
  clock.advance(100)
  const total = ref.ask(Counter.Total())
  await settle()
  t.equal(await total, 7)
  t.same(outside.published, [['said', { text: 'later' }]])
  let called = false
  ref.tell(Counter.Later({ ms: 100, n: 7 }))
  ref.tell(Counter.Attach({ fn: () => (called = true) }))
  await settle()
  clock.advance(100)
  const same = ref.ask(Counter.Total())
  await settle()
  t.ok(called)
  t.equal(await same, 7, 'the timer was cancelled')
})

t.test('local actor - it hears topics until it is closed, and through restarts', async (t) => {
  const { kernel, settle } = bed()
  const Ear = nodeProtocol('ear', { Heard: message().reads(io.array(io.string)) })
  const ear = behavior(Ear, { init: (): string[] => [], on: { Heard: (all) => all } })
    .hears(Happened, async (all, { n }, from) => next([...all, `${n}${from.isHere ? ' here' : ''}`]))
    .hears(Said, (all, { text }) => next([...all, text], act.tell({ kind: 'x', id: 'y' } as never, Other.Add({ n: 1 }) as never)))
  const { actor, outside, failures } = startActor(kernel, ear)
  t.same(failures, [])
  outside.emit('happened', { n: 1 }, { node: 'n1', incarnation: 1, isHere: true })
  outside.emit('said', { text: 'hello' })
  const heard = actor.ref.ask(Ear.Heard() as never)
  await settle()
  t.same(await heard, ['1 here', 'hello'])
  t.match(outside.told, [[{ kind: 'x' }, { tag: 'Add' }]])
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

t.test('local actor - act.command is refused with a sentence', async (t) => {
  const { kernel, settle } = bed()
  const P = nodeProtocol('p', { Go: message() })
  const p = behavior(P, {
    init: () => 0,
    on: { Go: (s) => next(s, act.command({} as never, {} as never, {} as never)) },
  })
  const { actor, ended } = startActor(kernel, p)
  actor.ref.tell(P.Go() as never)
  await settle()
  t.match(ended, [{ tag: 'crash', error: { message: /await the ask on a ref/ } }])
})

t.test('local actor - halt waits for the message in hand and for onStop; a throw there does not hang it', async (t) => {
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
})

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
  for (const bad of [() => Promise.reject(boom), () => {
    throw boom
  }]) {
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

t.test('local actor - with diagnostics a state changed in place is a crash', async (t) => {
  const Mutable = nodeProtocol('mutable', { Push: message() })
  const mutable = behavior(Mutable, {
    init: () => ({ list: [1] }),
    on: {
      Push: (state) => {
        state.list.push(2)
        return next(state)
      },
    },
  })
  for (const diagnostics of [true, false]) {
    const { kernel, settle } = bed({ diagnostics })
    const { actor, ended } = startActor(kernel, mutable)
    actor.ref.tell(Mutable.Push() as never)
    await settle()
    t.equal(ended.length, diagnostics ? 1 : 0)
  }
})

t.test('local actor - its ref is its address, and self is given to handlers', async (t) => {
  const { kernel, clock, settle } = bed()
  const Me = nodeProtocol('me', { Go: message(), Done: message({ now: io.number }) })
  const seen: unknown[] = []
  const me = behavior(Me, {
    init: () => 0,
    on: {
      Go: (s, _, self) => {
        self.tell(Me.Done({ now: self.now }))
        seen.push(self.address, self.node.id, self.nact)
        return next(s)
      },
      Done: (s, { now }) => {
        seen.push(now)
        return next(s)
      },
    },
  })
  const { actor } = startActor(kernel, me)
  actor.ref.tell(Me.Go() as never)
  await settle()
  t.same(seen, [{ kind: 'me', id: '', node: 'n1#1' }, 'n1#1', undefined, clock.now()])
})
