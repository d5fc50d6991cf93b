import t from 'tap'
import * as io from 'io-ts'
import nact from 'nact'
import { behavior, message, next, nodeProtocol, reply } from '../../../lib/index.js'
import { behaviorData } from '../../../lib/api/internal.js'
import { Kernel } from '../../../lib/kernel/kernel.js'
import { LocalActor } from '../../../lib/kernel/local-actor.js'
import { nactHost } from '../../../lib/kernel/nact.js'
import { systemClock } from '../../../lib/std/system.js'
import { outside, recorded } from '../../fixtures/kernel/index.js'

type Ref = Parameters<typeof nact.dispatch>[0]
const turns = async (count = 6): Promise<void> => {
  for (let i = 0; i < count; i++) await new Promise((done) => setImmediate(done))
}
const until = async (t: Tap, what: string, holds: () => boolean): Promise<void> => {
  const end = systemClock.monotonic() + 2_000
  while (!holds() && systemClock.monotonic() < end) await turns(1)
  t.ok(holds(), what)
}
type Tap = { ok(holds: boolean, what: string): unknown; teardown(fn: () => void): unknown }

const Echo = nodeProtocol('echo', {
  Say: message({ text: io.string }),
  Shout: message({ text: io.string }).replies(io.string).refuses(io.string),
  Said: message().reads(io.array(io.string)),
})
const echo = behavior(Echo, {
  init: (): string[] => [],
  on: {
    Say: (all, { text }) => next([...all, text]),
    Shout: (all, { text }) => reply(all, text.toUpperCase()),
    Said: (all) => all,
  },
})
const hosted = (t: Tap): { kernel: Kernel; actor: LocalActor } => {
  const kernel = new Kernel({ clock: systemClock, host: nactHost() })
  const actor = new LocalActor(kernel, {
    name: 'echo',
    behavior: behaviorData(echo),
    outside: outside(),
    ended: () => undefined,
  })
  actor.begin(() => undefined)
  t.teardown(() => kernel.kill())
  return { kernel, actor }
}

t.test('nact - plain nact code can dispatch to an actor and query it', async (t) => {
  const { kernel, actor } = hosted(t)
  const ref = actor.ref.nact as Ref
  nact.dispatch(ref, Echo.Say({ text: 'one' }))
  await until(t, 'it was told', () => kernel.counts().handled === 1)
  t.equal(await nact.query(ref, (() => Echo.Shout({ text: 'hi' })) as never, 1_000), 'HI')
  t.same(await nact.query(ref, (() => Echo.Said()) as never, 1_000), ['one'])
})

t.test('nact - an error comes back to a query, and a strange message is a dead letter', async (t) => {
  const { kernel, actor } = hosted(t)
  const ref = actor.ref.nact as Ref
  nact.dispatch(ref, { hello: 'you' })
  nact.dispatch(ref, 'text')
  nact.dispatch(ref, Echo.Shout({ text: 'nobody waits' }))
  await until(t, 'they were buried', () => kernel.counts().deadLetters === 2)
  t.match(kernel.deadLetters(), [{ reason: 'unhandled' }, { reason: 'unhandled' }])
  actor.halt(() => undefined)
  const answer = nact.query(ref, (() => Echo.Shout({ text: 'hi' })) as never, 1_000)
  await turns()
  actor.close({ tag: 'shutdown' })
  t.match(await answer, { error: { tag: 'NoRecipient' } })
})

t.test('nact - plain nact actors can live under ours, fail there, and are stopped with it', async (t) => {
  const { actor } = hosted(t)
  const seen: unknown[] = []
  const child = nact.spawn(
    actor.ref.nact as never,
    (state: number, text: string) => {
      if (text === 'bad') throw new Error('expected in this test')
      seen.push(text)
      return state
    },
    'plain',
    { onCrash: (_: unknown, __: unknown, context: { escalate: unknown }) => context.escalate } as never,
  )
  nact.dispatch(child, 'hello')
  await until(t, 'the child works', () => seen.length === 1)
  nact.dispatch(child, 'bad')
  await turns()
  nact.dispatch(child, 'after its crash')
  await turns()
  t.same(seen, ['hello'], 'a child that escalates is stopped')
  const other = nact.spawn(
    actor.ref.nact as never,
    (_: unknown, text: string) => void seen.push(text),
    'other',
  )
  actor.close({ tag: 'shutdown' })
  await turns()
  nact.dispatch(other, 'too late')
  await turns()
  t.same(seen, ['hello'])
})

t.test('nact - a stale nact reference does not meet the successor of the same name', async (t) => {
  const kernel = new Kernel({ clock: systemClock, host: nactHost() })
  t.teardown(() => kernel.kill())
  const first = recorded(kernel, { name: 'a/ä b' })
  const stale = first.cell.hostRef as Ref
  first.cell.stop()
  const second = recorded(kernel, { name: 'a/ä b' })
  nact.dispatch(stale, 'for the first')
  nact.dispatch(second.cell.hostRef as Ref, 'for the second')
  await until(t, 'the second was told', () => second.handled.length === 1)
  t.same(second.handled, ['for the second'])
})

t.test(
  'nact - a parent of many keeps its nact actor small, and its buckets go with the children',
  async (t) => {
    const kernel = new Kernel({ clock: systemClock, host: nactHost() })
    t.teardown(() => kernel.kill())
    const parent = recorded(kernel, { name: 'parent' })
    const children = Array.from({ length: 1_000 }, (_, i) =>
      recorded(kernel, { name: `c${i}`, parent: parent.cell }),
    )
    nact.dispatch(children[999]?.cell.hostRef as Ref, 'deep')
    await until(t, 'a child in a bucket is reached', () => children[999]?.handled.length === 1)
    let ends = 0
    for (const { cell } of children) cell.stop(() => ends++)
    parent.cell.stop(() => ends++)
    t.equal(ends, 1_001)
  },
)

t.test('nact - two kernels in one process do not meet, and a stopped one leaves nothing', async (t) => {
  const one = hosted(t)
  const two = hosted(t)
  const ref = one.actor.ref.nact as Ref
  nact.dispatch(ref, Echo.Say({ text: 'x' }))
  await until(t, 'only one was told', () => one.kernel.counts().handled === 1)
  t.equal(two.kernel.counts().sent, 0)
  await new Promise<void>((done) => one.kernel.stop(done))
  await turns()
  t.throws(() => nact.spawn(ref as never, () => undefined, 'late'))
})
