import t from 'tap'
import * as io from 'io-ts'
import {
  act,
  AskFailed,
  entities,
  id,
  kind,
  message,
  mirrored,
  next,
  persisted,
  protocol,
  refuse,
  reply,
  StartFailed,
  startNode,
  supervisor,
  answerTo,
  inner,
  type TumenNode,
} from '../../../supervisors/index.js'
import { VirtualCluster } from '../../fixtures/promises.js'

const ClubId = id('ClubId')
const Club = protocol('club', ClubId, {
  Join: message({ name: io.string }).replies(io.number).refuses(io.literal('IS_MEMBER')),
  Note: message({ name: io.string }),
  Fall: message().replies(),
  Remind: message({ afterMs: io.number }).replies(),
  Members: message().reads(io.array(io.string)),
})
const Own = inner(Club, { Reminded: message() })
const club = kind(Club, {
  inner: Own,
  activate: 'first-message',
  state: mirrored(io.readonlyArray(io.string)),
  init: (): readonly string[] => [],
  on: {
    Join: (members, { name }) =>
      members.includes(name) ? refuse('IS_MEMBER') : reply([...members, name], members.length + 1),
    Note: (members, { name }) => next([...members, name]),
    Fall: () => {
      throw new Error('fell')
    },
    Remind: (members, { afterMs }) => reply(members, undefined, act.after(afterMs, Own.Reminded())),
    Reminded: (members) => next([...members, 'reminder']),
    Members: (members) => [...members],
  },
})

const GuildId = id('GuildId')
const Guild = protocol('guild', GuildId, {
  Invite: message({ name: io.string, to: ClubId }).replies(),
  Log: message().reads(io.array(io.string)),
})
const GuildOwn = inner(Guild, { Joined: answerTo(Club.Join, { name: io.string }) })
const guild = kind(Guild, {
  inner: GuildOwn,
  state: mirrored(io.readonlyArray(io.string)),
  init: (): readonly string[] => [],
  on: {
    Invite: (log, { name, to }) =>
      reply(log, undefined, act.command(Club.at(to), Club.Join({ name }), GuildOwn.Joined({ name }))),
    Joined: (log, { name, answer }) => next([...log, `${name} ${answer._tag}`]),
    Log: (log) => [...log],
  },
})
const tree = () => supervisor('root', {}, [entities(club), entities(guild)])

const trio = async (t: Tap.Test, config = {}) => {
  const cluster = new VirtualCluster(tree, config)
  const nodes = [await cluster.start('n1'), await cluster.start('n2'), await cluster.start('n3')] as const
  t.teardown(() => cluster.end())
  return { cluster, nodes }
}
declare namespace Tap {
  type Test = Pick<typeof t, 'teardown'>
}
const reasonOf = (error: unknown): unknown => (error instanceof AskFailed ? error.reason.tag : error)
const ownerOf = (nodes: readonly TumenNode[], id: ReturnType<typeof ClubId>) => {
  const owner = nodes.find((node) => node.where(Club, id).isHere)
  const others = nodes.filter((node) => node !== owner)
  if (owner === undefined || others[0] === undefined) throw new Error('nobody owns it')
  return { owner, other: others[0] }
}

t.test('promises - when spawn has resolved, every node finds the entity', async (t) => {
  const {
    cluster,
    nodes: [n1, n2, n3],
  } = await trio(t)
  if (!n1 || !n2 || !n3) return
  const g = GuildId('g')
  t.equal(reasonOf(await cluster.fails(n2.ref(Guild, g).ask(Guild.Log()))), 'NoRecipient')
  t.equal((await cluster.run(n1.spawn(guild, g))).outcome, 'started')
  for (const node of [n1, n2, n3]) t.same(await cluster.run(node.ref(Guild, g).ask(Guild.Log())), [])
  t.equal((await cluster.run(n3.spawn(guild, g))).outcome, 'already-started')
})

t.test('promises - an ask repeated under its reqId is applied once, through whichever node', async (t) => {
  const { cluster, nodes } = await trio(t)
  const c = ClubId('c')
  for (const node of nodes)
    t.equal(await cluster.run(node.ref(Club, c).ask(Club.Join({ name: 'ada' }), { reqId: 'r1' })), 1)
  for (const node of nodes) t.same(await cluster.run(node.ref(Club, c).ask(Club.Members())), ['ada'])
})

