/** Names: who was started is found, once, by everybody; one that comes and goes leaves nothing behind. */
import * as io from 'io-ts'
import t from 'tap'
import { kindData } from '../../lib/api/internal.js'
import {
  act,
  AskFailed,
  behavior,
  entities,
  id,
  kind,
  message,
  mirrored,
  nodeProtocol,
  protocol,
  reply,
  supervisor,
  topic,
  type TumenNode,
  worker,
} from '../../supervisors/index.js'
import { testCluster } from '../../supervisors/testing.js'
import { EngineCluster } from '../fixtures/engine-cluster.js'

const TentId = id('TentId')
type TentId = io.TypeOf<typeof TentId>
const messages = {
  Enter: message().replies(io.number),
  Count: message().reads(io.number),
  Strike: message().replies(),
  Fall: message(),
}
const Tent = protocol('tent', TentId, messages)
const Wagon = protocol('wagon', TentId, messages)
const on = {
  Enter: (count: number) => reply(count + 1, count + 1),
  Count: (count: number) => count,
  Strike: (count: number) => reply(count, undefined, act.stop()),
  Fall: (): never => {
    throw new Error('fell')
  },
}
const tent = kind(Tent, { state: mirrored(io.number), init: () => 0, on })
const wagon = kind(Wagon, { state: mirrored(io.number), init: () => 0, on })

const Guard = nodeProtocol('guard', { Watch: message().replies(io.number) })
const guard = behavior(Guard, {
  init: () => 0,
  on: { Watch: (count) => reply(count + 1, count + 1) },
})
/** Somebody has pitched a tent: who hears it knocks at once. */
const Pitched = topic.cluster('pitched', io.type({ tent: TentId }))
const tree = () => supervisor('root', {}, [entities(tent), entities(wagon), worker('guard', guard)])
/** No state is changed in place here, and freezing all of them would take most of the time. */
const config = { diagnostics: false }

const spawnsCount = 10_000
const ids = Array.from({ length: spawnsCount }, (_, i) => TentId(`t${i}`))
const tagOf = (error: unknown): string => (error instanceof AskFailed ? error.reason.tag : String(error))

/** What each of them came to, `width` at a time: `found`, or the error. */
const tally = async (width: number, count: number, one: (i: number) => Promise<unknown>) => {
  const outcomes: Record<string, number> = {}
  let at = 0
  const work = async (): Promise<void> => {
    for (let i = at++; i < count; i = at++) {
      const outcome = await one(i).then(() => 'found', tagOf)
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
    }
  }
  await Promise.all(Array.from({ length: width }, work))
  return outcomes
}

t.test('G1 of 10,000 that were started under load each is found at once by who started it', async (t) => {
  const c = await testCluster(t, { nodes: ['n1', 'n2', 'n3'], tree, config })
  const nodes = [c.node.n1, c.node.n2, c.node.n3]
  let started = 0
  const outcomes = await tally(200, spawnsCount, async (i) => {
    const node = nodes[i % 3] as TumenNode
    const { ref, outcome } = await node.spawn(tent, ids[i] as TentId)
    if (outcome === 'started') started++
    await ref.ask(Tent.Enter())
    await node.ref(Tent, ids[i] as TentId).ask(Tent.Count())
  })
  t.same(outcomes, { found: spawnsCount }, 'zero misses')
  t.equal(started, spawnsCount)
})

t.test('G2 of 10,000 each is found by another node as soon as it has heard of it', async (t) => {
  const c = await testCluster(t, { nodes: ['n1', 'n2', 'n3'], tree, config })
  const outcomes: Record<string, number> = {}
  for (const node of [c.node.n2, c.node.n3]) {
    node.subscribe(Pitched, async ({ tent }) => {
      const outcome = await node
        .ref(Tent, tent)
        .ask(Tent.Enter())
        .then(() => 'found', tagOf)
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
    })
  }
  await tally(200, spawnsCount, async (i) => {
    await c.node.n1.spawn(tent, ids[i] as TentId)
    c.node.n1.publish(Pitched, { tent: ids[i] as TentId })
  })
  const heard = (): number => Object.values(outcomes).reduce((sum, n) => sum + n, 0)
  await c.waitUntil('both have knocked at all', () => heard() === 2 * spawnsCount)
  t.same(outcomes, { found: 2 * spawnsCount }, 'zero misses')
})

t.test('G3 of 200 that start one id at the same time, from 8 nodes, one has started it', async (t) => {
  const names = ['n1', 'n2', 'n3', 'n4', 'n5', 'n6', 'n7', 'n8'] as const
  const c = await testCluster(t, { nodes: names, tree, config })
  for (const one of ids.slice(0, 20)) {
    const spawned = await Promise.all(
      Array.from({ length: 200 }, (_, i) => c.node[names[i % 8] ?? 'n1'].spawn(tent, one)),
    )
    const started = spawned.filter(({ outcome }) => outcome === 'started')
    t.equal(started.length, 1, 'one instance')
    t.equal(spawned.filter(({ outcome }) => outcome === 'already-started').length, 199)
    const entered = await Promise.all(spawned.map(({ ref }) => ref.ask(Tent.Enter())))
    t.same(new Set(entered).size, 200, 'every answer leads to it')
    t.equal(await c.node.n8.ref(Tent, one).ask(Tent.Count()), 200)
  }
})

