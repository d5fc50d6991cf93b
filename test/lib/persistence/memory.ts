import * as io from 'io-ts'
import nact from 'nact'
import t from 'tap'
import {
  type LocalRef,
  memoryEngine,
  message,
  nodeProtocol,
  persistent,
  recordReply,
} from '../../../lib/index.js'
import { Kernel } from '../../../lib/kernel/kernel.js'
import { systemClock } from '../../../lib/std/system.js'
import { startActor } from '../../fixtures/kernel/index.js'
import { entry } from '../../fixtures/persistence/account.js'
import { engineTests } from '../../fixtures/persistence/engine.js'
import { entityTests } from '../../fixtures/persistence/entities.js'
import fc from 'fast-check'
import { commandsOf, runModel } from '../../fixtures/persistence/model.js'

engineTests(t, 'memory engine', async () => {
  const engine = memoryEngine()
  return [engine, engine]
})

entityTests(t, 'memory engine', async () => {
  const engine = memoryEngine()
  return [engine, engine]
})

t.test('memory engine - refuses more entries than it may keep', async (t) => {
  const engine = memoryEngine({ entriesCountMax: 1 })
  await engine.persist(entry('k', 1, 1))
  await t.rejects(async () => engine.persist(entry('k', 2, 2)), { message: /^1 entries are all/ })
})

interface NactContext {
  readonly persist: (event: unknown) => Promise<void>
  readonly recovering?: boolean
  readonly sender: never
}
/** A persistent actor of nact itself, on an engine of ours. */
const adder = (parent: unknown): never =>
  (nact.spawnPersistent as (...args: unknown[]) => never)(
    parent,
    async (sum: number, { add }: { add: number }, context: NactContext) => {
      if (context.recovering !== true) {
        await context.persist({ add })
        nact.dispatch(context.sender, (sum + add) as never)
      }
      return sum + add
    },
    'sum',
    'adder',
    { initialState: 0, snapshotEvery: 3 },
  )

t.test(
  'memory engine - serves a persistent actor of nact itself, and one of tumen reads its journal',
  async (t) => {
    const engine = memoryEngine()
    for (const sums of [
      [1, 2, 3, 4],
      [5, 6],
    ]) {
      const system = nact.start(nact.configurePersistence(engine as never))
      const ref = adder(system)
      for (const sum of sums) t.equal(await nact.query(ref, (() => ({ add: 1 })) as never, 2_000), sum)
      nact.stop(system)
    }
    t.match(await engine.latestSnapshot('sum'), { data: 3, sequenceNumber: 3 })
    const Sum = nodeProtocol('sum', { Add: message({ add: io.number }).replies(io.number) })
    const sum = persistent(Sum, {
      key: 'sum',
      engine,
      events: io.type({ add: io.number }),
      state: io.number,
      init: () => 0,
      apply: (n, { add }) => n + add,
      on: { Add: (_, { add }) => recordReply([{ add }], (n) => n) },
    })
    const kernel = new Kernel({ clock: systemClock })
    t.teardown(() => kernel.kill())
    const { actor } = startActor(kernel, sum)
    t.equal(await (actor.ref as unknown as LocalRef<'sum'>).ask(Sum.Add({ add: 4 })), 10)
  },
)

t.test('persistent - random commands and crashes, then a replay: what the model says', async (t) => {
  let unknown = 0
  await fc.assert(
    fc.asyncProperty(
      commandsOf(40),
      fc.integer({ min: 1, max: 12 }),
      async (commands, snapshotEveryCount) => {
        const run = { engine: memoryEngine(), key: 'k', commands, snapshotEveryCount }
        const { actual, expected, unknownCount } = await runModel(run)
        unknown += unknownCount
        t.same(actual, expected)
      },
    ),
    { numRuns: 100 },
  )
  t.ok(unknown > 20, `${unknown} outcomes were unknown`)
})
