/** What nact 7.6.2 does, by the numbers under which it was found. Each test shows that tumen does not. */
import nact from 'nact'
import t from 'tap'
import { act, behavior, type LocalRef, message, nodeProtocol, supervisor } from '../../../lib/index.js'
import { behaviorData } from '../../../lib/api/internal.js'
import { Kernel } from '../../../lib/kernel/kernel.js'
import { LocalActor } from '../../../lib/kernel/local-actor.js'
import { nactHost } from '../../../lib/kernel/nact.js'
import { systemClock } from '../../../lib/std/system.js'
import { Any, anyBehavior, Do, type Hooks, startAny, turns } from '../../fixtures/kernel/any.js'
import { reasonOf } from '../../fixtures/kernel/counter.js'
import { bed, deferred, outside, recorded, startActor } from '../../fixtures/kernel/index.js'
import { boom, World } from '../../fixtures/otp/world.js'

const hosted = (hooks: Hooks = {}) => {
  const kernel = new Kernel({ clock: systemClock, host: nactHost() })
  const ended: string[] = []
  let count = 0
  const actor = (
    parent?: LocalActor,
    more: Hooks = hooks,
  ): LocalActor & { readonly any: LocalRef<'any'> } => {
    const made = new LocalActor(kernel, {
      name: `any-${++count}`,
      parent: parent?.cell,
      behavior: behaviorData(anyBehavior(more)),
      outside: outside(),
      ended: ({ tag }) => void ended.push(tag),
    })
    made.begin(() => undefined)
    return Object.assign(made, { any: made.ref as unknown as LocalRef<'any'> })
  }
  return { kernel, actor, ended }
}

t.test('A1 children stop when their parent stops: timers, handlers and clean-up included', async (t) => {
  const { kernel, actor } = hosted()
  const parent = actor()
  const child = actor(parent)
  const grandchild = actor(child)
  grandchild.any.tell(Any.Tick())
  await turns()
  await new Promise<void>((done) => parent.cell.stop(done))
  const { handled } = kernel.counts()
  await new Promise((done) => setTimeout(done, 30))
  t.equal(kernel.counts().handled, handled, 'no timer rings any more')
  t.same([child.cell.status, grandchild.cell.status], ['stopped', 'stopped'])
  kernel.kill()
})

t.test('A2 a restart above leaves no orphan below', async (t) => {
  const w = new World()
  const deep = supervisor('deep', {}, [w.worker('c')])
  const it = await w.grow(
    supervisor('root', { intensity: 5 }, [supervisor('mid', { intensity: 0 }, [deep, w.worker('b')])]),
  )
  w.take()
  await it.end('b', 'crash')
  t.equal(w.take(), '-c +c +b')
  t.equal(w.on.kernel.roots.length, 1)
})

t.test('A3 no failure becomes an unhandled rejection', async (t) => {
  const rejections: unknown[] = []
  const note = (reason: unknown): void => void rejections.push(reason)
  process.on('unhandledRejection', note)
  t.teardown(() => process.off('unhandledRejection', note))
  const { kernel, actor } = hosted()
  const failing: Hooks[] = [
    { init: () => Promise.reject(boom) },
    {
      init: () => {
        throw boom
      },
    },
    { onStop: () => Promise.reject(boom) },
  ]
  for (const hooks of failing) {
    const made = actor(undefined, hooks)
    made.halt(() => undefined)
  }
  const crashing = actor()
  crashing.any.tell(Do(() => Promise.reject(boom)))
  await turns()
  kernel.kill()
  await turns()
  t.same(rejections, [])
})

