import t from 'tap'
import { combine32, hash32, mix32 } from '../../../lib/std/hash.js'

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
