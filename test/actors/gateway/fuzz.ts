import { createConnection } from 'node:net'
import t from 'tap'
import { startGateway } from '../../../actors/index.js'
import { startNode } from '../../../supervisors/index.js'
import { game } from '../../../supervisors/trees/game.js'
import { fuzz } from '../../fixtures/fuzz/fuzz.js'
import { enter } from '../../fixtures/game/client.js'

t.test('gateway - bad messages among good ones harm neither it nor a player on the same node', async (t) => {
  const seed = 1 + Math.floor(Math.random() * 1_000_000)
  t.comment(`seed ${seed}; more of it: npm run fuzz -- --seed ${seed}`)
  // Most of what the heap grows by in so short a run is compiled code.
  const { report } = await fuzz({
    seed,
    messagesCount: 3_000,
    nodesCount: 1,
    clientsCount: 8,
    heapGrowthBytesMax: 16_000_000,
    quietMs: 10_000,
  })
  for (const line of report.lines()) t.comment(line)
  t.same(report.failures, [])
  t.equal(report.messages, 3_000)
  t.ok((report.counts.get('BAD_REQUEST') ?? 0) > 1_000, 'most were complained about')
  t.ok(report.canaryAnswers > 20, 'the canary played')
})

t.test('gateway - a client that is not let in and does not go does not hold up its stop', async (t) => {
  const node = await startNode({ cluster: 'crowd', tree: game() })
  t.teardown(() => node.stop())
  const gateway = await startGateway(node, { limits: { connectionsCountMax: 1 } })
  await enter(gateway.url, 'ada')
  const silent = createConnection(gateway.port, '127.0.0.1', () =>
    silent.write(
      'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n',
    ),
  )
  const isClosed = new Promise<void>((resolve) =>
    silent.on('error', () => undefined).on('close', () => resolve()),
  )
  const frame = await new Promise<Buffer>((resolve) => silent.on('data', resolve))
  t.match(frame.toString('latin1'), /101 Switching/)
  const begun = performance.now()
  await gateway.stop()
  await isClosed
  t.ok(performance.now() - begun < 10_000, 'it did not wait for the client')
})

t.test('gateway - half a handshake does not hold up its stop', async (t) => {
  const node = await startNode({ cluster: 'half', tree: game() })
  t.teardown(() => node.stop())
  const gateway = await startGateway(node)
  const said = [
    '',
    'GET / HTTP/1.1\r\nUpgrade: websocket\r\n',
    'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: no\r\n\r\n',
    '\u0000\u0001\u0002junk\r\n\r\n',
  ]
  const ended = said.map(
    (text) =>
      new Promise<void>((resolve) => {
        const socket = createConnection(gateway.port, '127.0.0.1', () => socket.write(text))
        socket.on('error', () => undefined).on('close', () => resolve())
        socket.resume()
      }),
  )
  const client = await enter(gateway.url, 'ada')
  t.match(await client.command('ping'), { ok: true }, 'others are served')
  await gateway.stop()
  await Promise.all(ended)
  t.pass('it stopped, and every socket was closed')
})
