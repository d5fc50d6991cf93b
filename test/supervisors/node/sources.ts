import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as io from 'io-ts'
import t from 'tap'
import {
  act,
  answerTo,
  disposable,
  entities,
  inner,
  kind,
  memoryEngine,
  message,
  mirrored,
  next,
  protocol,
  rebuilt,
  reply,
  snapshotFiles,
  supervisor,
} from '../../../supervisors/index.js'
import { testCluster } from '../../../supervisors/testing.js'
import {
  Bank,
  BankId,
  bankTree,
  breakable,
  entriesOf,
  failure,
  Vault,
  vault,
  VaultId,
} from '../../fixtures/vaults.js'

const treeOf = (one: ReturnType<typeof vault>) => () => supervisor('root', {}, [entities(one)])

t.test('sources - a disposable entity begins from init when its node is lost', async (t) => {
  const c = await testCluster(t, { nodes: ['n1', 'n2'], tree: treeOf(vault(disposable())) })
  const a = VaultId('a')
  t.equal(await c.node.n1.ref(Vault, a).ask(Vault.Put({ gold: 5 })), 5)
  const [owner, other] = c.node.n1.where(Vault, a).isHere ? (['n1', 'n2'] as const) : (['n2', 'n1'] as const)
  c.kill(owner)
  const asked = c.node[other].ref(Vault, a).ask(Vault.Gold(), { timeoutMs: 30_000 })
  await c.waitUntil('it answers', async () => (await asked) === 0, { deadlineMs: 30_000 })
  t.equal(c.node[other].status().counters['events_state_lost_total'] ?? 0, 0, 'nothing is told as lost')
})

t.test('sources - a rebuilt entity is asked for when it begins and after a loss; mail waits', async (t) => {
  const asked: string[] = []
  let answer: ((gold: number) => void) | undefined
  const source = rebuilt((id) => {
    asked.push(id)
    return new Promise<number>((resolve) => {
      answer = resolve
    })
  })
  const c = await testCluster(t, { nodes: ['n1', 'n2'], tree: treeOf(vault(source)) })
  const a = VaultId('a')
  const from = (name: 'n1' | 'n2') => c.node[name].ref(Vault, a)
  from('n1').tell(Vault.Note({ gold: 1 }))
  const first = from('n1').ask(Vault.Put({ gold: 10 }))
  const second = from('n1').ask(Vault.Gold())
  await c.waitUntil('the source is asked', () => asked.length === 1)
  await c.advance(1_000)
  answer?.(100)
  t.equal(await first, 111, 'after the tell that came before it')
  t.equal(await second, 111)
  t.equal(await from('n2').ask(Vault.Put({ gold: 1 })), 112)
  t.same(asked, ['a'], 'once')

  const [owner, other] = c.node.n1.where(Vault, a).isHere ? (['n1', 'n2'] as const) : (['n2', 'n1'] as const)
  c.kill(owner)
  const again = from(other).ask(Vault.Gold(), { timeoutMs: 30_000 })
  await c.waitUntil('the source is asked again', () => asked.length === 2, { deadlineMs: 30_000 })
  answer?.(7)
  t.equal(await again, 7)
  const counters = c.node[other].status().counters
  t.equal(counters['events_state_lost_total'] ?? 0, 0, 'it comes back from its source')
})

t.test('sources - a source that fails is asked again, and its askers are told in time', async (t) => {
  let isUp = false
  let asked = 0
  const source = rebuilt(async () => {
    asked++
    if (!isUp) throw new Error('the database is down')
    return 3
  })
  const c = await testCluster(t, { nodes: ['n1'], tree: treeOf(vault(source)) })
  const events: string[] = []
  c.node.n1.listen(({ tag, sentence }) => tag === 'LoadFailed' && events.push(sentence))
  const ref = c.node.n1.ref(Vault, VaultId('a'))
  const lost = failure(ref.ask(Vault.Put({ gold: 1 }), { timeoutMs: 1_000 }))
  await c.advance(1_000)
  t.equal(await lost, 'Unavailable')
  t.match(events[0], /^The state of vault\/a could not be brought here.*the database is down/)
  ref.tell(Vault.Note({ gold: 4 }))
  await c.advance(20_000)
  t.ok(asked >= 5 && asked < 20, `again and again, but not all the time: ${asked}`)
  isUp = true
  const late = ref.ask(Vault.Gold(), { timeoutMs: 10_000 })
  await c.waitUntil('it goes on by itself', async () => (await late) === 7, { deadlineMs: 10_000 })
})

