import t from 'tap'
import { below, seededRandom, token } from '../../../lib/std/random.js'

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
