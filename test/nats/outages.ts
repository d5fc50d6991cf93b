/** What outages of a real nats-server do to whole nodes, and that they go on by themselves. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from 'nats'
import t, { type Test } from 'tap'
import type { ConfigInput } from '../../lib/config.js'
import { AskFailed, StartFailed } from '../../lib/errors.js'
import { nodeId } from '../../lib/ids.js'
import { nats, type NatsOptions } from '../../lib/nats.js'
import { connectionOptions } from '../../lib/transport/nats-address.js'
import { disconnectedIn } from '../../lib/transport/nats-advisories.js'
import { recordsStream } from '../../lib/wire/subjects.js'
import { startNode, type TumenNode } from '../../supervisors/index.js'
import { LinkProxy } from '../fixtures/chaos/proxy.js'
import { Counter, CounterId, counterTree } from '../fixtures/counter-app.js'
import { natsHarness } from '../fixtures/nats-harness.js'
import { eventually, jetStreamConfig, type NatsServer, startNatsServer } from '../fixtures/nats-server.js'

const config: ConfigInput = { leaseMs: 2_000, leaseRenewMs: 400, leaseMarginMs: 400, shardCount: 64 }
const ids = Array.from({ length: 20 }, (_, i) => `c${i}`)

const start = async (
  t: Test,
  name: string,
  options: NatsOptions,
  more: ConfigInput = {},
): Promise<TumenNode> => {
  const node = await startNode({
    cluster: 'trial',
    name,
    transport: nats(options),
    tree: counterTree(),
    config: { ...config, ...more },
  })
  t.teardown(() => node.stop({ drainMs: 0, limitMs: 5_000 }))
  return node
}
const proxyOf = async (t: Test, server: NatsServer): Promise<LinkProxy> => {
  const proxy = await LinkProxy.open(Number(new URL(server.url).port))
  t.teardown(() => proxy.close())
  return proxy
}
const add = (node: TumenNode, id = 'c0') =>
  node.ref(Counter, CounterId(id)).ask(Counter.Add({ n: 1 }), { timeoutMs: 10_000 })
const totals = (node: TumenNode) =>
  Promise.all(ids.map((id) => node.ref(Counter, CounterId(id)).ask(Counter.Total(), { timeoutMs: 10_000 })))
const until = (what: string, holds: () => boolean): Promise<unknown> =>
  eventually(what, () => holds() || undefined, 20_000)
const sees = (node: TumenNode, other: string): boolean =>
  node.status().members.some(({ node: id, status }) => id === other && status === 'ready')

const withSystem = (directory: string): string =>
  `${jetStreamConfig(directory)}
  accounts {
    SYS: { users: [{ user: sys, password: hunter2 }] }
    APP: { jetstream: enabled, users: [{ user: app, password: hunter2 }] }
  }
  system_account: SYS`
const as = (user: string, url: string): string => url.replace('//', `//${user}:hunter2@`)

t.test('nats outages - with a system account a node whose connection ends is missed at once', async (t) => {
  const server = await startNatsServer(t, withSystem)
  const proxy = await proxyOf(t, server)
  const systemAccount = { servers: as('sys', server.url) }
  const slow = { probeMs: 1_500 }
  const a = await start(t, 'a', { servers: as('app', server.url), systemAccount }, slow)
  const b = await start(t, 'b', { servers: as('app', proxy.url), systemAccount }, slow)
  await until('both see each other', () => sees(a, 'b#1') && sees(b, 'a#1'))
  const from = performance.now()
  // Who has only just come up is no witness.
  await until('a while', () => performance.now() - from > 2_500)
  const cutAt = performance.now()
  proxy.cut()
  await until('it is missed', () => !sees(a, 'b#1'))
  const tookMs = Math.round(performance.now() - cutAt)
  t.ok(tookMs < 700, `missed after ${tookMs} ms, less than half of the time between two probes`)
  t.ok((a.status().counters['membership_disconnects_heard_total'] ?? 0) > 0)
  proxy.heal()
  await until('it is back as a new one', () => sees(a, 'b#2'))
})

t.test('nats outages - advisories are hints about control connections of this cluster alone', async (t) => {
  const said = (name: string, reason: string) => JSON.stringify({ client: { name }, reason })
  const ended = disconnectedIn('c', said('tumen c n1 control', 'Client Closed'))
  t.same(ended, { nodeName: 'n1', isSudden: true })
  const stale = disconnectedIn('c', said('tumen c n1 control', 'Stale Connection'))
  t.same(stale, { nodeName: 'n1', isSudden: false })
  for (const other of [
    said('tumen c n1 data', 'Client Closed'),
    said('tumen d n1 control', 'Client Closed'),
    said('tumen c n1 control', 'Server Shutdown'),
    '{"client":{}}',
    'no JSON',
  ])
    t.equal(disconnectedIn('c', other), undefined, other)
})

t.test('nats outages - a system account that is none ends the start with a sentence', async (t) => {
  const server = await startNatsServer(t, withSystem)
  const app = as('app', server.url)
  const failed = async (systemAccount: NonNullable<NatsOptions['systemAccount']>): Promise<StartFailed> => {
    try {
      await start(t, 'a', { servers: app, systemAccount })
    } catch (error) {
      if (error instanceof StartFailed) return error
      throw error
    }
    throw new Error('it started')
  }
  t.match(await failed({ servers: as('nobody', server.url) }), { code: 'NoNats', sentence: /credentials/ })
  const denied = server.url
  const limited = `${withSystem(server.directory).replace(
    'password: hunter2 }] }\n    APP',
    'password: hunter2, permissions: { subscribe: "x" } }] }\n    APP',
  )}`
  server.reload(limited)
  const refused = await eventually('it is refused', async () => {
    const error = await failed({ servers: as('sys', denied) }).catch(() => undefined)
    return error?.code === 'NatsNotUsable' ? error : undefined
  })
  t.match(refused.sentence, /may not subscribe to "\$SYS\.ACCOUNT/)
})

t.test('nats outages - the defaults of the client that are wrong here are set', async (t) => {
  const options = connectionOptions({}, 'tumen c n1 data', 'c')
  t.match(options, {
    // Two minutes by default: a half-open link would outlive every lease.
    pingInterval: 1_000,
    maxPingOut: 2,
    // Ten attempts by default, and what was published between two dials is thrown away without a word.
    reconnect: false,
    // Twenty seconds by default.
    timeout: 3_000,
    // Two stack traces for each request by default.
    noAsyncTraces: true,
    inboxPrefix: 'tumen.c.i',
    name: 'tumen c n1 data',
  })
  t.equal(options.noEcho, undefined, 'what a node sends to itself comes back: its own probe proves its inbox')
})

t.test('nats outages - a slow consumer is cut, others go on, and it comes back', async (t) => {
  const server = await startNatsServer(
    t,
    (directory) => `${jetStreamConfig(directory)}\nmax_pending: 1048576\nwrite_deadline: "1s"`,
  )
  const proxy = await proxyOf(t, server)
  const fast = natsHarness(t, { servers: server.url })
  const a = await fast.open('a')
  const b = await nats({ servers: proxy.url }).open({
    cluster: fast.cluster,
    nodeName: 'b',
    clock: (await import('../../lib/std/system.js')).systemClock,
    random: (await import('../../lib/std/system.js')).systemRandom,
  })
  t.teardown(() => b.close())
  const id = nodeId('b', 1)
  let arrived = 0
  await new Promise<void>((resolve) => b.listen(id, { onFrame: () => arrived++ }, resolve))
  const seen: string[] = []
  a.onStatus((status) => seen.push(`a ${status}`))
  b.onStatus((status) => seen.push(`b ${status}`))
  proxy.stall('down')
  let sent = 0
  await eventually('it is cut', () => {
    for (let i = 0; i < 20; i++, sent++) a.send(id, 'data', new Uint8Array(65_536))
    return seen.includes('b down') || undefined
  })
  proxy.heal()
  await until('it is back', () => b.status() === 'up')
  arrived = 0
  await eventually('frames arrive', () => {
    a.send(id, 'data', new Uint8Array(10))
    return arrived > 0 || undefined
  })
  t.ok(sent > 100, `after ${sent} frames of 64 KiB`)
  t.same(
    seen.filter((one) => one.startsWith('a')),
    [],
    'who sent is not touched',
  )
})

t.test('nats outages - credentials that are revoked freeze a node until they are given back', async (t) => {
  const right = (directory: string): string =>
    `${jetStreamConfig(directory)}\nauthorization { users: [{ user: app, password: hunter2 }] }`
  const server = await startNatsServer(t, right)
  const node = await start(t, 'a', { servers: as('app', server.url) })
  t.equal(await add(node), 1)
  server.reload(right(server.directory).replace('user: app', 'user: other'))
  await until('it is frozen', () => node.status().status === 'frozen')
  const refused = await node
    .ref(Counter, CounterId('c0'))
    .ask(Counter.Total(), { timeoutMs: 300 })
    .catch((error: unknown) => error)
  t.ok(refused instanceof AskFailed)
  server.reload(right(server.directory))
  await until('it is ready', () => node.status().status === 'ready')
  t.equal(await add(node), 2, 'with what it had')
  t.equal(node.id, 'a#1')
})

t.test('nats outages - a server that takes less than a payload is refused with both figures', async (t) => {
  const server = await startNatsServer(t, (directory) => `${jetStreamConfig(directory)}\nmax_payload: 65536`)
  await t.rejects(start(t, 'a', { servers: server.url }), {
    code: 'InvalidConfig',
    sentence: /^payloadBytesMax: expected at most 64512, because the server takes messages of 65536 bytes/,
  })
  const node = await start(t, 'a', { servers: server.url }, { payloadBytesMax: 64_512 })
  t.equal(await add(node), 1)
})

t.test('nats outages - the server is killed and comes back: nobody is declared dead', async (t) => {
  const server = await startNatsServer(t)
  const nodes = await Promise.all(['a', 'b', 'c'].map((name) => start(t, name, { servers: server.url })))
  const [a, b] = nodes
  if (!a || !b) return
  for (const id of ids) await add(a, id)
  for (const downMs of [100, 2 * (config.leaseMs ?? 0)]) {
    const from = performance.now()
    await server.kill()
    await until('it was down', () => performance.now() - from > downMs)
    await server.restart()
    await until('all are ready', () => nodes.every((node) => node.status().status === 'ready'))
    for (const id of ids) await add(b, id)
  }
  t.same(await totals(a), Array(ids.length).fill(3))
  t.same(
    nodes.map((node) => node.id),
    ['a#1', 'b#1', 'c#1'],
    'also when it was away for longer than a lease',
  )
})

const deleteRecords = async (server: NatsServer): Promise<void> => {
  const outside = await connect({ servers: server.url, noAsyncTraces: true })
  await (await outside.jetstreamManager()).streams.delete(recordsStream('trial'))
  await outside.close()
}

t.test(
  'nats outages - records that are deleted under running nodes are noticed, and no older epoch wins',
  async (t) => {
    const server = await startNatsServer(t)
    const proxy = await proxyOf(t, server)
    const a = await start(t, 'a', { servers: server.url })
    const b = await start(t, 'b', { servers: proxy.url })
    await until('both see each other', () => sees(a, 'b#1') && sees(b, 'a#1'))
    for (const id of ids) for (let i = 0; i < 5; i++) await add(a, id)
    t.ok(
      ids.some((id) => b.where(Counter, CounterId(id)).isHere),
      'b owns some',
    )
    // Each takeover raises epochs in the old store, which the new one begins again.
    proxy.cut()
    await until('a has all of them', () => ids.every((id) => a.where(Counter, CounterId(id)).isHere))
    const epochs = ids.map((id) => a.where(Counter, CounterId(id)).epoch)
    await deleteRecords(server)
    await until('a has noticed', () => a.status().counters['node_rejoins_total'] === 1 && sees(a, a.id))
    for (const id of ids) {
      await t.rejects(add(a, id), { code: 'StateLost' }, 'the first ask to each is told')
      t.equal(await add(a, id), 1, 'it began anew')
    }
    proxy.heal()
    await until('b has noticed', () => (b.status().counters['node_rejoins_total'] ?? 0) > 0 && sees(a, b.id))
    await until('b is ready', () => b.status().status === 'ready')
    t.same(await totals(b), Array(ids.length).fill(1), 'what b knew of the old store is nothing')
    t.same(await totals(a), await totals(b))
    t.ok(
      ids.some((id, i) => a.where(Counter, CounterId(id)).epoch < (epochs[i] ?? 0)),
      'although its epochs were higher',
    )
  },
)

t.test('nats outages - a store that is lost with its server is made anew by who comes back', async (t) => {
  const server = await startNatsServer(t)
  const a = await start(t, 'a', { servers: server.url })
  t.equal(await add(a), 1)
  await server.kill()
  rmSync(join(server.directory, 'js'), { recursive: true, force: true })
  await server.restart()
  await until('it has joined the new store', () => a.status().counters['node_rejoins_total'] === 1)
  await until('it is ready', () => a.status().status === 'ready')
  await t.rejects(add(a), { code: 'StateLost' }, 'the first ask is told')
  t.equal(await add(a), 1, 'empty, as the store does not know what there was')
})