t.test('sources - a rebuilt entity that crashed or stopped is asked for again', async (t) => {
  let asked = 0
  const source = rebuilt(async () => ++asked * 100)
  const c = await testCluster(t, { nodes: ['n1'], tree: treeOf(vault(source)) })
  const ref = c.node.n1.ref(Vault, VaultId('a'))
  t.equal(await ref.ask(Vault.Put({ gold: 1 })), 101)
  t.equal(await failure(ref.ask(Vault.Fall())), 'Crashed')
  t.equal(await ref.ask(Vault.Put({ gold: 1 })), 201)
  ref.tell(Vault.End())
  t.equal(await ref.ask(Vault.Put({ gold: 1 })), 301)
})

t.test('sources - a rebuilt entity that nobody spawned is not asked for', async (t) => {
  let asked = 0
  const source = rebuilt(async () => ++asked)
  const one = vault(source, 'spawn')
  const c = await testCluster(t, { nodes: ['n1'], tree: treeOf(one) })
  const ref = c.node.n1.ref(Vault, VaultId('a'))
  t.equal(await failure(ref.ask(Vault.Gold())), 'NoRecipient')
  t.equal(asked, 0)
  t.equal((await c.node.n1.spawn(one, VaultId('a'))).outcome, 'started')
  t.equal(await ref.ask(Vault.Gold()), 1)
})

t.test('sources - a persisted entity outlives all nodes, each ask applied once', async (t) => {
  const persistence = memoryEngine()
  const c = await testCluster(t, { nodes: ['n1', 'n2'], tree: bankTree, persistence })
  const a = BankId('a')
  for (let i = 1; i <= 12; i++)
    t.equal(await c.node.n1.ref(Bank, a).ask(Bank.Pay({ gold: 1 }), { reqId: `r${i}` }), i)
  c.kill('n1')
  c.kill('n2')
  const starting = [c.start('n1'), c.start('n2')]
  await Promise.all(starting)
  const ref = c.node.n2.ref(Bank, a)
  const again = ref.ask(Bank.Pay({ gold: 1 }), { reqId: 'r12', timeoutMs: 30_000 })
  await c.waitUntil('it answers', async () => (await again) === 12, { deadlineMs: 30_000 })
  t.equal(await ref.ask(Bank.Gold()), 12, 'the repeated one changed nothing')
  t.equal(await ref.ask(Bank.Pay({ gold: 1 }), { reqId: 'r13' }), 13)
  const { counters } = c.node.n2.status()
  t.equal(counters['events_state_lost_total'] ?? 0, 0)
  const kept = await entriesOf(persistence, 'bank/a')
  t.ok(kept.length < 10, `the journal is cut behind a snapshot: ${kept.join()}`)
})

t.test('sources - timers and commands of persisted entities go on without being spoken to', async (t) => {
  const persistence = memoryEngine()
  const c = await testCluster(t, { nodes: ['n1'], tree: bankTree, persistence })
  const [a, b, v] = [BankId('a'), BankId('b'), VaultId('v')]
  await c.node.n1.ref(Bank, a).ask(Bank.Later({ gold: 7, afterMs: 60_000 }))
  await c.node.n1.ref(Bank, b).ask(Bank.Pay({ gold: 9 }))
  await c.node.n1.ref(Bank, b).ask(Bank.Send({ to: v, gold: 4 }))
  c.kill('n1')
  await c.advance(90_000)
  await c.start('n1')
  const changes = () => entriesOf(persistence, 'bank/a')
  await c.waitUntil('the timer has fired', async () => (await changes()).length === 2, { deadlineMs: 60_000 })
  t.equal(await c.node.n1.ref(Bank, a).ask(Bank.Gold()), 7)
  const ref = c.node.n1.ref(Bank, b)
  await c.waitUntil('the command is answered', async () => (await ref.ask(Bank.Sent())) === 4)
  t.equal(await ref.ask(Bank.Gold()), 5)
  t.equal(await c.node.n1.ref(Vault, v).ask(Vault.Gold()), 4, 'and was applied once')
})

