import t, { type Test } from 'tap'
import { nodeId } from '../../lib/ids.js'
import { noneReached } from '../../lib/limits.js'
import { createLinks } from '../../lib/links/links.js'
import { nats } from '../../lib/nats.js'
import { purgeAfterMs } from '../../lib/records/records.js'
import type { Clock } from '../../lib/std/clock.js'
import { systemClock, systemRandom } from '../../lib/std/system.js'
import type { LinkStatus, Session } from '../../lib/transport/transport.js'
import { createOn, latestOn } from '../fixtures/conformance/records.js'
import { numbered } from '../fixtures/conformance/transport.js'
import { natsHarness } from '../fixtures/nats-harness.js'
import { eventually, jetStreamConfig, startNatsServer } from '../fixtures/nats-server.js'

const until = async (what: string, condition: () => boolean): Promise<void> => {
  await eventually(what, () => condition() || undefined)
}
const listening = async (session: Session, node: string): Promise<number[]> => {
  const arrived: number[] = []
  await new Promise<void>((resolve) => {
    session.listen(node, { onFrame: (frame) => arrived.push(Buffer.from(frame).readUInt32BE(0)) }, resolve)
  })
  return arrived
}
const statuses = (session: Session): LinkStatus[] => {
  const seen: LinkStatus[] = []
  session.onStatus((status) => seen.push(status))
  return seen
}
const b = nodeId('b', 1)

t.test(
  'nats faults - a server that is killed and started again: nothing is sent meanwhile, all goes on after',
  async (t) => {
    const server = await startNatsServer(t)
    const harness = natsHarness(t, { servers: server.url })
    const [from, to] = [await harness.open('a'), await harness.open('b')]
    const arrived = await listening(to, b)
    const seen = statuses(from)
    const shown: string[] = []
    const watch = to.records.watch(
      'member',
      ({ chain, version }) => shown.push(`${chain}.${version}`),
      () => shown.push('live'),
    )
    t.teardown(() => watch.stop())
    t.equal(await createOn(harness, from.records, 'member.n1', 1), 'created')
    await until('the record is shown', () => shown.includes('member.n1.1'))
    const storeId = from.records.storeId

    await server.kill()
    await until('both see it', () => from.status() === 'down' && to.status() === 'down')
    from.send(b, 'data', numbered(1))
    t.equal(await createOn(harness, from.records, 'member.n1', 2), 'unknown')
    t.match(await latestOn(harness, from.records, 'member.n1'), { tag: 'failed', why: /not connected/ })
    const answers: string[] = []
    from.probe(b, 50, (answer) => answers.push(answer))
    await until('an answer', () => answers.length > 0)
    t.strictSame(answers, ['silent'])

    await server.restart()
    await until('both are back', () => from.status() === 'up' && to.status() === 'up')
    from.send(b, 'data', numbered(2))
    await until('a frame', () => arrived.length > 0)
    t.strictSame(arrived, [2], 'what was sent while it was down is not sent later')
    await until('the watch is live again', () => shown.filter((line) => line === 'live').length === 2)
    t.match(await latestOn(harness, from.records, 'member.n1'), { tag: 'found', record: { version: 1 } })
    t.equal(await createOn(harness, from.records, 'member.n1', 2), 'created')
    await until('the watch shows what comes', () => shown.includes('member.n1.2'))
    t.strictSame(
      shown.filter((line) => line !== 'live'),
      ['member.n1.1', 'member.n1.2'],
    )
    t.equal(from.records.storeId, storeId)
    t.strictSame(seen, ['down', 'up'])
  },
)

t.test('nats faults - a store that was lost is noticed, and its watch begins anew', async (t) => {
  const server = await startNatsServer(t)
  const harness = natsHarness(t, { servers: server.url })
  const { records } = await harness.open('a')
  const shown: string[] = []
  const watch = records.watch(
    'member',
    ({ chain, version }) => shown.push(`${chain}.${version}`),
    () => shown.push('live'),
  )
  t.teardown(() => watch.stop())
  await createOn(harness, records, 'member.n1', 1)
  await createOn(harness, records, 'member.n1', 2)
  const storeId = records.storeId
  await server.restart(jetStreamConfig(`${server.directory}/empty`))
  await until('the watch is live again', () => shown.filter((line) => line === 'live').length === 2)
  t.not(records.storeId, storeId)
  t.ok(Number(records.storeId) > Number(storeId))
  t.equal(await createOn(harness, records, 'member.n1', 1), 'created')
  await until('the first version is shown again', () => shown.at(-1) === 'member.n1.1')
})

t.test('nats faults - a frozen server is noticed by its silence, and used again after', async (t) => {
  const server = await startNatsServer(t)
  const harness = natsHarness(t, { servers: server.url })
  const session = await harness.open('a')
  const seen = statuses(session)
  await server.freeze()
  const outcome = createOn(harness, session.records, 'member.n1', 1)
  await until('the silence is noticed', () => session.status() === 'down')
  t.equal(await outcome, 'unknown')
  server.thaw()
  await until('it is back', () => session.status() === 'up')
  t.match(await latestOn(harness, session.records, 'member.n1'), { tag: /found|none/ })
  t.strictSame(seen, ['down', 'up'])
})

const leftOpen = (): string[] =>
  process.getActiveResourcesInfo().filter((one) => one !== 'PipeWrap' && one !== 'ProcessWrap')

