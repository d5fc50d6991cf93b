import fc from 'fast-check'
import { connect } from 'nats'
import t, { type Test } from 'tap'
import { type LocalRef, StartFailed } from '../../lib/index.js'
import { Kernel } from '../../lib/kernel/kernel.js'
import { jetStreamEngine, type JetStreamEngine, type JetStreamEngineOptions } from '../../lib/nats.js'
import { systemClock } from '../../lib/std/system.js'
import { reasonOf } from '../fixtures/kernel/counter.js'
import { startActor } from '../fixtures/kernel/index.js'
import { eventually, hasNatsServer, type NatsServer } from '../fixtures/nats-server.js'
import { startNatsServer, startThreeNatsServers } from '../fixtures/nats-server.js'
import { Account, account, entriesOf, entry } from '../fixtures/persistence/account.js'
import { engineTests } from '../fixtures/persistence/engine.js'
import { entityTests } from '../fixtures/persistence/entities.js'
import { commandsOf, runModel } from '../fixtures/persistence/model.js'

t.setTimeout(180_000)
const skip = hasNatsServer() ? false : 'not a machine with nats-server: install it, or put it on the PATH'

const opened = async (
  t: Test,
  server: NatsServer,
  options: Partial<JetStreamEngineOptions> = {},
): Promise<JetStreamEngine> => {
  const engine = await jetStreamEngine({ name: 'test', servers: server.url, ...options })
  t.teardown(() => engine.close())
  return engine
}
const started = (t: Test, engine: JetStreamEngine) => {
  const kernel = new Kernel({ clock: systemClock })
  t.teardown(() => kernel.kill())
  const it = startActor(kernel, account({ engine, key: 'k', snapshotEveryCount: 5 }))
  return { ...it, ref: it.actor.ref as unknown as LocalRef<'account'> }
}

t.test('JetStream engine', { skip }, async (t) => {
  const server = await startNatsServer(t)
  let count = 0
  engineTests(t, 'JetStream engine', async (t) => {
    const name = `test-${++count}`
    return [await opened(t, server, { name }), await opened(t, server, { name })]
  })
  entityTests(t, 'JetStream engine', async (t) => {
    const name = `test-${++count}`
    return [await opened(t, server, { name }), await opened(t, server, { name })]
  })
})

t.test(
  'JetStream engine - three servers keep one of several writes, and all see the same',
  { skip },
  async (t) => {
    const servers = await startThreeNatsServers(t)
    const engines: JetStreamEngine[] = []
    for (const server of servers) engines.push(await opened(t, server, { waitMs: 30_000 }))
    const kept: string[] = []
    for (let n = 1; n <= 40; n++) {
      const writes = await Promise.allSettled(
        engines.map(async (engine, i) => engine.persist(entry('k', n, `${n}-${i}`))),
      )
      const winners = writes.flatMap(({ status }, i) => (status === 'fulfilled' ? [`${n}-${i}`] : []))
      if (winners.length !== 1) t.match(writes, [{ reason: { code: 'SequenceTaken' } }], `round ${n}`)
      t.equal(winners.length, 1, 'one was confirmed')
      kept.push(...winners)
    }
    for (const engine of engines)
      t.same(
        (await entriesOf(engine, 'k')).map(({ data }) => data),
        kept,
      )
  },
)

t.test('persistent on JetStream - a server killed in the middle loses nothing', { skip }, async (t) => {
  const server = await startNatsServer(t)
  const engine = await opened(t, server)
  const [commands = []] = fc.sample(commandsOf(60, 60), { numRuns: 1, seed: 7 })
  let restarts: Promise<void> = Promise.resolve()
  const meanwhile = (i: number): void => {
    if (i % 20 === 10) restarts = server.kill().then(() => server.restart())
  }
  const run = { engine, key: 'k', commands, snapshotEveryCount: 7, meanwhile }
  const { actual, expected, unknownCount } = await runModel(run)
  await restarts
  t.same(actual, expected)
  t.comment(`${unknownCount} outcomes were unknown`)
})

t.test(
  'persistent on JetStream - while no server is there a write is UnknownOutcome',
  { skip },
  async (t) => {
    const server = await startNatsServer(t)
    const it = started(t, await opened(t, server, { waitMs: 300 }))
    t.equal(await it.ref.ask(Account.Pay({ amount: 3 })), 3)
    await server.kill()
    t.match(await reasonOf(it.ref.ask(Account.Pay({ amount: 4 }))), { tag: 'UnknownOutcome' })
    t.match(it.ended, [{ error: { code: 'WriteFailed', message: /^Entry 2 .* is not connected$/ } }])
    await server.restart()
    const begin = (): Promise<boolean> =>
      new Promise((resolve) => it.actor.begin(({ tag }) => resolve(tag === 'started')))
    await eventually('it begins again', begin)
    t.equal(await it.ref.ask(Account.Pay({ amount: 5 })), 8)
  },
)

t.test('persistent on JetStream - what is no entry stops the actor and stays', { skip }, async (t) => {
  const server = await startNatsServer(t)
  const engine = await opened(t, server)
  await engine.persist(entry('k', 1, { tag: 'Paid', amount: 1 }))
  const nc = await connect({ servers: server.url })
  t.teardown(() => nc.close())
  await nc.request('tumen.test.j.k', 'not JSON')
  const { failures } = started(t, engine)
  await eventually('the start has failed', () => failures.length > 0)
  t.match(failures, [
    {
      code: 'Corrupt',
      message:
        /^Entry 2 of the journal "k" cannot be replayed: message 2 of the stream tumen_test_journal is no/,
    },
  ])
  const { state } = await (await nc.jetstreamManager()).streams.info('tumen_test_journal')
  t.equal(state.messages, 2)
})

t.test('JetStream engine - a server without JetStream is named', { skip }, async (t) => {
  const server = await startNatsServer(t, '')
  const open = jetStreamEngine({ name: 'test', servers: server.url, waitMs: 200 })
  await t.rejects(open, {
    code: 'NatsNotUsable',
    sentence: /cannot keep journals .*start nats-server with -js/,
  })
  await t.rejects(jetStreamEngine({ name: 'a b' }), StartFailed)
})

t.test(
  'JetStream engine - a write whose answer was lost is found, and not written twice',
  { skip },
  async (t) => {
    const server = await startNatsServer(t)
    const engine = await opened(t, server)
    await engine.persist(entry('k', 1, 'one'))
    await server.freeze()
    const written = engine.persist(entry('k', 2, 'two'))
    // Longer than the client waits for the answer, and for the connection: what it sent is taken after that.
    await new Promise((resolve) => systemClock.after(4_500, () => resolve(undefined)))
    server.thaw()
    await written
    const other = await opened(t, server)
    for (const each of [engine, other])
      t.match(await entriesOf(each, 'k'), [{ data: 'one' }, { data: 'two' }])
    t.equal((await entriesOf(other, 'k')).length, 2)
    await other.persist(entry('k', 3, 'three'))
  },
)