t.test('sources - while the store is away nothing is acknowledged, and it goes on by itself', async (t) => {
  const { engine, state } = breakable()
  const config = { heldOutputsCountMax: 3 }
  const c = await testCluster(t, { nodes: ['n1'], tree: bankTree, persistence: engine, config })
  const events: string[] = []
  c.node.n1.listen(({ tag }) => events.push(tag))
  const ref = c.node.n1.ref(Bank, BankId('a'))
  t.equal(await ref.ask(Bank.Pay({ gold: 1 })), 1)
  state.isDown = true
  const held = [1, 2, 3].map((n) => ref.ask(Bank.Pay({ gold: n }), { timeoutMs: 30_000 }))
  const beyond = failure(ref.ask(Bank.Pay({ gold: 100 }), { timeoutMs: 1_000 }))
  const read = failure(ref.ask(Bank.Gold(), { timeoutMs: 1_000 }))
  const other = failure(c.node.n1.ref(Bank, BankId('b')).ask(Bank.Gold(), { timeoutMs: 1_000 }))
  await c.advance(3_000)
  t.equal(await beyond, 'Overloaded', 'beyond what may be held')
  t.match(await read, /AskTimeout|Overloaded/, 'what was not kept is not read either')
  t.equal(await other, 'Unavailable', 'one whose journal cannot be read')
  t.equal(events.filter((tag) => tag === 'StoreFailed').length, 1, 'told once')
  state.isDown = false
  const answers = Promise.all(held)
  await c.waitUntil('all are answered', async () => (await answers).length === 3)
  t.same(await answers, [2, 4, 7])
  t.equal(await ref.ask(Bank.Gold()), 7)
})

t.test('sources - persisted entities move in order, and what is held then is not lost', async (t) => {
  const { engine, state } = breakable()
  const c = await testCluster(t, { nodes: ['n1', 'n2'], tree: bankTree, persistence: engine })
  const a = BankId('a')
  t.equal(await c.node.n1.ref(Bank, a).ask(Bank.Pay({ gold: 1 })), 1)
  const owner = c.node.n1.where(Bank, a).isHere ? 'n1' : 'n2'
  const other = owner === 'n1' ? 'n2' : 'n1'
  const ref = c.node[other].ref(Bank, a)
  state.isDown = true
  const held = ref.ask(Bank.Pay({ gold: 2 }), { timeoutMs: 60_000 })
  await c.advance(50)
  // It leaves, cannot give what is not written, and then dies: its heir has a copy of it.
  void c.node[owner].stop()
  await c.advance(1_000)
  t.match(c.node[other].where(Bank, a).mirrors.length, 1, 'the heir is in sync')
  c.kill(owner)
  await c.advance(10_000)
  state.isDown = false
  await c.waitUntil('it is answered', async () => (await held) === 3, { deadlineMs: 60_000 })
  t.equal(await ref.ask(Bank.Gold()), 3, 'and what was answered is there')
  await c.start(owner)
  await c.waitUntil('both are ready', () => c.node[owner].status().status === 'ready')
  const startedAt = c.now()
  await c.stop(other)
  t.ok(c.now() - startedAt < 5_000, `a planned leave took ${c.now() - startedAt} ms`)
  const last = c.node[owner].ref(Bank, a).ask(Bank.Pay({ gold: 4 }), { timeoutMs: 20_000 })
  await c.waitUntil('it goes on', async () => (await last) === 7, { deadlineMs: 20_000 })
})

t.test('sources - the last node to leave waits until its journals have what it answers', async (t) => {
  const { engine, state } = breakable()
  const c = await testCluster(t, { nodes: ['n1'], tree: bankTree, persistence: engine })
  const ref = c.node.n1.ref(Bank, BankId('a'))
  t.equal(await ref.ask(Bank.Pay({ gold: 1 })), 1)
  state.isDown = true
  const held = ref.ask(Bank.Pay({ gold: 2 }), { timeoutMs: 30_000 })
  await c.advance(50)
  const stopping = c.stop('n1')
  await c.advance(500)
  state.isDown = false
  await stopping
  t.equal(await held.catch((error: unknown) => String(error)), 3)
})

t.test('sources - a write whose answer was lost is not written again', async (t) => {
  const { engine, state, inner } = breakable()
  const c = await testCluster(t, { nodes: ['n1'], tree: bankTree, persistence: engine })
  const ref = c.node.n1.ref(Bank, BankId('a'))
  state.losesAnswers = true
  const paid = ref.ask(Bank.Pay({ gold: 3 }), { timeoutMs: 30_000 })
  await c.waitUntil('it is answered', async () => (await paid) === 3)
  t.same(await entriesOf(inner, 'bank/a'), [1])
})

