import fc from 'fast-check'
import t from 'tap'
import { memoryEngine } from '../../../lib/index.js'
import { commandsOf, runModel } from '../../fixtures/persistence/model.js'

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