t.test('nats faults - closing leaves nothing open, also when the server is away or frozen', async (t) => {
  const server = await startNatsServer(t)
  const harness = natsHarness(t, { servers: server.url })
  const nothing = async (): Promise<void> => {
    await until(
      `nothing is left: ${leftOpen().join()}`,
      () => !leftOpen().some((one) => /TCP|Timeout/.test(one) && !isOurs(one)),
    )
  }
  const isOurs = (one: string): boolean =>
    one === 'Timeout' && leftOpen().filter((other) => other === 'Timeout').length <= 1
  for (const meanwhile of [() => undefined, () => server.freeze(), () => server.kill()]) {
    const session = await harness.open('a')
    await listening(session, nodeId('a', 1))
    session.records.watch(
      'member',
      () => undefined,
      () => undefined,
    )
    await meanwhile()
    await session.close()
    t.equal(session.status(), 'closed')
    server.thaw()
    await nothing()
  }
  t.pass('nothing was left')
})

t.test(
  'nats faults - a message that is larger than the server allows is refused where it is sent',
  async (t) => {
    const server = await startNatsServer(
      t,
      (directory) => `${jetStreamConfig(directory)}\nmax_payload: 65536`,
    )
    const session = await natsHarness(t, { servers: server.url }).open('a')
    t.equal(session.facts.frameBytesMax, 65_536)
    const problems: unknown[] = []
    const links = createLinks({
      session,
      clock: systemClock,
      self: nodeId('a', 1),
      config: { frameBytesMax: 524_288 },
      reached: noneReached(),
      deliver: () => undefined,
      onProblem: (_to, _envelope, problem) => problems.push(problem),
    })
    t.teardown(() => links.close())
    t.notOk(links.send(b, { type: 'control', verb: 'large', body: new Uint8Array(65_536) }))
    t.match(problems, [{ tag: 'TooLarge', bytesMax: 65_536 }])
    t.ok(links.send(b, { type: 'control', verb: 'fits', body: new Uint8Array(65_000) }))
    session.send(b, 'data', new Uint8Array(70_000))
    t.equal(session.status(), 'up')
  },
)

t.test('nats faults - of two processes that create at the same time never both win', async (t) => {
  const server = await startNatsServer(t)
  const harness = natsHarness(t, { servers: server.url })
  const all = [await harness.open('a'), await harness.open('b')]
  const won = new Map<number, number>()
  let answers = 0
  for (let i = 0; i < 2_000; i++) {
    for (const { records } of all) {
      records.create(`shard.pair.${i}`, 1, new Uint8Array(20), (outcome) => {
        answers++
        if (outcome === 'created') won.set(i, (won.get(i) ?? 0) + 1)
      })
    }
  }
  await until('all answers', () => answers === 4_000)
  t.equal(won.size, 2_000)
  t.ok([...won.values()].every((winners) => winners === 1))
})

/** Holds the timers of a minute and more until it is told to let them ring. */
const jumpingClock = (): Clock & { jump: (ms: number) => void } => {
  let ahead = 0
  const held: (() => void)[] = []
  return {
    ...systemClock,
    monotonic: () => systemClock.monotonic() + ahead,
    after: (delayMs, fn) => {
      if (delayMs < purgeAfterMs) return systemClock.after(delayMs, fn)
      held.push(fn)
      return { cancel: () => void held.splice(held.indexOf(fn), 1) }
    },
    jump: (ms) => {
      ahead += ms
      for (const fn of held.splice(0)) fn()
    },
  }
}

const versionsOf = async (session: Session): Promise<string[]> => {
  const shown: string[] = []
  await new Promise<void>((resolve) => {
    const watch = session.records.watch(
      'member',
      ({ chain, version }) => shown.push(`${chain}.${version}`),
      () => {
        resolve()
        queueMicrotask(() => watch.stop())
      },
    )
  })
  return shown
}

t.test(
  'nats faults - superseded versions are purged after their time, the highest stays',
  async (t: Test) => {
    const server = await startNatsServer(t)
    const harness = natsHarness(t, { servers: server.url })
    const clock = jumpingClock()
    const session = await nats({ servers: server.url }).open({
      cluster: harness.cluster,
      nodeName: 'a',
      clock,
      random: systemRandom,
    })
    t.teardown(() => session.close())
    for (let version = 1; version <= 5; version++)
      await createOn(harness, session.records, 'member.n1', version)
    await createOn(harness, session.records, 'member.n2', 1)
    clock.jump(purgeAfterMs - 1_000)
    await createOn(harness, session.records, 'member.n1', 6)
    t.strictSame(await versionsOf(session), [
      'member.n1.1',
      'member.n1.2',
      'member.n1.3',
      'member.n1.4',
      'member.n1.5',
      'member.n2.1',
      'member.n1.6',
    ])
    clock.jump(2_000)
    await eventually('five is superseded, but not for long enough', async () => {
      const shown = await versionsOf(session)
      return shown.join() === 'member.n1.5,member.n2.1,member.n1.6' || undefined
    })
    t.match(await latestOn(harness, session.records, 'member.n1'), { tag: 'found', record: { version: 6 } })
    t.match(await latestOn(harness, session.records, 'member.n2'), { tag: 'found', record: { version: 1 } })
  },
)
