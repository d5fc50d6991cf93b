import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { StartFailed } from '../../lib/errors.js'
import { nats, type NatsOptions } from '../../lib/nats.js'
import { systemClock, systemRandom } from '../../lib/std/system.js'
import { natsHarness } from '../fixtures/nats-harness.js'
import { createJwtOperator } from '../fixtures/nats-jwt.js'
import { eventually, hasNatsServer, jetStreamConfig, startNatsServer } from '../fixtures/nats-server.js'

const failureOf = async (options: NatsOptions, cluster = 'c1'): Promise<StartFailed> => {
  try {
    const session = await nats(options).open({
      cluster,
      nodeName: 'n1',
      clock: systemClock,
      random: systemRandom,
    })
    await session.close()
  } catch (error) {
    if (error instanceof StartFailed) return error
    throw error
  }
  throw new Error('it started')
}

/** Nothing of a failed start is left: no socket, no timer. */
const leavesNothing = async (
  t: Test,
  options: NatsOptions,
  code: string,
  sentence: RegExp,
): Promise<void> => {
  const failed = await failureOf(options)
  t.equal(failed.code, code)
  t.match(failed.sentence, sentence)
  t.notMatch(failed.sentence, /hunter2/)
}

t.ok(hasNatsServer(), 'nats-server is installed')

t.test('nats start - nothing listens at the address', async (t) => {
  await leavesNothing(
    t,
    { servers: 'nats://me:hunter2@127.0.0.1:1' },
    'NoNats',
    /^Nothing listens at nats:\/\/127\.0\.0\.1:1: start nats-server/,
  )
})

t.test('nats start - something else listens at the address', async (t) => {
  const greetings = ['', 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n']
  for (const greeting of greetings) {
    const server = createServer((socket) => socket.on('error', () => {}).end(greeting))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.teardown(() => server.close())
    const { port } = server.address() as AddressInfo
    await leavesNothing(
      t,
      { servers: `127.0.0.1:${port}` },
      'NoNats',
      /^What listens at .* does not speak NATS/,
    )
  }
})

t.test('nats start - the host is not known', async (t) => {
  await leavesNothing(
    t,
    { servers: 'nats://no-such-host.invalid' },
    'NoNats',
    /^The host name in nats:\/\/no-such-host\.invalid:4222 is not known/,
  )
})

t.test('nats start - the address is none', async (t) => {
  for (const servers of ['http://127.0.0.1:4222', 'nats://', '::', 'nats://me:hunter2@']) {
    await leavesNothing(
      t,
      { servers },
      'NoNats',
      /is not an address of a NATS server such as nats:\/\/127\.0\.0\.1:4222/,
    )
  }
})

t.test('nats start - something else listens there, and says nothing', async (t) => {
  const mute = createServer((socket) => socket.on('error', () => undefined))
  await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve))
  const address = mute.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  await leavesNothing(
    t,
    { servers: `127.0.0.1:${port}`, connectTimeoutMs: 200 },
    'NoNats',
    /^No NATS server answered at .* in time/,
  )
  await new Promise((resolve) => mute.close(resolve))
})

t.test('nats start - the file of credentials is not there', async (t) => {
  await leavesNothing(
    t,
    { credentialsFile: '/no/such/file.creds' },
    'NoNats',
    /^The credentialsFile "\/no\/such\/file\.creds" cannot be read/,
  )
})

t.test('nats start - JetStream is off', async (t) => {
  const server = await startNatsServer(t, '')
  await leavesNothing(
    t,
    { servers: server.url },
    'NatsNotUsable',
    /^JetStream is off at nats:\/\/.*: start nats-server with -js/,
  )
})

t.test('nats start - credentials are taken from the address, wrong ones are refused', async (t) => {
  const server = await startNatsServer(
    t,
    (directory) =>
      `${jetStreamConfig(directory)}\nauthorization { users: [{ user: me, password: "hunter2/@" }] }`,
  )
  const right = server.url.replace('//', '//me:hunter2%2F%40@')
  t.equal((await natsHarness(t, { servers: right }).open('a')).status(), 'up')
  await leavesNothing(
    t,
    { servers: server.url.replace('//', '//me:wrong@') },
    'NoNats',
    /refused the credentials/,
  )
  await leavesNothing(t, { servers: server.url }, 'NoNats', /refused the credentials/)
  const garbage = join(server.directory, 'bad.creds')
  writeFileSync(garbage, 'hunter2')
  await leavesNothing(
    t,
    { servers: server.url, credentialsFile: garbage },
    'NoNats',
    /refused the credentials|failed/,
  )
})

t.test('nats start - a token in the address', async (t) => {
  const server = await startNatsServer(
    t,
    (directory) => `${jetStreamConfig(directory)}\nauthorization { token: "hunter2" }`,
  )
  t.equal(
    (await natsHarness(t, { servers: server.url.replace('//', '//hunter2@') }).open('a')).status(),
    'up',
  )
})

t.test('nats start - a file of credentials, which may be replaced while the node runs', async (t) => {
  const operator = createJwtOperator()
  const server = await startNatsServer(t, (directory) => `${jetStreamConfig(directory)}\n${operator.config}`)
  const credentialsFile = join(server.directory, 'user.creds')
  writeFileSync(credentialsFile, operator.credentials())
  const session = await natsHarness(t, { servers: server.url, credentialsFile }).open('a')
  t.equal(session.status(), 'up')
  await leavesNothing(t, { servers: server.url }, 'NoNats', /refused the credentials/)
  const seen: string[] = []
  session.onStatus((status) => seen.push(status))
  writeFileSync(credentialsFile, 'being replaced')
  await server.restart()
  await eventually('it is refused', () => seen.includes('down') || undefined)
  writeFileSync(credentialsFile, operator.credentials())
  await eventually('it is back', () => session.status() === 'up' || undefined)
  t.strictSame(seen, ['down', 'up'])
})

