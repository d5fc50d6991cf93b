/** Inside an http server that already exists: it keeps its signals, its exit code and its event loop. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  AskFailed,
  entities,
  id,
  kind,
  message,
  mirrored,
  protocol,
  refuse,
  refused,
  reply,
  startNode,
  supervisor,
} from 'tumen'
import * as t from 'io-ts'

const RoomId = id('RoomId')
const Room = protocol('room', RoomId, {
  Enter: message({ player: t.string }).replies(t.number).refuses(t.literal('FULL')),
})
const room = kind(Room, {
  activate: 'first-message',
  state: mirrored(t.array(t.string)),
  init: () => [],
  on: {
    Enter: (inside, { player }) => {
      if (inside.length >= 2) return refuse('FULL')
      return reply([...inside, player], inside.length + 1)
    },
  },
})

const signalListeners = () => process.listenerCount('SIGTERM') + process.listenerCount('SIGINT')
const before = signalListeners()
const node = await startNode({ cluster: 'embedded', tree: supervisor('root', {}, [entities(room)]) })
console.log(`signal listeners added by tumen: ${signalListeners() - before}`)

/** GET /room/player: 200 with the number of players inside, 409 with the refusal, else 400 or 503. */
const server = createServer(async (request, response) => {
  const [, name, player] = (request.url ?? '').split('/')
  if (!RoomId.is(name) || player === undefined) return response.writeHead(400).end()
  try {
    const count = await node.ref(Room, name).ask(Room.Enter({ player }), { timeoutMs: 1_000 })
    return response.end(`${count} inside`)
  } catch (error) {
    if (refused(error, Room.Enter)) return response.writeHead(409).end(error.reason.refusal)
    return response.writeHead(503).end(error instanceof AskFailed ? error.message : undefined)
  }
})

// The host's own way to end: tumen drains because it is told to, and then nothing keeps the process alive.
process.once('SIGTERM', () => {
  server.closeAllConnections()
  server.close(async () => {
    await node.stop({ drainMs: 5_000 })
    console.log('stopped, when the host said so')
    process.exitCode = 3
  })
})

server.listen(0, '127.0.0.1', async () => {
  const { port } = server.address() as AddressInfo
  for (const player of ['alice', 'bob', 'carol']) {
    const response = await fetch(`http://127.0.0.1:${port}/lobby/${player}`)
    console.log(`${player}: ${response.status} ${await response.text()}`)
  }
  process.kill(process.pid, 'SIGTERM')
})