t.test('promises - a refused message has changed nothing', async (t) => {
  const {
    cluster,
    nodes: [n1],
  } = await trio(t)
  if (!n1) return
  const ref = n1.ref(Club, ClubId('c'))
  await cluster.run(ref.ask(Club.Join({ name: 'ada' })))
  t.match(await cluster.fails(ref.ask(Club.Join({ name: 'ada' }))), {
    reason: { tag: 'Refused', refusal: 'IS_MEMBER' },
  })
  t.same(await cluster.run(ref.ask(Club.Members())), ['ada'])
})

t.test('promises - a step that throws changes nothing, and what waits behind it is handled', async (t) => {
  const {
    cluster,
    nodes: [n1],
  } = await trio(t)
  if (!n1) return
  const ref = n1.ref(Club, ClubId('c'))
  await cluster.run(ref.ask(Club.Join({ name: 'ada' })))
  const fell = cluster.fails(ref.ask(Club.Fall()))
  ref.tell(Club.Note({ name: 'bob' }))
  t.equal(reasonOf(await fell), 'Crashed')
  t.same(await cluster.run(ref.ask(Club.Members())), ['ada', 'bob'])
})

t.test('promises - tells of one node to one entity arrive in order', async (t) => {
  const {
    cluster,
    nodes: [n1],
  } = await trio(t)
  if (!n1) return
  const names = Array.from({ length: 300 }, (_, i) => `m${i}`)
  for (const c of ['a', 'b', 'c'].map(ClubId)) {
    for (const name of names) n1.ref(Club, c).tell(Club.Note({ name }))
    t.same(await cluster.run(n1.ref(Club, c).ask(Club.Members())), names)
  }
})

t.test('promises - a command is applied once, and its answer comes back', async (t) => {
  const {
    cluster,
    nodes: [n1, n2],
  } = await trio(t)
  if (!n1 || !n2) return
  cluster.transport.faults.set({ loss: 0.2, duplication: 0.2 })
  const [g, c] = [GuildId('g'), ClubId('c')]
  await cluster.run(n1.spawn(guild, g))
  for (const name of ['ada', 'bob', 'ada'])
    await cluster.run(n1.ref(Guild, g).ask(Guild.Invite({ name, to: c }), { timeoutMs: 30_000 }))
  cluster.transport.faults.set({ loss: 0, duplication: 0 })
  let log: readonly string[] = []
  for (let i = 0; i < 100 && log.length < 3; i++) {
    await cluster.run(new Promise<void>((resolve) => void cluster.clock.after(200, resolve)))
    log = await cluster.run(n2.ref(Guild, g).ask(Guild.Log()))
  }
  t.same([...log].sort(), ['ada Left', 'ada Right', 'bob Right'])
  t.same([...(await cluster.run(n2.ref(Club, c).ask(Club.Members())))].sort(), ['ada', 'bob'])
})

t.test(
  'promises - a node that is cut off refuses, another goes on, and it comes back as a new incarnation',
  async (t) => {
    const { cluster, nodes } = await trio(t)
    const c = ClubId('c')
    await cluster.run(nodes[0].ref(Club, c).ask(Club.Join({ name: 'ada' })))
    const { owner, other } = ownerOf(nodes, c)
    const { id: was } = owner
    const { epoch } = other.where(Club, c)
    cluster.transport.faults.disconnect(owner.name)
    t.equal(owner.status().status, 'frozen', 'at once')
    t.equal(
      reasonOf(await cluster.fails(owner.ref(Club, c).ask(Club.Members(), { timeoutMs: 500 }))),
      'Unavailable',
    )
    t.equal(await cluster.run(other.ref(Club, c).ask(Club.Join({ name: 'bob' }), { timeoutMs: 30_000 })), 2)
    t.ok(other.where(Club, c).epoch > epoch, 'under a higher epoch')
    cluster.transport.faults.heal()
    await cluster.until(() => owner.status().status === 'ready' && owner.id !== was, 'it is back')
    t.same(await cluster.run(owner.ref(Club, c).ask(Club.Members())), ['ada', 'bob'])
  },
)