t.test('sources - what another owner wrote meanwhile is taken over, not written over', async (t) => {
  const persistence = memoryEngine()
  const c = await testCluster(t, { nodes: ['n1'], tree: bankTree, persistence })
  const a = BankId('a')
  const ref = c.node.n1.ref(Bank, a)
  t.equal(await ref.ask(Bank.Pay({ gold: 1 })), 1)
  // As the write of a former owner that was under way: the change of another node, with 10 gold.
  const far = await testCluster(t, { nodes: ['n1'], tree: bankTree, persistence })
  t.equal(await far.node.n1.ref(Bank, a).ask(Bank.Pay({ gold: 10 }), { reqId: 'theirs' }), 11)
  const mine = ref.ask(Bank.Pay({ gold: 5 }), { reqId: 'mine' })
  await c.waitUntil('it is answered', async () => (await mine) === 16)
  t.equal(await ref.ask(Bank.Pay({ gold: 10 }), { reqId: 'theirs' }), 11, 'applied there, so not here')
  t.equal(await ref.ask(Bank.Gold()), 16)
})

t.test('sources - an idle persisted entity leaves memory and comes back from its journal', async (t) => {
  const config = { idleMs: 30_000 }
  const c = await testCluster(t, { nodes: ['n1'], tree: bankTree, persistence: memoryEngine(), config })
  const ref = c.node.n1.ref(Bank, BankId('a'))
  await ref.ask(Bank.Pay({ gold: 2 }))
  const count = () => c.node.n1.status().kinds.find(({ kind }) => kind === 'bank')?.entities
  t.equal(count(), 1)
  await c.advance(60_000)
  t.equal(count(), 0)
  t.equal(await ref.ask(Bank.Pay({ gold: 2 })), 4)
})

t.test('sources - a journal that cannot be read is said, and nothing begins in its place', async (t) => {
  const persistence = memoryEngine()
  const entry = { key: 'bank/a', createdAt: 0, isDeleted: false, tags: [] }
  await persistence.persist({ ...entry, sequenceNumber: 1, data: { gold: 3 } })
  const c = await testCluster(t, { nodes: ['n1'], tree: bankTree, persistence })
  const events: string[] = []
  c.node.n1.listen(({ tag, sentence }) => tag === 'LoadFailed' && events.push(sentence))
  const lost = failure(c.node.n1.ref(Bank, BankId('a')).ask(Bank.Gold(), { timeoutMs: 500 }))
  await c.advance(600)
  t.equal(await lost, 'Unavailable')
  t.match(events[0], /Entry 1 of the journal "bank\/a" cannot be replayed/)
})