t.test('A4 a stop waits for the handler, and cleans up once, with the state after it', async (t) => {
  const states: number[] = []
  const { kernel, settle } = bed()
  const { ref, actor } = startAny(kernel, { onStop: (n) => states.push(n) })
  const wait = deferred()
  ref.tell(Do(() => wait.promise))
  ref.tell(Do(() => undefined))
  await settle()
  actor.halt(() => actor.close({ tag: 'shutdown' }))
  await settle()
  t.same(states, [])
  wait.resolve()
  await settle()
  t.same(states, [1])
  t.match(kernel.counts(), { handled: 1, deadLetters: 1 }, 'the message behind it is accounted for')
})

t.test('A5 a restart of a busy actor runs no second handler beside the first', async (t) => {
  const { kernel, settle } = bed()
  const { ref, actor } = startAny(kernel)
  const wait = deferred()
  ref.tell(Do(() => wait.promise))
  await settle()
  actor.abort()
  actor.begin(() => undefined)
  const before = ref.ask(Any.Get())
  await settle()
  wait.resolve()
  await settle()
  const after = ref.ask(Any.Get())
  await settle()
  t.same([await before, await after], [0, 0], 'the old result does not overwrite the new state')
})

t.test('A6 a decision is about the actor that failed, not about its parent', async (t) => {
  const w = new World()
  const it = await w.grow(
    supervisor('root', { intensity: 5 }, [supervisor('mid', {}, [w.worker('a'), w.worker('b')])]),
  )
  const downs = it.watch('a', 'b')
  w.take()
  await it.end('a', 'crash')
  t.equal(w.take(), '+a')
  t.same(downs, ['a crash'])
})

t.test('A7 an actor that failed is not left busy: its mail goes on', async (t) => {
  const w = new World()
  const it = await w.grow(supervisor('root', { intensity: 5 }, [w.worker('a')]))
  const { ref } = it.actor('a')
  ref.tell(it.message('a', 'Crash'))
  ref.tell(it.message('a', 'Add'))
  const count = (ref as unknown as { ask(m: never): Promise<number> }).ask(it.message('a', 'Count'))
  await w.on.settle()
  t.equal(await count, 1)
})

t.test('A8 a fault at the top is told to whoever listens, and nothing is printed', async (t) => {
  const printed: unknown[] = []
  const { log, error } = console
  console.log = (...all: unknown[]) => void printed.push(all)
  console.error = (...all: unknown[]) => void printed.push(all)
  t.teardown(() => Object.assign(console, { log, error }))
  const { kernel, actor, ended } = hosted()
  const heard: string[] = []
  kernel.listen(({ tag }) => heard.push(tag))
  actor().any.tell(
    Any.Ask({
      what: () => {
        throw boom
      },
    }),
  )
  await turns()
  t.same(printed, [])
  t.ok(heard.includes('ActorCrashed'))
  t.same(ended, ['crash'], 'its supervisor decides')
  kernel.kill()
})

t.test('A9 messages are handled strictly one after the other, as documented', async (t) => {
  const { kernel, settle } = bed()
  const { ref } = startAny(kernel)
  let inside = 0
  let most = 0
  for (let i = 0; i < 10; i++) {
    ref.tell(
      Do(async () => {
        most = Math.max(most, ++inside)
        await Promise.resolve()
        inside--
      }),
    )
  }
  await settle()
  t.equal(most, 1)
})

t.test('A10 what is refused leaves no name behind', async (t) => {
  const { kernel } = bed()
  const a = recorded(kernel)
  t.throws(() => recorded(kernel), /two actors of one name/)
  t.equal(kernel.roots.length, 1)
  a.cell.stop()
  const on = new Kernel({ clock: systemClock, host: nactHost() })
  for (const name of ['a b', 'ä/ö', '', '日本', '..', 'x'.repeat(300)]) recorded(on, { name })
  t.equal(on.roots.length, 6, 'any text is a name')
  on.kill()
})

