import t from 'tap'
import { fullBucket, takeTokens, tokensDueMs } from '../../../lib/std/token-bucket.js'

const bucket = { perSecond: 10, countMax: 5 }

t.test('token bucket - allows a burst, then the rate', async (t) => {
  let tokens = fullBucket(bucket, 0)
  const taken: number[] = []
  for (let now = 0; now <= 1_000; now += 20) {
    const [isTaken, left] = takeTokens(bucket, tokens, now)
    tokens = left
    if (isTaken) taken.push(now)
  }
  t.same(taken.slice(0, 6), [0, 20, 40, 60, 80, 100], 'five at once and what came in meanwhile')
  t.equal(taken.length, 15, 'five lay there, ten came in a second')
})

t.test('token bucket - takes all that is wanted or nothing', async (t) => {
  const [isTaken, left] = takeTokens(bucket, { count: 2, at: 0 }, 0, 3)
  t.equal(isTaken, false)
  t.same(left, { count: 2, at: 0 })
  t.equal(tokensDueMs(bucket, left, 0, 3), 100)
  t.equal(tokensDueMs(bucket, left, 0, 2), 0)
  t.equal(tokensDueMs(bucket, left, 0, 6), Number.POSITIVE_INFINITY)
})

t.test('token bucket - time that runs backwards brings nothing and takes nothing', async (t) => {
  const [isTaken, left] = takeTokens(bucket, { count: 0, at: 1_000 }, 500)
  t.equal(isTaken, false)
  t.same(left, { count: 0, at: 1_000 })
})