t.test('promises - a node that was cut off for less than a lease goes on where it was', async (t) => {
  const { cluster, nodes } = await trio(t)
  const c = ClubId('c')
  await cluster.run(nodes[0].ref(Club, c).ask(Club.Join({ name: 'ada' })))
  const { owner, other } = ownerOf(nodes, c)
  const { epoch } = other.where(Club, c)
  cluster.transport.faults.disconnect(owner.name)
  await cluster.run(new Promise<void>((resolve) => void cluster.clock.after(1_000, resolve)))
  cluster.transport.faults.heal()
  t.same(await cluster.run(other.ref(Club, c).ask(Club.Members())), ['ada'])
  t.equal(other.where(Club, c).epoch, epoch, 'the same owner')
})

t.test(
  'promises - nobody reaches the records: nothing is served by strict kinds, and nothing is lost',
  async (t) => {
    const { cluster, nodes } = await trio(t)
    const c = ClubId('c')
    await cluster.run(nodes[0].ref(Club, c).ask(Club.Join({ name: 'ada' })))
    const { other } = ownerOf(nodes, c)
    const { epoch } = other.where(Club, c)
    cluster.transport.faults.recordsDown()
    await cluster.until(() => nodes.every((node) => node.status().status === 'frozen'), 'all are frozen')
    t.equal(
      reasonOf(await cluster.fails(other.ref(Club, c).ask(Club.Members(), { timeoutMs: 500 }))),
      'Unavailable',
    )
    cluster.transport.faults.heal()
    t.same(await cluster.run(other.ref(Club, c).ask(Club.Members(), { timeoutMs: 30_000 })), ['ada'])
    t.equal(other.where(Club, c).epoch, epoch, 'the same owner')
  },
)

t.test('promises - timers survive the loss of their node', async (t) => {
  const { cluster, nodes } = await trio(t)
  const c = ClubId('c')
  await cluster.run(nodes[0].ref(Club, c).ask(Club.Remind({ afterMs: 20_000 })))
  const { owner, other } = ownerOf(nodes, c)
  cluster.transport.faults.disconnect(owner.name)
  t.same(await cluster.run(other.ref(Club, c).ask(Club.Members(), { timeoutMs: 30_000 })), [])
  await cluster.run(new Promise<void>((resolve) => void cluster.clock.after(21_000, resolve)))
  t.same(await cluster.run(other.ref(Club, c).ask(Club.Members())), ['reminder'], 'once')
})

t.test('promises - a lone node works without a mirror, and a second one becomes it', async (t) => {
  const cluster = new VirtualCluster(tree)
  t.teardown(() => cluster.end())
  const n1 = await cluster.start('n1')
  const c = ClubId('c')
  t.equal(await cluster.run(n1.ref(Club, c).ask(Club.Join({ name: 'ada' }))), 1)
  t.same(n1.where(Club, c).mirrors, [], 'and where says so')
  const n2 = await cluster.start('n2')
  await cluster.until(() => n1.where(Club, c).mirrors.length === 1, 'a mirror')
  cluster.transport.faults.disconnect('n1')
  t.same(await cluster.run(n2.ref(Club, c).ask(Club.Members(), { timeoutMs: 30_000 })), ['ada'])
})

t.test('promises - when every copy is gone the first ask is told, and the next begins anew', async (t) => {
  const cluster = new VirtualCluster(tree)
  t.teardown(() => cluster.end())
  const n1 = await cluster.start('n1')
  const c = ClubId('c')
  await cluster.run(n1.ref(Club, c).ask(Club.Join({ name: 'ada' })))
  await cluster.run(n1.stop())
  const n2 = await cluster.start('n2')
  t.equal(reasonOf(await cluster.fails(n2.ref(Club, c).ask(Club.Members()))), 'StateLost')
  t.same(await cluster.run(n2.ref(Club, c).ask(Club.Members())), [])
  t.equal(n2.status().counters['events_state_lost_total'], 1)
})

