import t from 'tap'
import { memoryEngine } from '../../../lib/index.js'
import { entry } from '../../fixtures/persistence/account.js'
import { engineTests } from '../../fixtures/persistence/engine.js'

engineTests(t, 'memory engine', async () => {
  const engine = memoryEngine()
  return [engine, engine]
})

t.test('memory engine - refuses more entries than it may keep', async (t) => {
  const engine = memoryEngine({ entriesCountMax: 1 })
  await engine.persist(entry('k', 1, 1))
  await t.rejects(async () => engine.persist(entry('k', 2, 2)), { message: /^1 entries are all/ })
})
