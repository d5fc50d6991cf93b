import t from 'tap'
import * as io from 'io-ts'
import { behavior, message, next, type NodeEvent, nodeProtocol } from '../../../lib/index.js'
import { systemClock } from '../../../lib/std/system.js'
import { memory, startNode, supervisor, type TumenNode, worker } from '../../../supervisors/index.js'
import { NodeEvents } from '../../../supervisors/node/events.js'
import { bed } from '../../fixtures/kernel/index.js'

const Slow = nodeProtocol('slow', { Work: message({ ms: io.number }), Crash: message() })
const slow = behavior(Slow, {
  init: () => 0,
  on: {
    Work: (n, { ms }) => {
      const end = systemClock.monotonic() + ms
      while (systemClock.monotonic() < end);
      return next(n + 1)
    },
    Crash: () => {
      throw new Error('boom')
    },
  },
})

const started = async (t: { teardown(fn: () => Promise<void>): void }): Promise<TumenNode> => {
  const node = await startNode({
    cluster: 'events',
    transport: memory(),
    tree: supervisor('root', { intensity: 5 }, [worker('slow', slow)]),
    config: { blockedLoopMs: 50 },
  })
  t.teardown(() => node.stop())
  return node
}
const heard = async (seen: readonly NodeEvent[], tag: string): Promise<NodeEvent> => {
  const end = systemClock.monotonic() + 5_000
  for (;;) {
    const found = seen.find((event) => event.tag === tag)
    if (found !== undefined) return found
    if (systemClock.monotonic() > end)
      throw new Error(`no ${tag} in ${seen.map((each) => each.tag).join(' ')}`)
    await new Promise<void>((done) => systemClock.defer(done))
  }
}

t.test('events - an actor that blocks the event loop is named, with the time it took', async (t) => {
  const node = await started(t)
  const seen: NodeEvent[] = []
  const listening = node.listen((event) => seen.push(event))
  node.local(Slow).tell(Slow.Work({ ms: 120 }))
  const { level, sentence, fields } = await heard(seen, 'LoopBlocked')
  t.equal(level, 'warn')
  t.match(sentence, /^Actor root\/slow blocked the event loop for 1\d\d ms\./)
  t.match(fields, { suspects: ['root/slow'] })
  listening.unsubscribe()
})

t.test('events - a crash and its restart are told, and no more to who has left', async (t) => {
  const node = await started(t)
  const seen: NodeEvent[] = []
  const listening = node.listen((event) => seen.push(event))
  node.local(Slow).tell(Slow.Crash())
  t.match(await heard(seen, 'ActorCrashed'), {
    level: 'error',
    sentence: 'Actor root/slow crashed (Crash): boom',
  })
  t.match(await heard(seen, 'ActorRestarted'), { level: 'info' })
  listening.unsubscribe()
  const count = seen.length
  const others: NodeEvent[] = []
  node.listen((event) => others.push(event))
  node.local(Slow).tell(Slow.Crash())
  await heard(others, 'ActorRestarted')
  t.equal(seen.length, count)
})

t.test('events - what the engine tells has a level and a sentence too', async (t) => {
  const events = new NodeEvents(bed().kernel)
  const seen: NodeEvent[] = []
  events.ofEngine({ tag: 'Broken', what: 'nobody listens' })
  const forget = events.listen((event) => seen.push(event))
  events.ofEngine({ tag: 'StateLost', shard: 'party.1', gen: 2 })
  events.ofEngine({ tag: 'Owned', shard: 'party.1', epoch: 3, how: 'copy' })
  events.ofEngine({ tag: 'SteppedDown', shard: 'party.1', outputsDropped: 4, winner: 'n2#1', epoch: 3 })
  events.ofEngine({ tag: 'DeadLetter', address: 'party/p', message: 'Chat', reason: 'stopped' })
  events.ofEngine({ tag: 'Broken', what: 'x' })
  forget()
  events.ofEngine({ tag: 'Broken', what: 'gone' })
  t.same(
    seen.map(({ level }) => level),
    ['error', 'debug', 'info', 'info', 'error'],
  )
  t.match(seen[0], { sentence: /party\.1 is gone/, fields: { shard: 'party.1', gen: 2 } })
})

t.test('events - a listener that throws is reported later, and holds up nobody', async (t) => {
  const { kernel, clock } = bed()
  const events = new NodeEvents(kernel)
  const seen: string[] = []
  events.listen(() => {
    throw new Error('disk full')
  })
  events.listen(({ tag }) => seen.push(tag))
  events.ofEngine({ tag: 'Broken', what: 'x' })
  kernel.spawn({ name: 'a', receive: () => undefined, crashed: () => undefined })
  t.same(seen, ['Broken', 'ActorStarted'])
  t.throws(() => clock.advance(0), { message: 'disk full' })
  t.throws(() => events.listen(5 as never), { message: /Expected a function for node\.listen/ })
})