t.test('A11 an init may wait or throw: whoever has the ref is answered', async (t) => {
  const { kernel, settle } = bed()
  const init = deferred<number>()
  const { ref } = startAny(kernel, { init: () => init.promise })
  const early = ref.ask(Any.Get())
  await settle()
  init.resolve(5)
  await settle()
  t.equal(await early, 5)
  const failing = startAny(kernel, { init: () => Promise.reject(boom) }, 'failing')
  const asked = reasonOf(failing.ref.ask(Any.Get()))
  await settle()
  t.same(failing.failures, [boom])
  failing.actor.close({ tag: 'crash', error: boom })
  t.match(await asked, { tag: 'NoRecipient' })
})

t.test('A12 idle timers do not leak over restarts, and a delay may be longer than 31 bits', async (t) => {
  const { clock, kernel, settle } = bed()
  const { actor, ended } = startAny(kernel, { idleMs: 1_000 })
  for (let i = 0; i < 100; i++) {
    actor.abort()
    actor.begin(() => undefined)
  }
  clock.advance(1_001)
  t.same(ended, [{ tag: 'normal' }], 'one of a hundred rings')
  const { ref } = startAny(kernel, {}, 'late')
  let rang = 0
  const longMs = 2 ** 31 + 5
  ref.tell(Do(() => undefined))
  const self = (kernel.roots[1] as { readonly body?: unknown } | undefined)?.body as LocalActor
  self.perform([
    act.after(
      longMs,
      Do(() => rang++),
    ),
  ])
  clock.advance(longMs - 1)
  await settle()
  t.equal(rang, 0)
  clock.advance(1)
  await settle()
  t.equal(rang, 1)
  kernel.stop()
  t.equal(clock.pendingCount, 0)
})

t.test('C a message to who is not there is a dead letter with its reason', async (t) => {
  const { kernel } = bed()
  const { ref, actor } = startAny(kernel)
  actor.close({ tag: 'shutdown' })
  ref.tell(Any.Tick())
  t.match(kernel.deadLetters(), [{ path: 'any', reason: 'stopped', message: { tag: 'Tick' } }])
})

t.test('C an asker learns at once why there is no answer', async (t) => {
  const { clock, kernel, settle } = bed()
  const Bad = nodeProtocol('bad', { Go: message().replies() })
  const bad = startActor(
    kernel,
    behavior(Bad, {
      init: () => 0,
      on: {
        Go: () => {
          throw boom
        },
      },
    }),
    'bad',
  ).actor.ref as unknown as LocalRef<'bad'>
  const failed = reasonOf(bad.ask(Bad.Go()))
  await settle()
  t.match(await failed, { tag: 'Crashed', cause: boom })
  const other = startAny(kernel)
  const wait = deferred()
  other.ref.tell(Do(() => wait.promise))
  await settle()
  const late = reasonOf(other.ref.ask(Any.Get(), { timeoutMs: 20 }))
  clock.advance(30)
  t.same(await late, { tag: 'AskTimeout', address: 'any/', timeoutMs: 20 }, 'a timeout carries its facts')
})

t.test('C a function in a message is sent, not called', async (t) => {
  const { kernel, settle } = bed()
  const { ref } = startAny(kernel)
  let calls = 0
  ref.tell(Any.Ask({ what: () => calls++ }))
  t.equal(calls, 0)
  await settle()
  t.equal(calls, 1, 'only its receiver calls it')
})

t.test('C a second system does not replace the first', async (t) => {
  const [one, two] = [hosted(), hosted()]
  const [a, b] = [one.actor(), two.actor()]
  nact.dispatch(a.ref.nact as never, Any.Tick())
  nact.dispatch(b.ref.nact as never, Any.Tick())
  await turns()
  t.same([one.kernel.counts().handled, two.kernel.counts().handled], [1, 1])
  let isOver = false
  one.kernel.stop(() => {
    isOver = true
  })
  t.ok(isOver, 'and its end can be awaited')
  nact.dispatch(b.ref.nact as never, Any.Tick())
  await turns()
  t.ok(two.kernel.counts().handled >= 2)
  two.kernel.kill()
})
