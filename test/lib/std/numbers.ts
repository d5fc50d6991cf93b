import t from 'tap'
import { backoffMs } from '../../../lib/std/backoff.js'
import { seededRandom, below, token } from '../../../lib/std/random.js'
import { combine32, hash32, mix32 } from '../../../lib/std/hash.js'
import { fullBucket, takeTokens, tokensDueMs } from '../../../lib/std/token-bucket.js'

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

// Frozen. A change here moves every entity of every cluster: nodes of two versions would disagree on owners.
const golden: readonly (readonly [string, number])[] = [
  ['', 2872998923],
  ['a', 444641715],
  ['b', 2193908274],
  ['ab', 2563531789],
  ['ba', 605838741],
  ['party', 165016728],
  ['party-1', 709407600],
  ['party-2', 716214701],
  ['n1', 2855225089],
  ['n2', 830388215],
  ['n10', 2215551430],
  ['player:Ünïcødé', 4003958230],
  ['日本語', 3456843481],
  ['😀', 1787143206],
  ['x'.repeat(256), 2112340837],
]

t.test('hash32 - is frozen', async (t) => {
  for (const [text, hash] of golden) t.equal(hash32(text), hash, JSON.stringify(text))
})

t.test('mix32 and combine32 - are frozen', async (t) => {
  t.same([0, 1, 2, 0xffffffff].map(mix32), [0, 1364076727, 821347078, 2180083513])
  const pairs = [combine32(0, 0), combine32(1, 2), combine32(2, 1), combine32(0xffffffff, 0x80000000)]
  t.same(pairs, [1270938603, 2081213042, 482910834, 398324518])
})

t.test('hash32 - has few collisions and fills all bits on names that differ in one digit', async (t) => {
  const hashes = Array.from({ length: 100_000 }, (_, i) => hash32(`party-${i}`))
  t.ok(new Set(hashes).size > 99_995, 'about one collision is expected by chance')
  for (let bit = 0; bit < 32; bit++) {
    const set = hashes.filter((hash) => ((hash >>> bit) & 1) === 1).length
    t.ok(set > 49_000 && set < 51_000, `bit ${bit} is set in ${set} of 100,000`)
  }
})

t.test('seeded random - the same seed gives these numbers on every machine', async (t) => {
  const random = seededRandom(42)
  const first = [random.next(), random.next(), random.next()].map((x) => Math.round(x * 1e9))
  t.same(first, [601103752, 448290559, 852465793])
})

t.test('below - gives whole numbers under the limit', async (t) => {
  const random = seededRandom(1)
  const seen = new Set(Array.from({ length: 200 }, () => below(random, 5)))
  t.same([...seen].sort(), [0, 1, 2, 3, 4])
})

t.test('token - is hex of the asked length and does not repeat', async (t) => {
  const random = seededRandom(7)
  const tokens = Array.from({ length: 1_000 }, () => token(random, 8))
  t.ok(tokens.every((text) => /^[0-9a-f]{16}$/.test(text)))
  t.equal(new Set(tokens).size, 1_000)
})

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
