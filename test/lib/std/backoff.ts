import t from 'tap'
import { backoffMs } from '../../../lib/std/backoff.js'
import { seededRandom } from '../../../lib/std/random.js'

const schedule = { firstMs: 100, lastMs: 1_000, factor: 2, jitter: 0 }
const never = { next: () => 0 }

t.test('backoff - doubles up to its last delay and stays there', async (t) => {
  const delays = [0, 1, 2, 3, 4, 5, 5_000].map((attempt) => backoffMs(schedule, attempt, never))
  t.same(delays, [100, 200, 400, 800, 1_000, 1_000, 1_000])
})

t.test('backoff - jitter takes away at most its share', async (t) => {
  const random = seededRandom(3)
  const delays = Array.from({ length: 500 }, () => backoffMs({ ...schedule, jitter: 0.5 }, 3, random))
  t.ok(Math.min(...delays) >= 400 && Math.min(...delays) < 420)
  t.ok(Math.max(...delays) <= 800 && Math.max(...delays) > 780)
})
