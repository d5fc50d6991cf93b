import t from 'tap'
import { nodeId } from '../../../lib/ids.js'
import { memory, sharedMemory } from '../../../lib/transport/memory.js'
import { recordsConformance } from '../../fixtures/conformance/records.js'
import { transportConformance } from '../../fixtures/conformance/transport.js'
import { memoryHarness } from '../../fixtures/memory-harness.js'

transportConformance(t, 'memory', async () => memoryHarness(memory))
recordsConformance(t, 'memory', async () => memoryHarness(memory))

t.test('memory - two objects are two networks, and the shared one is shared', async (t) => {
  const answers: string[] = []
  const reach = async (
    from: ReturnType<typeof memoryHarness>,
    to: ReturnType<typeof memoryHarness>,
  ): Promise<string> => {
    const [a, b] = [await from.open('a', 'reach'), await to.open('b', 'reach')]
    b.listen(nodeId('b', 1), { onFrame: () => undefined }, () => undefined)
    a.probe(nodeId('b', 1), 100, (answer) => answers.push(answer))
    from.clock.runUntilIdle()
    await Promise.all(
      [a, b].map(async (session) => {
        const closed = session.close()
        to.clock.runUntilIdle()
        from.clock.runUntilIdle()
        return closed
      }),
    )
    return answers.pop() ?? 'nothing'
  }
  t.equal(await reach(memoryHarness(memory), memoryHarness(memory)), 'no-responders')
  t.equal(await reach(memoryHarness(sharedMemory), memoryHarness(sharedMemory)), 'answered')
})

t.test(
  'memory - records of the shared network end with its last node, those of an object stay',
  async (t) => {
    const kept = memory()
    for (const [transport, expected] of [
      [sharedMemory(), 'created'],
      [kept, 'taken'],
    ] as const) {
      const outcomes: string[] = []
      const ids: string[] = []
      for (let life = 0; life < 2; life++) {
        const harness = memoryHarness(() => transport)
        const session = await harness.open('a', 'lives')
        ids.push(session.records.storeId)
        session.records.create('member.a', 1, new Uint8Array(), (created) => outcomes.push(created))
        const closed = session.close()
        harness.clock.runUntilIdle()
        await closed
      }
      t.strictSame(outcomes, ['created', expected])
      t.equal(ids[0] === ids[1], expected === 'taken')
    }
  },
)

t.test('memory - a create that is answered after too long is unknown', async (t) => {
  const harness = memoryHarness(memory)
  const { records } = await harness.open('a')
  const outcomes: string[] = []
  records.create('member.a', 1, new Uint8Array(), (created) => outcomes.push(created))
  // The process stands still between the call and its answer.
  harness.clock.monotonic = () => 2_001
  harness.clock.step()
  t.strictSame(outcomes, ['unknown'])
})
