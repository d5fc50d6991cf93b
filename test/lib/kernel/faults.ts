/** Faults that other runtimes report of themselves. Each test shows that tumen does not have one. */
import t from 'tap'
import { supervisor } from '../../../lib/index.js'
import { describeEvent } from '../../../lib/kernel/describe-event.js'
import { monitorRef } from '../../../lib/kernel/local-self.js'
import { systemClock } from '../../../lib/std/system.js'
import { memory, startNode, worker } from '../../../supervisors/index.js'
import { Any, anyBehavior, Do, startAny, turns } from '../../fixtures/kernel/any.js'
import { bed, deferred } from '../../fixtures/kernel/index.js'
import { boom, World } from '../../fixtures/otp/world.js'

t.test('a constructor that throws leaves no zombie behind', async (t) => {
  const w = new World()
  const failing = { init: () => Promise.reject(boom) }
  const it = await w.grow(supervisor('root', {}, [w.worker('a'), w.worker('b', {}, failing)]))
  t.notOk(it.isStarted)
  t.equal(w.take(), '+a +b -a', 'what had started has been stopped')
  await it.stop()
  t.same(w.on.kernel.roots, [])
  const again = await w.grow(supervisor('root', {}, [w.worker('a'), w.worker('b')]))
  t.ok(again.isStarted, 'the names are free')
})

t.test('an actor that stops with mail in its mailbox does not spin', async (t) => {
  const { clock, kernel, settle } = bed()
  const { ref, actor } = startAny(kernel)
  const wait = deferred()
  ref.tell(Do(() => wait.promise))
  for (let i = 0; i < 100; i++) ref.tell(Do(() => undefined))
  await settle()
  actor.cell.stop()
  t.equal(clock.pendingCount, 0, 'nothing is scheduled while it waits for the message in hand')
  wait.resolve()
  await settle()
  t.equal(actor.cell.status, 'stopped')
  t.match(kernel.counts(), { handled: 1, deadLetters: 100, waiting: 0 })
})

t.test('each restart is said, with its reason', async (t) => {
  const w = new World()
  const it = await w.grow(supervisor('root', { intensity: 5 }, [w.worker('a')]))
  await it.end('a', 'crash')
  await it.end('a', 'kill')
  const restarts = w.on.events.filter(({ tag }) => tag === 'ActorRestarted')
  t.match(restarts, [
    { path: 'root/a', incarnation: 2, reason: { tag: 'crash', error: boom } },
    { path: 'root/a', incarnation: 3, reason: { tag: 'kill' } },
  ])
  t.match(
    restarts.map((event) => describeEvent(event).sentence),
    [/before it crashed: boom/, /before it was killed/],
  )
})

t.test('one restless child: its own backoff comes before the budget that it shares', async (t) => {
  const w = new World()
  const restless = w.worker('a', { backoff: { minMs: 200, maxMs: 30_000, jitter: 0 } })
  const it = await w.grow(supervisor('root', { intensity: 1, periodMs: 100 }, [restless, w.worker('b')]))
  for (let i = 0; i < 6; i++) {
    await it.end('a', 'crash')
    w.on.clock.advance(30_000)
    await w.on.settle()
  }
  t.same(it.ended, [])
  t.equal(it.shape(), 'a b', 'its siblings live')
})

t.test('a monitor on who is not there says so, and one that cannot be is refused', async (t) => {
  const { kernel } = bed()
  const { ref, actor } = startAny(kernel)
  const downs: string[] = []
  actor.close({ tag: 'shutdown' })
  monitorRef(ref, ({ reason }) => void downs.push(reason.tag))
  t.same(downs, ['noproc'])
  const remote = { address: { kind: 'any', id: '', node: 'far#1' } }
  t.throws(() => monitorRef(remote, () => undefined), /takes a ref to an actor of this very node/)
  t.throws(() => monitorRef(undefined, () => undefined), { code: 'WrongForm' })
})

t.test('a full mailbox that refuses throws nothing into the sender, which is not restarted', async (t) => {
  const { kernel, settle } = bed({ mailboxCountMax: 1 })
  const slow = startAny(kernel, {}, 'slow')
  const eager = startAny(kernel, {}, 'eager')
  eager.ref.tell(
    Do(() => {
      for (let i = 0; i < 100; i++) slow.ref.tell(Any.Tick())
    }),
  )
  await settle()
  t.same([eager.ended, slow.ended], [[], []])
  t.equal(kernel.counts().byReason['mailbox-full'], 99)
})

t.test('failures inside hooks of a restart neither hang nor lose the supervisor', async (t) => {
  for (const onStop of [() => Promise.reject(boom), () => new Promise(() => undefined)]) {
    const w = new World()
    const it = await w.grow(
      supervisor('root', { strategy: 'one_for_all', intensity: 5 }, [
        w.worker('a', { shutdownMs: 1_000 }, { onStop }),
        w.worker('b'),
      ]),
    )
    await it.end('b', 'crash')
    w.on.clock.advance(1_000)
    await w.on.settle()
    t.equal(it.shape(), 'a b', 'an onStop that throws or hangs')
  }
  const w = new World()
  let fails = 2
  const init = () => {
    if (w.log.length > 2 && fails-- > 0) throw boom
  }
  const it = await w.grow(supervisor('root', { intensity: 5 }, [w.worker('a', {}, { init }), w.worker('b')]))
  await it.end('a', 'crash')
  w.on.clock.advance(10_000)
  await w.on.settle()
  t.equal(it.shape(), 'a b', 'an init that throws when it is begun again')
})

t.test('what a life started does not come along into the next one', async (t) => {
  const { clock, kernel, settle } = bed()
  const { ref, actor } = startAny(kernel)
  ref.tell(Any.Tick())
  await settle()
  actor.abort()
  actor.begin(() => undefined)
  clock.advance(1_000)
  const count = ref.ask(Any.Get())
  await settle()
  t.equal(await count, 0, 'its timers')
  const w = new World()
  const it = await w.grow(
    supervisor('root', { intensity: 5 }, [supervisor('team', { intensity: 0 }, [w.worker('a')])]),
  )
  await it.answer(it.supervisor('team').startChild(w.worker('extra')))
  t.equal(it.shape('team'), 'a extra')
  await it.end('a', 'crash')
  t.equal(it.shape('team'), 'a', 'and children that were added')
})

t.test('node.stop ends by its limit, also with a handler and an onStop that never do', async (t) => {
  const hanging = anyBehavior({ onStop: () => new Promise(() => undefined) })
  for (const [shutdownMs, limitMs] of [
    [50, 60_000],
    ['infinity', 200],
  ] as const) {
    const node = await startNode({
      cluster: 'faults',
      transport: memory(),
      tree: supervisor('root', {}, [worker('any', hanging, { shutdownMs })]),
    })
    node.local(Any).tell(Do(() => new Promise(() => undefined)))
    await turns()
    const from = systemClock.monotonic()
    await node.stop({ drainMs: 0, limitMs })
    t.ok(systemClock.monotonic() - from < 5_000, `shutdownMs ${shutdownMs}`)
  }
})
