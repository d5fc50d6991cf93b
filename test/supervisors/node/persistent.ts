import t, { type Test } from 'tap'
import {
  dynamic,
  memory,
  memoryEngine,
  type NodeEvent,
  type PersistenceEngine,
  startNode,
  supervisor,
  type Transport,
  type TumenNode,
  worker,
} from '../../../supervisors/index.js'
import { reasonOf } from '../../fixtures/kernel/counter.js'
import { eventually } from '../../fixtures/nats-server.js'
import { Account, account, entriesOf } from '../../fixtures/persistence/account.js'

const started = async (
  t: Test,
  transport: Transport,
  name: string,
  engine?: PersistenceEngine,
): Promise<TumenNode> => {
  const children = engine === undefined ? [] : [worker('account', account({ engine, snapshotEveryCount: 2 }))]
  const tree = supervisor('root', { intensity: 10 }, children)
  const node = await startNode({ cluster: 'test', name, transport, tree })
  t.teardown(() => node.stop())
  return node
}

t.test('persistent - another node asks again under its reqId, and it is applied once', async (t) => {
  const engine = memoryEngine()
  let isCut = true
  const broken: PersistenceEngine = {
    ...engine,
    persist: async (event) => {
      await engine.persist(event)
      if (isCut) throw new Error('the line is cut')
    },
  }
  const transport = memory()
  const owner = await started(t, transport, 'owner', broken)
  const other = await started(t, transport, 'other')
  const ref = other.remote('owner', Account)
  await eventually('the nodes know each other', () => other.status().members.length === 2)
  const pay = (): Promise<unknown> => ref.ask(Account.Pay({ amount: 7 }), { reqId: 'r1' })
  t.match(await reasonOf(pay()), { tag: 'UnknownOutcome' })
  isCut = false
  t.equal(await pay(), 7, 'the supervisor has begun it again, and the reply was kept')
  t.equal(await ref.ask(Account.Pay({ amount: 1 })), 8)
  t.equal((await entriesOf(engine, 'account-1')).length, 2)
  t.match(owner.tree().children, [{ id: 'account', restarts: 1 }])
  await Promise.all([owner.stop(), other.stop()])
  const next = await started(t, memory(), 'owner', engine)
  t.same(await next.local(Account).ask(Account.Look()), { gold: 8, notes: [] })
  t.equal(await next.local(Account).ask(Account.Pay({ amount: 7 }), { reqId: 'r1' }), 7, 'by another process')
})

t.test('persistent - a snapshot that cannot be written is an event of the node', async (t) => {
  const engine: PersistenceEngine = {
    ...memoryEngine(),
    takeSnapshot: () => Promise.reject(new Error('disk full')),
  }
  const node = await started(t, memory(), 'owner', engine)
  const events: NodeEvent[] = []
  node.listen((event) => events.push(event))
  await node.local(Account).ask(Account.Pay({ amount: 1 }))
  t.equal(await node.local(Account).ask(Account.Pay({ amount: 1 })), 2)
  await eventually('it is told', () => events.some(({ tag }) => tag === 'SnapshotFailed'))
  t.match(
    events.find(({ tag }) => tag === 'SnapshotFailed'),
    { level: 'warn', sentence: /^The snapshot of actor root\/account was not written: disk full/ },
  )
})

t.test(
  'persistent - one actor per key below a dynamic supervisor, stopped when idle and started again',
  async (t) => {
    const engine = memoryEngine()
    const tree = supervisor('root', {}, [dynamic('accounts', { restart: 'transient' })])
    const node = await startNode({ cluster: 'test', transport: memory(), tree })
    t.teardown(() => node.stop())
    const startOne = (key: string) => node.start('accounts', account({ engine, key, idleMs: 20 }))
    const [ada, bob] = [await startOne('ada'), await startOne('bob')]
    const ended = new Promise((resolve) => node.monitor(ada, ({ reason }) => resolve(reason.tag)))
    t.equal(await ada.ask(Account.Pay({ amount: 3 })), 3)
    t.equal(await bob.ask(Account.Pay({ amount: 5 })), 5)
    t.equal(await ended, 'normal')
    t.match(await reasonOf(ada.ask(Account.Look())), { tag: 'NoRecipient' })
    t.match(await (await startOne('ada')).ask(Account.Look()), { gold: 3 })
  },
)
