/** What happens to mail and state while shards move: G7, G8, G9, G11, G14. */
import t from 'tap'
import { seededRandom } from '../../lib/std/random.js'
import type { EngineCluster } from '../fixtures/engine-cluster.js'
import { clusterOf, giveAway, heardBy, rebalance, tellCounts } from '../fixtures/moves.js'

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

const write = (c: EngineCluster, at: string, id: string, text: string) =>
  c.ask(at, 'diary', id, 'Write', { text }, 20_000)
const all = Array.from({ length: 40 }, (_, i) => `e${i}`)

t.test(
  'G7 moves - a node that leaves and comes back at once leaves nothing double or orphaned',
  async (t) => {
    const c = await clusterOf(['n1', 'n2', 'n3'])
    for (const id of all) write(c, 'n1', id, 'first')
    let isOut = false
    c.at('n3').leave(10_000, () => {
      isOut = true
    })
    for (let i = 0; i < 500 && !isOut; i++) c.clock.advance(10)
    c.nodes.delete('n3')
    await c.start('n3')
    for (const id of all) t.equal(write(c, 'n3', id, 'second').tag, 'reply')
    c.clock.advance(5_000)
    for (const id of all) {
      t.same(heardBy(c, id), ['first', 'second'])
      const { shard } = c.at('n1').where('diary', id)
      const owners = [...c.nodes.values()].filter(
        ({ engine }) => engine.ownership.get(shard)?.role === 'owner',
      )
      t.equal(owners.length, 1, id)
    }
    c.stop()
  },
)

t.test(
  'G8 moves - whenever the giver or the taker dies, the entity is there once with all it had',
  async (t) => {
    for (const who of ['giver', 'taker'] as const)
      for (let killAtMs = 0; killAtMs <= 120; killAtMs += 8) {
        const c = await clusterOf(['n1', 'n2', 'n3'])
        for (const text of ['a', 'b']) write(c, 'n1', 'one', text)
        const giver = c.ownerOf('n1', 'diary', 'one')
        const mirrors = c.mirrorsOf('n1', 'diary', 'one')
        const taker = ['n1', 'n2', 'n3'].find((name) => name !== giver && !mirrors.includes(name)) ?? ''
        c.faults.set({ delayMsMin: 5, delayMsMax: 5, recordDelayMsMin: 5, recordDelayMsMax: 5 })
        const { ownership } = c.at(giver)
        const held = ownership.get(c.at(giver).where('diary', 'one').shard)
        t.ok(held !== undefined && ownership.move(held, c.at(taker).me))
        c.clock.advance(killAtMs)
        c.kill(who === 'giver' ? giver : taker)
        c.clock.advance(20_000)
        c.faults.set({ delayMsMin: 0, delayMsMax: 0, recordDelayMsMin: 0, recordDelayMsMax: 0 })
        const left = [...c.nodes.keys()]
        t.equal(write(c, left[0] ?? '', 'one', 'c').tag, 'reply')
        t.same(heardBy(c, 'one'), ['a', 'b', 'c'], `the ${who} died after ${killAtMs} ms`)
        const { shard } = c.at(left[0] ?? '').where('diary', 'one')
        const owners = left.filter((name) => c.at(name).ownership.get(shard)?.role === 'owner')
        t.equal(owners.length, 1, `${owners}`)
        c.stop()
      }
  },
)

t.test(
  'G11 moves - from one node to eight only the new share moves, and never too much at once',
  async (t) => {
    const count = 2_000
    const c = await clusterOf(['n1'], { knobs: { shardCount: 512, rebalanceMovesCountMax: 4 } })
    for (let i = 0; i < count; i++)
      c.at('n1').tell({ kind: 'diary', id: `m${i}` }, { tag: 'Note', payload: { from: 'x', n: i } })
    c.clock.advance(2_000)
    const ownersNow = (): string[] =>
      Array.from({ length: count }, (_, i) => c.ownerOf('n1', 'diary', `m${i}`))
    let most = 0
    for (const nodesCount of [2, 4, 8]) {
      const before = ownersNow()
      for (let n = nodesCount / 2 + 1; n <= nodesCount; n++) await c.start(`n${n}`)
      c.clock.advance(1_000)
      const timer = c.clock.after(1, function look() {
        for (const { engine } of c.nodes.values()) {
          const moving = [...engine.ownership.owned].filter(
            ({ moveTo, role }) => moveTo !== null || role === 'giving',
          )
          most = Math.max(most, moving.length)
        }
        c.clock.after(1, look)
      })
      const { left } = rebalance(c, 'n1', { pauseMs: 10 })
      timer.cancel()
      const after = ownersNow()
      const moved = after.filter((owner, i) => owner !== before[i])
      t.equal(left, 0)
      t.ok(
        moved.length < 0.6 * count && moved.length > 0.4 * count,
        `${moved.length} of ${count}, half is new`,
      )
      t.ok(
        moved.every((owner) => Number(owner.slice(1)) > nodesCount / 2),
        'all to new nodes',
      )
    }
    t.ok(most <= 4, `${most} at once`)
    c.stop()
  },
)

t.test('G14 moves - a node that is gone for good has all its entities elsewhere', async (t) => {
  const c = await clusterOf(['n1', 'n2', 'n3'])
  for (const id of all) write(c, 'n1', id, 'first')
  const its = all.filter((id) => c.ownerOf('n1', 'diary', id) === 'n3')
  t.ok(its.length > 0)
  c.kill('n3')
  c.clock.advance(10_000)
  for (const id of its) {
    t.not(c.ownerOf('n1', 'diary', id), 'n3')
    t.same(heardBy(c, id), ['first'])
    t.notOk(c.mirrorsOf('n1', 'diary', id).includes('n3'))
  }
  t.notOk([...c.at('n1').membership.view().members.keys()].some((node) => node.startsWith('n3#')))
  c.stop()
})

t.test('moves - a step that says more than a frame takes is a crash, and holds nobody up', async (t) => {
  const c = await clusterOf(['n1', 'n2'])
  write(c, 'n1', 'big', 'first')
  t.match(c.ask('n1', 'diary', 'big', 'Huge', { chars: 200_000 }), {
    tag: 'error',
    error: { tag: 'Crashed', cause: /more than frameBytesMax/ },
  })
  t.equal(c.ask('n1', 'diary', 'big', 'Huge', { chars: 20_000 }).tag, 'reply', 'less is fine')
  t.equal(write(c, 'n1', 'big', 'second').tag, 'reply')
  t.same(heardBy(c, 'big'), ['first', 'second'], 'nothing of the crashed step is there')
  t.equal(c.mirrorsOf('n1', 'diary', 'big').length, 1)
  c.stop()
})

t.test('moves - an entity that was put to sleep moves, and begins anew where it is', async (t) => {
  const c = await clusterOf(['n1', 'n2', 'n3'], { knobs: { idleMs: 1_000, replyKeepMs: 70_000 } })
  write(c, 'n1', 'sleepy', 'first')
  c.clock.advance(40_000)
  t.ok(giveAway(c, 'sleepy'))
  c.clock.advance(2_000)
  t.equal(write(c, 'n1', 'sleepy', 'second').tag, 'reply')
  t.same(heardBy(c, 'sleepy'), ['second'])
  c.stop()
})