t.test('G10 one that crashes without end leaves other ids, other kinds and its node alone', async (t) => {
  const c = await testCluster(t, { nodes: ['n1', 'n2', 'n3'], tree, config })
  const others = ids.slice(1, 60)
  const bad = (await c.node.n1.spawn(tent, ids[0] as TentId)).ref
  for (const one of others) await Promise.all([c.node.n1.spawn(tent, one), c.node.n1.spawn(wagon, one)])
  const seen = new Map<string, number>()
  for (const name of ['n1', 'n2', 'n3'] as const)
    c.node[name].listen(({ tag, fields: { path } }) => {
      const key = `${tag} ${String(path).includes(`/${ids[0]}`) ? 'bad' : String(path)}`
      if (tag !== 'DeadLettered' && tag !== 'DeadLetter') seen.set(key, (seen.get(key) ?? 0) + 1)
    })
  for (let round = 1; round <= 100; round++) {
    bad.tell(Tent.Fall())
    await c.advance(100)
    const one = others[round % others.length] as TentId
    await c.node.n2.ref(Tent, one).ask(Tent.Enter())
    await c.node.n3.ref(Wagon, one).ask(Wagon.Enter())
    for (const name of ['n1', 'n2', 'n3'] as const)
      t.equal(await c.node[name].local(Guard).ask(Guard.Watch()), round, 'it was never started again')
  }
  const ofOthers = [...seen.keys()].filter((key) => !key.endsWith(' bad'))
  t.comment(JSON.stringify([...seen]))
  t.same(ofOthers, [], 'nothing else happened to anybody')
  t.ok((seen.get('ActorCrashed bad') ?? 0) >= 4, 'it crashed again and again')
  const entered = await Promise.all(others.map((one) => c.node.n1.ref(Tent, one).ask(Tent.Count())))
  t.equal(
    entered.reduce((sum, n) => sum + n, 0),
    100,
    'with all that they had',
  )
})

/** What owner and mirror keep of one shard, and how often its record was written. */
const keptOf = (cluster: EngineCluster, shard: string) =>
  ['a', 'b'].map((name) => {
    const held = cluster.at(name).ownership.get(shard)
    const copies = [...(held?.copy?.entities.values() ?? [])]
    const sum = (of: (copy: (typeof copies)[number]) => number): number =>
      copies.reduce((total, copy) => total + of(copy), 0)
    return {
      entities: copies.length,
      replies: sum(({ replies }) => replies.size),
      heard: sum(({ heard }) => heard.size),
      timers: sum(({ timers }) => timers.size),
      outbox: sum(({ outbox }) => outbox.size),
      version: held?.record?.version,
      log: held?.copy?.log.length ?? 0,
    }
  })

t.test('G13 an id that is started and stopped 20,000 times leaves no more behind than 2,000', async (t) => {
  const cluster = new EngineCluster([kindData(tent)], { shardCount: 1, replyKeepMs: 61_000 })
  t.teardown(() => cluster.stop())
  for (const name of ['a', 'b']) await cluster.start(name)
  const { shard } = cluster.at('a').where('tent', 't')
  const spawn = (): void => {
    let isOver = false
    cluster.at('a').spawn('tent', 't', 5_000, (result) => {
      isOver = result.tag === 'reply' && result.payload === 'started'
    })
    for (let i = 0; i < 1_000 && !isOver; i++) cluster.clock.advance(5)
    if (!isOver) throw new Error('it was not started')
  }
  const rounds = (count: number) => {
    for (let i = 0; i < count; i++) {
      spawn()
      cluster.ask('b', 'tent', 't', 'Strike', undefined)
    }
    return keptOf(cluster, shard)
  }
  const early = rounds(2_000)
  const late = rounds(18_000)
  t.comment(`after 2,000: ${JSON.stringify(early[0])}; after 20,000: ${JSON.stringify(late[0])}`)
  early.forEach((before, i) => {
    const after = late[i] ?? before
    t.equal(after.version, before.version, 'its record was written no more')
    t.ok(after.log <= 128, `${after.log} changes are kept`)
    for (const what of ['entities', 'heard', 'timers', 'outbox'] as const)
      t.ok(after[what] <= Math.max(1, before[what]), `${what}: ${after[what]}, and ${before[what]} before`)
    t.ok(after.replies <= 1_024, `${after.replies} replies are remembered, no more than its bound`)
  })
  const chains: string[] = []
  const watch = cluster.nodes.get('a')?.session.records.watch(
    'shard',
    ({ chain }) => chains.push(chain),
    () => undefined,
  )
  cluster.clock.advance(100)
  watch?.stop()
  t.same(chains, [`shard.${shard}`], 'one record for all of it')
})
