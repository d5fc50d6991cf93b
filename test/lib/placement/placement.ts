import fc from 'fast-check'
import t from 'tap'
import { type Candidate, rank, ranking, shardIndexOf, shardOf } from '../../../lib/placement/placement.js'

const members = (count: number, weights: readonly number[] = []): Candidate[] =>
  Array.from({ length: count }, (_, i) => ({ node: `n${i + 1}#1`, weight: weights[i] ?? 1 }))

// Frozen: nodes of two versions must agree on every owner.
t.test('placement - shards are frozen', async (t) => {
  t.same(
    ['p1', 'p2', 'p3', ''].map((key) => shardIndexOf('party', key, 4_096)),
    [2456, 1559, 3755, 3199],
  )
  t.equal(shardOf('queue', 'p1', 4_096), 'queue.247')
  t.equal(shardOf('party', 'p1', 65_536), 'party.63896')
  t.equal(shardOf('party', 'p1', 1), 'party.0')
})

t.test('placement - orders are frozen, with and without weights', async (t) => {
  const plain = { 'party.0': 'n1 n3 n2 n5 n4', 'party.1': 'n2 n4 n5 n3 n1', 'queue.0': 'n3 n2 n4 n1 n5' }
  const weighted = { 'party.0': 'n1 n2 n3 n4 n5', 'party.1': 'n2 n4 n5 n1 n3', 'queue.0': 'n3 n4 n2 n1 n5' }
  const names = (shard: string, list: Candidate[]) => rank(shard, list).join(' ').replaceAll('#1', '')
  for (const [shard, order] of Object.entries(plain)) t.equal(names(shard, members(5)), order)
  for (const [shard, order] of Object.entries(weighted)) {
    t.equal(names(shard, members(5, [1, 2, 0.5, 4, 1])), order)
  }
})

t.test('placement - ids spread evenly over shards', async (t) => {
  const counts = new Array<number>(256).fill(0)
  for (let i = 0; i < 256_000; i++) {
    const index = shardIndexOf('party', `party-${i}`, 256)
    counts[index] = (counts[index] ?? 0) + 1
  }
  t.ok(
    Math.min(...counts) > 850 && Math.max(...counts) < 1_150,
    `${Math.min(...counts)} to ${Math.max(...counts)}`,
  )
})

const anyMembers = fc
  .uniqueArray(fc.integer({ min: 1, max: 500 }), { minLength: 1, maxLength: 12 })
  .chain((names) =>
    fc.tuple(
      ...names.map((n) => fc.constantFrom(1, 1, 1, 0.5, 2, 3).map((weight) => ({ node: `n${n}#1`, weight }))),
    ),
  )
const anyShard = fc.tuple(fc.constantFrom('party', 'queue'), fc.nat(4_095)).map(([kind, i]) => `${kind}.${i}`)

t.test('placement - the first of rank is the owner, and a shorter rank is its beginning', async (t) => {
  fc.assert(
    fc.property(anyMembers, anyShard, fc.nat(14), (list, shard, count) => {
      const { rank, owner } = ranking(list)
      const full = rank(shard)
      if (full.length !== list.length || new Set(full).size !== list.length)
        throw new Error(`${full} is no order`)
      if (owner(shard) !== full[0]) throw new Error('the owner is not the first')
      if (rank(shard, count).join() !== full.slice(0, count).join()) throw new Error('the beginning differs')
    }),
  )
  t.pass('any members')
})

t.test('placement - neither the order of members nor their incarnations matter', async (t) => {
  fc.assert(
    fc.property(anyMembers, anyShard, fc.integer({ min: 2, max: 99 }), (list, shard, incarnation) => {
      const reborn = list.map(({ node, weight }) => ({ node: node.replace('#1', `#${incarnation}`), weight }))
      const there = rank(shard, list).map((node) => node.replace('#1', `#${incarnation}`))
      if (rank(shard, reborn.reverse()).join() !== there.join()) throw new Error('another order')
    }),
  )
  t.pass('any members')
})

t.test('placement - a member that joins or leaves changes no order among the others', async (t) => {
  fc.assert(
    fc.property(anyMembers, anyShard, fc.nat(11), (list, shard, at) => {
      const gone = list[at % list.length]?.node
      const left = list.filter(({ node }) => node !== gone)
      const without = rank(shard, list).filter((node) => node !== gone)
      if (rank(shard, left).join() !== without.join()) throw new Error('others moved')
    }),
  )
  t.pass('so only its own shards move')
})

const shares = (list: readonly Candidate[], shardCount: number): Map<string, number> => {
  const owned = new Map<string, number>(list.map(({ node }) => [node, 0]))
  const { owner } = ranking(list)
  for (let i = 0; i < shardCount; i++) {
    const node = owner(`party.${i}`) ?? ''
    owned.set(node, (owned.get(node) ?? 0) + 1)
  }
  return owned
}

t.test('placement - members of equal weight own about the same', async (t) => {
  for (const count of [3, 10, 100]) {
    const mean = 16_384 / count
    const spread = 5 * Math.sqrt(mean)
    for (const [node, owned] of shares(members(count), 16_384)) {
      if (Math.abs(owned - mean) > spread) t.fail(`${node} of ${count} owns ${owned}, the mean is ${mean}`)
    }
  }
  t.pass('within five standard deviations')
})

t.test('placement - a member owns in proportion to its weight', async (t) => {
  const owned = [...shares(members(4, [1, 2, 4, 1]), 32_768).values()].map((count) => count / 32_768)
  for (const [i, share] of [0.125, 0.25, 0.5, 0.125].entries()) {
    t.ok(Math.abs((owned[i] ?? 0) - share) < 0.012, `${owned[i]} is near ${share}`)
  }
})

t.test('placement - a fourth of three takes about a quarter and nothing else moves', async (t) => {
  const before = ranking(members(3))
  const after = ranking(members(4))
  let moved = 0
  for (let i = 0; i < 4_096; i++) {
    const owner = after.owner(`party.${i}`)
    if (owner === before.owner(`party.${i}`)) continue
    moved++
    if (owner !== 'n4#1') t.fail(`party.${i} moved to ${owner}`)
  }
  t.ok(moved > 4_096 * 0.22 && moved < 4_096 * 0.28, `${moved} of 4,096 moved`)
})

t.test('placement - nobody owns anything where nobody is', async (t) => {
  t.same(rank('party.1', []), [])
  t.equal(ranking([]).owner('party.1'), undefined)
})