const Box = protocol('box', VaultId, {
  Put: message({ gold: io.number }).replies(io.number),
  Later: message({ gold: io.number, afterMs: io.number }).replies(),
  Send: message({ to: VaultId, gold: io.number }).replies(),
  Gold: message().reads(io.number),
})
const BoxOwn = inner(Box, { Due: message({ gold: io.number }), Sent: answerTo(Vault.Put, {}) })
const box = kind(Box, {
  inner: BoxOwn,
  activate: 'first-message',
  state: mirrored(io.number, { snapshotOnLeave: true }),
  init: () => 0,
  on: {
    Put: (has, { gold }) => reply(has + gold, has + gold),
    Later: (has, { gold, afterMs }) => reply(has, undefined, act.after(afterMs, BoxOwn.Due({ gold }), 'due')),
    Send: (has, { to, gold }) =>
      reply(has, undefined, act.command(Vault.at(to), Vault.Put({ gold }), BoxOwn.Sent({}))),
    Due: (has, { gold }) => next(has + gold),
    Sent: (has) => next(has + 1_000),
    Gold: (has) => has,
  },
})
const boxTree = () => supervisor('root', {}, [entities(box)])
const directoryFor = (t: { teardown(fn: () => void): void }): string => {
  const directory = mkdtempSync(join(tmpdir(), 'tumen-snapshots-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}
const lostCount = (node: { status(): { counters: Readonly<Record<string, number>> } }): number =>
  node.status().counters['events_state_lost_total'] ?? 0

t.test('sources - the last node to leave writes a snapshot, and the next start reads it once', async (t) => {
  const directory = directoryFor(t)
  const snapshots = snapshotFiles(directory)
  const c = await testCluster(t, { nodes: ['n1', 'n2', 'n3'], later: ['n3'], tree: boxTree, snapshots })
  const ids = Array.from({ length: 20 }, (_, i) => VaultId(`b${i}`))
  for (const [i, id] of ids.entries())
    t.equal(await c.node.n1.ref(Box, id).ask(Box.Put({ gold: i + 1 }), { reqId: `r${i}` }), i + 1)
  const [a] = ids
  if (a === undefined) return
  await c.node.n1.ref(Box, a).ask(Box.Later({ gold: 50, afterMs: 60_000 }))
  await c.stop('n1')
  t.same(readdirSync(directory), [], 'somebody is left')
  await c.stop('n2')
  t.ok(readdirSync(directory).length > 0, 'the last one has written')
  await c.start('n1')
  const two = c.start('n2')
  await two
  for (const [i, id] of ids.entries()) {
    const asked = c.node.n2.ref(Box, id).ask(Box.Put({ gold: 99 }), { reqId: `r${i}`, timeoutMs: 30_000 })
    await c.waitUntil('it answers as before', async () => (await asked) === i + 1, { deadlineMs: 30_000 })
  }
  t.same(readdirSync(directory), [], 'read once, and gone')
  t.equal(lostCount(c.node.n1) + lostCount(c.node.n2), 0, 'nothing is told as lost')
  await c.advance(70_000)
  t.equal(await c.node.n1.ref(Box, a).ask(Box.Gold()), 51, 'its timer went on')

  // What came from the snapshot is mirrored like everything else.
  const owner = c.node.n1.where(Box, a).isHere ? 'n1' : 'n2'
  const other = owner === 'n1' ? 'n2' : 'n1'
  c.kill(owner)
  const asked = c.node[other].ref(Box, a).ask(Box.Gold(), { timeoutMs: 30_000 })
  await c.waitUntil('the mirror has it', async () => (await asked) === 51, { deadlineMs: 30_000 })
  t.equal(lostCount(c.node[other]), 0)
})

t.test('sources - a snapshot that is broken, old or does not fit is set aside and told', async (t) => {
  const directory = directoryFor(t)
  const snapshots = snapshotFiles(directory)
  const c = await testCluster(t, { nodes: ['n1'], tree: boxTree, snapshots, config: { shardCount: 1 } })
  const a = VaultId('a')
  const files = () => readdirSync(directory)
  const path = join(directory, 'test.box.0.json')
  const restart = async (change: (text: string) => string): Promise<void> => {
    for (const [one, gold] of [
      [a, 5],
      [VaultId('b'), 6],
    ] as const) {
      const put = () => c.node.n1.ref(Box, one).ask(Box.Put({ gold }))
      // The first one is told of what the restart before has lost.
      await put().catch(put)
    }
    await c.stop('n1')
    writeFileSync(path, change(readFileSync(path, 'utf8')))
    await c.start('n1')
    await c.waitUntil('it was looked at', () => !files().includes('test.box.0.json'), { deadlineMs: 30_000 })
    await c.advance(10)
  }
  const goldOf = async (id: VaultId): Promise<unknown> => {
    const ref = c.node.n1.ref(Box, id)
    const first = await failure(ref.ask(Box.Gold()))
    return first === 'StateLost' ? first : ref.ask(Box.Gold())
  }
  await restart((text) => text)
  t.same(await Promise.all([a, VaultId('b')].map(goldOf)), [5, 6], 'a good one is taken')
  t.same(files(), [])

  await restart((text) => text.slice(0, -10))
  const told = () => c.node.n1.status().counters['events_snapshot_set_aside_total'] ?? 0
  t.equal(files().length, 1, 'cut off: set aside')
  t.equal(told(), 1, 'and told')
  t.same(await Promise.all([a, VaultId('b')].map(goldOf)), ['StateLost', 'StateLost'])

  await restart((text) => text.replace(/"gen":\d+/, '"gen":1'))
  t.equal(files().length, 2, 'of an older life: set aside')
  t.equal(told(), 1)

  await restart((text) => text.replace(/(\["a",\d+,"live",\d+,)\d+/, '$1"many"'))
  t.equal(files().length, 3, 'in part: what fits is taken')
  t.equal(told(), 1)
  t.equal(await goldOf(VaultId('b')), 6)
  t.equal(await goldOf(a), 0, 'and the other begins anew')
  t.ok(
    files().every((name) => /^test\.box\.0\.json\.aside-\d+$/.test(name)),
    files().join(),
  )
})
