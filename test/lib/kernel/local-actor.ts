import { specOfMessage } from '../../../lib/api/internal.js'
import t from 'tap'
import * as io from 'io-ts'
import { act, behavior, message, next, nodeProtocol, refused, reply } from '../../../lib/index.js'
import { Counter, Other, reasonOf, Said, started } from '../../fixtures/kernel/counter.js'
import type { LocalSelf } from '../../../lib/kernel/local-self.js'
import { bed, deferred, startActor } from '../../fixtures/kernel/index.js'

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

t.test(
  'local actor - an ask without an answer ends at its deadline, and a late answer is a dead letter',
  async (t) => {
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
  },
)

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

t.test(
  'local actor - handlers that return nothing, or do not answer, are crashes with a sentence',
  async (t) => {
    const { kernel, settle } = bed()
    const { ref, ended, actor } = started(kernel)
    ref.tell(Counter.Odd())
    await settle()
    t.match(ended, [{ tag: 'crash', error: { code: 'StepReturnedNothing' } }])
    actor.begin(() => undefined)
    const bad = reasonOf(ref.ask(Counter.Bad()))
    await settle()
    t.match(await bad, { tag: 'Crashed', cause: { code: 'WrongForm' } })
  },
)

t.test('local actor - misuse of a ref is a sentence, not a lost message', async (t) => {
  const { kernel } = bed()
  const { ref, actor } = started(kernel)
  const any = ref as unknown as { tell(m: unknown): void; ask(m: unknown, o?: object): Promise<unknown> }
  t.throws(() => any.tell(Other.Add({ n: 1 })), {
    code: 'ForeignMessage',
    message: /other\.Add was sent to "counter"/,
  })
  t.throws(() => any.tell({ kind: 'counter', tag: 'Add' }), { code: 'ForeignMessage' })
  t.throws(() => any.tell(Counter.Total()), { code: 'WrongForm', message: /use ref\.ask/ })
  await t.rejects(any.ask(Counter.Crash()), { code: 'WrongForm', message: /use ref\.tell/ })
  await t.rejects(any.ask(Other.Add({ n: 1 })), { code: 'ForeignMessage' })
  await t.rejects(any.ask(Counter.Total(), { timeoutMs: 0 }), /1 or more/)
  t.throws(() => (actor.ref as LocalSelf).asked, /only there while an ask is handled/)
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

t.test('local actor - act.command is refused with a sentence', async (t) => {
  const { kernel, settle } = bed()
  const P = nodeProtocol('p', { Go: message() })
  const to = { kind: Counter.kind, id: 'c' } as never
  const then = { ...Counter.Total(), [specOfMessage]: { form: 'answer' } } as never
  const p = behavior(P, {
    init: () => 0,
    on: { Go: (s) => next(s, act.command(to, Counter.Total() as never, then)) },
  })
  const { actor, ended } = startActor(kernel, p)
  actor.ref.tell(P.Go() as never)
  await settle()
  t.match(ended, [{ tag: 'crash', error: { message: /await the ask on a ref/ } }])
})

t.test('local actor - with diagnostics a state changed in place is a crash with a sentence', async (t) => {
  const Mutable = nodeProtocol('mutable', {
    Push: message(),
    Late: message(),
    Ask: message().replies(),
    Other: message(),
  })
  const change = (state: { list: number[] }) => {
    state.list.push(2)
    return next(state)
  }
  const mutable = behavior(Mutable, {
    init: () => ({ list: [1] }),
    on: {
      Push: change,
      Late: async (state) => {
        await Promise.resolve()
        return change(state)
      },
      Ask: (state) => {
        state.list = []
        return reply(state)
      },
      Other: () => {
        throw new TypeError('of another kind')
      },
    },
  }).hears(Said, change)
  const sentence = /The handler \w+ of mutable\/ changed its state or payload in place/
  for (const diagnostics of [true, false]) {
    const { kernel, settle } = bed({ diagnostics })
    const { actor, ended, outside } = startActor(kernel, mutable)
    actor.ref.tell(Mutable.Push() as never)
    await settle()
    t.equal(ended.length, diagnostics ? 1 : 0)
    if (!diagnostics) continue
    const again = async (act: () => unknown): Promise<void> => {
      actor.begin(() => undefined)
      act()
      await settle()
    }
    await again(() => actor.ref.tell(Mutable.Late() as never))
    await again(() => actor.ref.ask(Mutable.Ask() as never).catch(() => undefined))
    await again(() => outside.emit('said', { text: 'x' }))
    t.match(
      ended,
      Array.from({ length: 4 }, () => ({ error: { code: 'StateMutated', message: sentence } })),
    )
    await again(() => actor.ref.tell(Mutable.Other() as never))
    t.match(ended[4], { error: { message: 'of another kind' } })
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
