import * as io from 'io-ts'
import t from 'tap'
import {
  act,
  AskFailed,
  disposable,
  entities,
  id,
  kind,
  message,
  next,
  protocol,
  rebuilt,
  reply,
  type StateSource,
  supervisor,
} from '../../../supervisors/index.js'
import { testCluster } from '../../../supervisors/testing.js'

const VaultId = id('VaultId')
const Vault = protocol('vault', VaultId, {
  Put: message({ gold: io.number }).replies(io.number),
  Note: message({ gold: io.number }),
  Fall: message().replies(),
  End: message(),
  Gold: message().reads(io.number),
})
const vault = (state: StateSource<number>, activate: 'spawn' | 'first-message' = 'first-message') =>
  kind(Vault, {
    state,
    activate,
    init: () => 0,
    on: {
      Put: (gold, { gold: more }) => reply(gold + more, gold + more),
      Note: (gold, { gold: more }) => next(gold + more),
      Fall: () => {
        throw new Error('fell')
      },
      End: (gold) => next(gold, act.stop()),
      Gold: (gold) => gold,
    },
  })
const reasonOf = (error: unknown): unknown => (error instanceof AskFailed ? error.reason.tag : error)
const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(() => 'it was fulfilled', reasonOf)
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
