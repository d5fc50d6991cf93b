import fc from 'fast-check'
import t from 'tap'
import type { LocalRef } from '../../lib/index.js'
import { Kernel } from '../../lib/kernel/kernel.js'
import { systemClock } from '../../lib/std/system.js'
import { reasonOf } from '../fixtures/kernel/counter.js'
import { startActor } from '../fixtures/kernel/index.js'
import { Account, account, entriesOf, entry } from '../fixtures/persistence/account.js'
import { engineTests } from '../fixtures/persistence/engine.js'
import { entityTests } from '../fixtures/persistence/entities.js'
import { commandsOf, runModel } from '../fixtures/persistence/model.js'
import { eventually } from '../fixtures/nats-server.js'
import { hasPostgres, nactPostgresEngine, startPostgres } from '../fixtures/postgres.js'

t.setTimeout(180_000)
const skip = hasPostgres() ? false : 'not a machine with PostgreSQL: install postgresql'

t.test('PostgreSQL engine of nact', { skip }, async (t) => {
  const server = await startPostgres(t)
  let count = 0
  engineTests(t, 'PostgreSQL engine of nact', async (t) => {
    const prefix = `t${++count}_`
    const one = await nactPostgresEngine(t, server, prefix)
    return [one, await nactPostgresEngine(t, server, prefix)]
  })

  entityTests(t, 'PostgreSQL engine of nact', async (t) => {
    const prefix = `e${++count}_`
    const one = await nactPostgresEngine(t, server, prefix)
    return [one, await nactPostgresEngine(t, server, prefix)]
  })

  t.test('persistent on PostgreSQL - of two actors the later writer stops, and says why', async (t) => {
    const kernel = new Kernel({ clock: systemClock })
    t.teardown(() => kernel.kill())
    const one = startActor(kernel, account({ engine: await nactPostgresEngine(t, server, 'f_') }), 'one')
    const other = startActor(kernel, account({ engine: await nactPostgresEngine(t, server, 'f_') }), 'other')
    const refs = [one, other].map(({ actor }) => actor.ref as unknown as LocalRef<'account'>)
    await Promise.all(refs.map((ref) => ref.ask(Account.Look())))
    t.equal(await refs[0]?.ask(Account.Pay({ amount: 2 })), 2)
    t.match(await reasonOf(refs[1]?.ask(Account.Pay({ amount: 5 })) as Promise<unknown>), { tag: 'Crashed' })
    t.match(other.ended, [
      { error: { code: 'Taken', message: /^Another actor writes the journal "account-1"/ } },
    ])
    t.equal(await refs[0]?.ask(Account.Pay({ amount: 2 })), 4)
  })

  t.test('persistent on PostgreSQL - an entry that does not decode stops the actor and stays', async (t) => {
    const engine = await nactPostgresEngine(t, server, 'c_')
    await engine.persist(entry('account-1', 1, { tag: 'Paid', amount: 1 }))
    await engine.persist(entry('account-1', 2, { tag: 'Paid', amount: 'ten' }))
    const kernel = new Kernel({ clock: systemClock })
    t.teardown(() => kernel.kill())
    const { failures } = startActor(kernel, account({ engine }))
    await eventually('the start has failed', () => failures.length > 0)
    t.match(failures, [{ code: 'Corrupt', message: /^Entry 2 of the journal "account-1".*amount: expected/ }])
    t.equal((await entriesOf(engine, 'account-1')).length, 2)
  })

  t.test('persistent on PostgreSQL - a server killed in the middle loses nothing', async (t) => {
    const engine = await nactPostgresEngine(t, server, 'k_')
    const [commands = []] = fc.sample(commandsOf(60, 60), { numRuns: 1, seed: 11 })
    let restarts: Promise<void> = Promise.resolve()
    const meanwhile = (i: number): void => {
      if (i % 20 === 10) restarts = server.kill().then(server.start)
    }
    const run = { engine, key: 'k', commands, snapshotEveryCount: 7, meanwhile }
    const { actual, expected, unknownCount } = await runModel(run)
    await restarts
    t.same(actual, expected)
    t.ok(unknownCount > 0, `${unknownCount} outcomes were unknown`)
  })
})