t.test('promises - what the tree cannot run in this version is refused in a sentence', async (t) => {
  const on = {
    Join: () => reply(0, 1),
    Note: () => next(0),
    Fall: () => reply(0),
    Remind: () => reply(0),
    Members: () => [],
  }
  const init = () => 0
  const sources = { persisted: persisted(io.number) }
  for (const [name, state] of Object.entries(sources)) {
    const one = kind(Club, { state, init, on })
    const error = await startNode({ cluster: 'game', tree: supervisor('root', {}, [entities(one)]) }).catch(
      (e: unknown) => e,
    )
    t.match(error, { code: 'InvalidTree', sentence: new RegExp(`"club" is ${name}`) })
    t.ok(error instanceof StartFailed)
  }
  const both = kind(Club, {
    state: persisted(io.number),
    consistency: 'available',
    merge: (a) => a,
    init,
    on,
  })
  const error = await startNode({ cluster: 'game', tree: supervisor('root', {}, [entities(both)]) }).catch(
    (e: unknown) => e,
  )
  t.match(error, { code: 'InvalidTree', sentence: /"club" is available/ })
})

t.test('promises - the errors of asks that nobody can answer', async (t) => {
  const cluster = new VirtualCluster(tree, { payloadBytesMax: 2_048 })
  t.teardown(() => cluster.end())
  const n1 = await cluster.start('n1')
  const Other = protocol('other', ClubId, { Get: message().reads(io.number) })
  t.equal(reasonOf(await cluster.fails(n1.ref(Other, ClubId('a')).ask(Other.Get()))), 'UnknownKind')
  const ref = n1.ref(Club, ClubId('a'))
  t.equal(reasonOf(await cluster.fails(ref.ask(Club.Join({ name: 'x'.repeat(3_000) })))), 'PayloadTooLarge')
  const signal = AbortSignal.abort()
  t.equal(reasonOf(await cluster.fails(ref.ask(Club.Members(), { signal }))), 'Cancelled')
})

t.test('promises - the process has no listener more than before, and none is left', async (t) => {
  const count = () => process.eventNames().map((name) => [name, process.listenerCount(name)])
  const before = count()
  const node = await startNode({ cluster: 'host', tree: tree() })
  await node.ref(Club, ClubId('a')).ask(Club.Members())
  t.same(count(), before)
  await node.stop()
  await node.stop()
  t.same(count(), before)
  t.equal(node.status().status, 'stopped')
})

t.test(
  'promises - a node that does not fit into its cluster is refused with the reason as its code',
  async (t) => {
    const cluster = new VirtualCluster(tree)
    t.teardown(() => cluster.end())
    await cluster.start('n1')
    const start = (name: string, config: object) => {
      const { clock, transport } = cluster
      return cluster.fails(
        startNode({
          cluster: 'game',
          name,
          transport,
          clock,
          tree: tree(),
          config: { shardCount: 16, ...config },
        }),
      )
    }
    t.match(await start('n2', { shardCount: 32 }), {
      code: 'Incompatible',
      sentence: /shardCount 32 but n1#1 has 16/,
    })
    t.match(await start('n2', { payloadBytesMax: 2_048 }), {
      code: 'Incompatible',
      sentence: /payloadBytesMax/,
    })
    t.match(await start('n1', {}), { code: 'NameTaken', sentence: /"n1" is taken/ })
    t.match(await start('n 2', {}), { code: 'InvalidConfig', sentence: /^name: expected a name/ })
    t.match(await start('n2', { shardCnt: 16 }), {
      code: 'InvalidConfig',
      sentence: /did you mean "shardCount"/,
    })
  },
)

t.test(
  'promises - a node that cannot join in time is refused in a sentence, and leaves nothing',
  async (t) => {
    const cluster = new VirtualCluster(tree)
    t.teardown(() => cluster.end())
    cluster.transport.faults.recordsDown()
    t.match(await cluster.fails(cluster.start('n1')), { code: 'StartTimeout', sentence: /within 30 s/ })
    cluster.transport.faults.heal()
    t.equal((await cluster.start('n1')).id, 'n1#1')
  },
)