const pem = (name: string): string => fileURLToPath(new URL(`../fixtures/tls/${name}.pem`, import.meta.url))

t.test('nats start - TLS with a certificate on both sides', async (t) => {
  const server = await startNatsServer(
    t,
    (directory) =>
      `${jetStreamConfig(directory)}\ntls { cert_file: "${pem('server')}", ` +
      `key_file: "${pem('server-key')}", ` +
      `ca_file: "${pem('ca')}", verify: true }`,
  )
  const client = { certFile: pem('client'), keyFile: pem('client-key') }
  const session = await natsHarness(t, { servers: server.url, tls: { caFile: pem('ca'), ...client } }).open(
    'a',
  )
  t.equal(session.status(), 'up')
  await leavesNothing(
    t,
    { servers: server.url },
    'NoNats',
    /certificate of .* is not trusted: give tls\.caFile/,
  )
  await leavesNothing(t, { servers: server.url, tls: client }, 'NoNats', /certificate of .* is not trusted/)
  await leavesNothing(
    t,
    { servers: server.url, tls: { caFile: pem('ca') } },
    'NoNats',
    /^NATS at .* ended the connection|failed/,
  )
  await leavesNothing(t, { servers: server.url, tls: { caFile: '/no/such.pem' } }, 'NoNats', /no\/such\.pem/)
})

t.test('nats start - TLS is asked for and the server has none', async (t) => {
  const server = await startNatsServer(t)
  await leavesNothing(t, { servers: server.url.replace('nats:', 'tls:') }, 'NoNats', /do not agree/)
})

t.test('nats start - a missing permission is named, whichever it is', async (t) => {
  const all = ['tumen.c1.>', '$JS.API.>']
  const without = (subject: string) => ({
    publish: `allow: [${all.map((one) => `"${one}"`).join(', ')}], deny: ["${subject}"]`,
  })
  const cases: readonly (readonly [publish: string, subscribe: string, sentence: RegExp])[] = [
    [
      without('tumen.c1.n.>').publish,
      'allow: ["tumen.c1.>"]',
      /may not publish to "tumen\.c1\.n\.n1\.0\.d": allow it/,
    ],
    [without('nothing').publish, 'allow: ["tumen.c1.i.>"]', /may not subscribe to "tumen\.c1\.n\.n1\.0\.d"/],
    [without('nothing').publish, 'allow: ["tumen.c1.n.>"]', /may not subscribe to "tumen\.c1\.i\./],
    [
      'allow: ["tumen.c1.>"]',
      'allow: ["tumen.c1.>"]',
      /may not publish to "\$JS\.API\.STREAM\.INFO\.tumen_c1_records"/,
    ],
    [
      without('$JS.API.STREAM.CREATE.>').publish,
      'allow: ["tumen.c1.>"]',
      /may not publish to "\$JS\.API\.STREAM\.CREATE/,
    ],
    [
      without('$JS.API.STREAM.PURGE.>').publish,
      'allow: ["tumen.c1.>"]',
      /may not publish to "\$JS\.API\.STREAM\.PURGE/,
    ],
    [
      without('$JS.API.STREAM.MSG.GET.>').publish,
      'allow: ["tumen.c1.>"]',
      /may not publish to "\$JS\.API\.STREAM\.MSG\.GET/,
    ],
    [
      without('$JS.API.CONSUMER.CREATE.>').publish,
      'allow: ["tumen.c1.>"]',
      /may not publish to "\$JS\.API\.CONSUMER\.CREATE/,
    ],
    [
      without('$JS.API.CONSUMER.DELETE.>').publish,
      'allow: ["tumen.c1.>"]',
      /may not publish to "\$JS\.API\.CONSUMER\.DELETE/,
    ],
    [
      without('tumen.c1.r.>').publish,
      'allow: ["tumen.c1.>"]',
      /may not publish to "tumen\.c1\.r\.permission-check\.1"/,
    ],
  ]
  // The last ones need the stream, so its creation is refused before it exists.
  const users = cases.map(
    ([publish, subscribe], i) =>
      `{ user: u${i}, password: p, permissions: { publish: { ${publish} }, subscribe: { ${subscribe} } } }`,
  )
  const enough =
    '{ user: enough, password: p, permissions: ' +
    '{ publish: ["tumen.c1.>", "$JS.API.>"], subscribe: "tumen.c1.>" } }'
  const server = await startNatsServer(
    t,
    (directory) =>
      `${jetStreamConfig(directory)}\nauthorization { users: [${[...users, enough].join(', ')}] }`,
  )
  for (const [i, [, , sentence]] of cases.entries()) {
    if (i === 5)
      await nats({ servers: server.url.replace('//', '//enough:p@') })
        .open({ cluster: 'c1', nodeName: 'n1', clock: systemClock, random: systemRandom })
        .then((session) => session.close())
    await leavesNothing(t, { servers: server.url.replace('//', `//u${i}:p@`) }, 'NatsNotUsable', sentence)
  }
})

t.test('nats start - three replicas on one server are refused with a reason', async (t) => {
  const server = await startNatsServer(t)
  await leavesNothing(t, { servers: server.url, replicas: 3 }, 'NatsNotUsable', /refused the record store/)
})

t.test('nats start - the summary says what was found', async (t) => {
  const server = await startNatsServer(t)
  const { facts } = await natsHarness(t, { servers: [server.url, 'nats://127.0.0.1:1'] }).open('a')
  t.match(facts, {
    replicas: 1,
    frameBytesMax: 1024 * 1024,
    summary: /^nats-server \d+\.\d+\.\d+ at nats:.*, one server, 1 replica/,
  })
})
