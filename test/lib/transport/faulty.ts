import t from 'tap'
import { nodeId } from '../../../lib/ids.js'
import { seededRandom } from '../../../lib/std/random.js'
import type { VirtualClock } from '../../../lib/std/virtual-clock.js'
import { type Faults, faulty, type FaultyTransport } from '../../../lib/transport/faulty.js'
import { memory, type MemoryTransport } from '../../../lib/transport/memory.js'
import type { Session } from '../../../lib/transport/transport.js'
import { createOn, latestOn, recordsConformance } from '../../fixtures/conformance/records.js'
import { numbered, transportConformance } from '../../fixtures/conformance/transport.js'
import { memoryHarness } from '../../fixtures/memory-harness.js'

const wrap = (
  clock: VirtualClock,
  faults: Partial<Faults> = {},
  seed = 1,
): FaultyTransport & MemoryTransport => faulty(memory(), { clock, random: seededRandom(seed), faults })

const slow: Partial<Faults> = { delayMsMin: 1, delayMsMax: 50, recordDelayMsMin: 1, recordDelayMsMax: 50 }
for (const [name, faults] of [
  ['faulty without faults', {}],
  ['faulty with delays', slow],
] as const) {
  // Closing does not wait for what is still delayed.
  if (faults !== slow)
    transportConformance(t, name, async () => memoryHarness((clock) => wrap(clock, faults)))
  recordsConformance(t, name, async () => memoryHarness((clock) => wrap(clock, faults)))
}

interface Pair {
  readonly transport: FaultyTransport
  readonly clock: VirtualClock
  readonly a: Session
  readonly b: Session
  readonly arrived: number[]
  readonly send: (count: number) => void
}
const pair = (faults: Partial<Faults> = {}, seed = 1): Pair => {
  const harness = memoryHarness((clock) => {
    transport = wrap(clock, faults, seed)
    return transport
  })
  const { clock } = harness
  const options = { cluster: 'c', clock, random: seededRandom(2) }
  const [a, b] = [
    transport.openNow({ ...options, nodeName: 'a' }),
    transport.openNow({ ...options, nodeName: 'b' }),
  ]
  const arrived: number[] = []
  b.listen(
    nodeId('b', 1),
    { onFrame: (frame) => arrived.push(Buffer.from(frame).readUInt32BE(0)) },
    () => undefined,
  )
  a.listen(nodeId('a', 1), { onFrame: () => arrived.push(-1) }, () => undefined)
  const send = (count: number): void => {
    for (let i = 0; i < count; i++) a.send(nodeId('b', 1), 'data', numbered(i))
  }
  return { transport, clock, a, b, arrived, send }
}
let transport: FaultyTransport & MemoryTransport

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i)
const inOrder = (numbers: readonly number[]): boolean =>
  numbers.every((n, i) => i === 0 || n >= (numbers[i - 1] ?? 0))

t.test('faulty - loses about as many as it is told to, and counts them', async (t) => {
  const { clock, arrived, send, transport } = pair({ loss: 0.2 })
  send(2_000)
  clock.runUntilIdle()
  t.ok(arrived.length > 1_500 && arrived.length < 1_700, `${arrived.length} arrived`)
  t.equal(transport.faults.counters.lost, 2_000 - arrived.length)
})

t.test('faulty - doubles', async (t) => {
  const { clock, arrived, send, transport } = pair({ duplication: 0.5 })
  send(1_000)
  clock.runUntilIdle()
  t.equal(arrived.length, 1_000 + transport.faults.counters.doubled)
  t.strictSame([...new Set(arrived)], upTo(1_000))
})

t.test('faulty - delays keep the order, reordering does not', async (t) => {
  const kept = pair({ delayMsMin: 5, delayMsMax: 500 })
  kept.send(500)
  kept.clock.advance(4)
  t.equal(kept.arrived.length, 0)
  kept.clock.runUntilIdle()
  t.strictSame(kept.arrived, upTo(500))
  const mixed = pair({ delayMsMin: 5, delayMsMax: 500, reordering: 0.5 })
  mixed.send(500)
  mixed.clock.runUntilIdle()
  t.equal(mixed.arrived.length, 500)
  t.notOk(inOrder(mixed.arrived))
})

t.test('faulty - the same seed gives the same faults, another one others', async (t) => {
  const run = (seed: number): string => {
    const { clock, arrived, send } = pair(
      { loss: 0.1, duplication: 0.1, delayMsMax: 20, reordering: 0.3 },
      seed,
    )
    send(200)
    clock.runUntilIdle()
    return arrived.join()
  }
  t.equal(run(7), run(7))
  t.not(run(7), run(8))
})

