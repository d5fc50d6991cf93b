/** What happens to mail and state while shards move: G7, G8, G9, G11, G14. */
import t from 'tap'
import { seededRandom } from '../../lib/std/random.js'
import type { EngineCluster } from '../fixtures/engine-cluster.js'
import { clusterOf, giveAway, heardBy, tellCounts } from '../fixtures/moves.js'

const nodes = ['n1', 'n2', 'n3', 'n4']
const sinks = ['a', 'b', 'c', 'd']
/** A shard that has moved stays for so long at least. */
const restMs = 300
const senders = ['s1', 's2', 's3']

/** Each node and each sender tells each sink again and again, while all of them move at random. */
const talkWhileMoving = (c: EngineCluster, seed: number, rounds: number): { told: number; moves: number } => {
  const random = seededRandom(seed)
  const told = new Map<string, number>()
  const restsUntil = new Map<string, number>()
  let moves = 0
  for (let round = 0; round < rounds; round++) {
    for (const sink of sinks) {
      for (const node of nodes) {
        const key = `${node} ${sink}`
        const n = told.get(key) ?? 0
        told.set(key, n + 1)
        c.tell(node, 'diary', sink, 'Note', { from: node, n })
      }
    }
    for (const sender of senders) {
      const node = nodes[Math.floor(random.next() * nodes.length)] ?? ''
      c.tell(node, 'diary', sender, 'Pass', { to: 'a' })
    }
    const all = [...sinks, ...senders]
    const one = all[Math.floor(random.next() * all.length)] ?? ''
    const { shard } = c.at('n1').where('diary', one)
    const now = c.clock.monotonic()
    if (now >= (restsUntil.get(shard) ?? 0) && giveAway(c, one)) {
      moves++
      restsUntil.set(shard, now + restMs)
    }
    c.clock.advance(1 + Math.floor(random.next() * 12))
  }
  c.clock.advance(10_000)
  return { told: rounds, moves }
}

/** What one sender said, in the order in which it was heard. */
const bySender = (heard: readonly string[]): Map<string, number[]> => {
  const lists = new Map<string, number[]>()
  for (const one of heard) {
    const [from = '', n] = one.split(' ')
    lists.set(from, [...(lists.get(from) ?? []), Number(n)])
  }
  return lists
}
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

t.test('G9 moves – messages sent during hand-offs are each handled once, in order per sender', async (t) => {
  let moves = 0
  for (let seed = 1; seed <= 5; seed++) {
    const c = await clusterOf(nodes, { seed })
    c.faults.set({ delayMsMin: 1, delayMsMax: 25 })
    const done = talkWhileMoving(c, seed, 120)
    moves += done.moves
    c.faults.set({ delayMsMin: 0, delayMsMax: 0 })
    for (const sink of sinks) {
      const lists = bySender(heardBy(c, sink))
      for (const node of nodes) t.same(lists.get(node), upTo(done.told), `seed ${seed}: ${node} to ${sink}`)
      if (sink !== 'a') continue
      for (const sender of senders)
        t.same(lists.get(sender), upTo(done.told), `seed ${seed}: ${sender} to ${sink}`)
    }
    const { sent, handled, buried } = tellCounts(c)
    t.same({ sent, buried }, { sent: handled, buried: 0 }, `seed ${seed}: all are accounted for`)
    c.stop()
  }
  t.ok(moves > 50, `${moves} moves`)
})