t.test('faulty - a cut is one way, catches what is under way, and heals', async (t) => {
  const { transport, clock, a, b, arrived, send } = pair({ delayMsMin: 10, delayMsMax: 10 })
  send(3)
  transport.faults.cut('a', 'b')
  clock.runUntilIdle()
  t.strictSame([arrived, transport.faults.counters.cut], [[], 3])
  b.send(nodeId('a', 1), 'data', numbered(0))
  clock.runUntilIdle()
  t.strictSame(arrived, [-1])
  const answers: string[] = []
  a.probe(nodeId('b', 1), 300, (answer) => answers.push(answer))
  clock.advance(299)
  t.strictSame(answers, [])
  clock.advance(1)
  transport.faults.heal('b')
  a.probe(nodeId('b', 1), 300, (answer) => answers.push(answer))
  clock.runUntilIdle()
  send(1)
  clock.runUntilIdle()
  t.strictSame(
    [arrived, answers],
    [
      [-1, 0],
      ['silent', 'answered'],
    ],
  )
})

t.test('faulty - a split cuts both ways between the sides', async (t) => {
  const { transport, clock, b, arrived, send } = pair()
  transport.faults.split(['a'], ['b', 'c'])
  send(1)
  b.send(nodeId('a', 1), 'data', numbered(0))
  clock.runUntilIdle()
  t.strictSame(arrived, [])
  transport.faults.heal()
  send(1)
  clock.runUntilIdle()
  t.strictSame(arrived, [0])
})

t.test(
  'faulty - a paused node takes what came meanwhile when it is resumed, and probes of it are silent',
  async (t) => {
    const { transport, clock, a, arrived, send } = pair()
    transport.faults.pause('b')
    send(3)
    const answers: string[] = []
    a.probe(nodeId('b', 1), 100, (answer) => answers.push(answer))
    clock.runUntilIdle()
    t.strictSame([arrived, answers], [[], ['silent']])
    transport.faults.resume('b')
    transport.faults.resume('b')
    clock.runUntilIdle()
    t.strictSame(arrived, [0, 1, 2])
  },
)

t.test('faulty - a disconnected node is told so, reaches nobody, and is told when it is back', async (t) => {
  const { transport, clock, a, arrived, send } = pair()
  const seen: string[] = []
  a.onStatus((status) => seen.push(status))
  transport.faults.disconnect('a')
  t.equal(a.status(), 'down')
  send(1)
  const outcomes: string[] = []
  a.records.create('member.a', 1, new Uint8Array(), (created) => outcomes.push(created))
  a.records.latest('member.a', (latest) => outcomes.push(latest.tag))
  clock.runUntilIdle()
  t.strictSame([arrived, outcomes], [[], ['unknown', 'failed']])
  transport.faults.heal()
  t.strictSame([a.status(), seen], ['up', ['down', 'up']])
})

t.test('faulty records - a lost answer is unknown, whether it happened or not', async (t) => {
  const harness = memoryHarness((clock) => wrap(clock, { recordLoss: 0.3 }, 3))
  const { records } = await harness.open('a')
  const happened = { created: 0, unknownButThere: 0, unknownAndNot: 0 }
  for (let i = 0; i < 60; i++) {
    const outcome = await createOn(harness, records, `member.n${i}`, 1)
    transport.faults.set({ recordLoss: 0 })
    const there = (await latestOn(harness, records, `member.n${i}`)).tag === 'found'
    transport.faults.set({ recordLoss: 0.3 })
    if (outcome === 'created') happened.created++
    else happened[there ? 'unknownButThere' : 'unknownAndNot']++
  }
  t.ok(
    Object.values(happened).every((count) => count > 5),
    JSON.stringify(happened),
  )
})

t.test(
  'faulty records - a watch misses nothing that is still the latest when the store is reached again',
  async (t) => {
    const harness = memoryHarness((clock) => {
      transport = wrap(clock)
      return transport
    })
    const [a, b] = [(await harness.open('a')).records, (await harness.open('b')).records]
    const seen: string[] = []
    const watch = b.watch(
      'member',
      ({ chain, version }) => seen.push(`${chain}.${version}`),
      () => seen.push('live'),
    )
    await createOn(harness, a, 'member.x', 1)
    transport.faults.cutRecords('b')
    t.equal(await createOn(harness, a, 'member.x', 2), 'created')
    t.equal(await createOn(harness, b, 'member.y', 1), 'unknown')
    transport.faults.heal()
    harness.clock.runUntilIdle()
    t.strictSame(seen, ['live', 'member.x.1', 'member.x.2', 'live'])
    transport.faults.recordsDown()
    t.equal(await createOn(harness, a, 'member.x', 3), 'unknown')
    transport.faults.heal()
    watch.stop()
    t.equal(await createOn(harness, a, 'member.x', 3), 'created')
    t.notOk(seen.includes('member.x.3'))
  },
)

t.test('faulty records - a create whose node was paused is unknown', async (t) => {
  const { transport, clock, a } = pair()
  const outcomes: string[] = []
  a.records.create('member.a', 1, new Uint8Array(), (created) => outcomes.push(created))
  transport.faults.pause('a')
  clock.advance(2_500)
  transport.faults.resume('a')
  t.strictSame(outcomes, ['unknown'])
})
