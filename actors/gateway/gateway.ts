import { createServer } from 'node:http'
import { type WebSocket, WebSocketServer } from 'ws'
import { type Clock, type Random, systemClock, systemRandom, type TumenNode } from '../../lib/index.js'
import { closeCode, type Connection, openConnection } from './connection.js'
import { type GatewayLimits, limitsOf } from './limits.js'
import { type Authenticate, trusting } from './login.js'

export interface GatewayOptions {
  /** The address to listen on. Default 127.0.0.1; any other needs `authenticate`. */
  readonly host?: string
  /** Default 0: a free one. */
  readonly port?: number
  /** Who a client is. Without it clients are taken at their word, so only this machine can connect. */
  readonly authenticate?: Authenticate
  readonly limits?: Partial<GatewayLimits>
  readonly clock?: Clock
  readonly random?: Random
}
export interface Gateway {
  /** Such as `ws://127.0.0.1:7001`. */
  readonly url: string
  readonly port: number
  /** Sockets that are open. */
  count(): number
  /** Takes no more clients and closes those it has. Resolves when nothing of it is left. Idempotent. */
  stop(): Promise<void>
  /** The same at once, without a word to anybody: as if the process had died. */
  drop(): void
}

const loopback = new Set(['127.0.0.1', '::1', 'localhost'])
const closeMs = 1_000

interface Client {
  readonly socket: WebSocket
  readonly connection: Connection
  isAlive: boolean
}

/**
 * Lets clients in: JSON over WebSocket, for the actors of this node and, through it, of the cluster. A client
 * may connect to any node; one whose node is gone connects to another and goes on.
 *
 * Guarantees: a command with a `reqId` and a `party` that is sent again, to whichever node, is applied once.
 *
 * Limits: see `GatewayLimits`; each is answered with a sentence or closes the one socket.
 *
 * Errors: rejects with a sentence when it cannot listen, or when it would be open to others without
 * `authenticate`.
 *
 * Gotcha: stop it before its node, so that clients go elsewhere while the node still works.
 *
 * @example
 * const gateway = await startGateway(node, { port: 7001, authenticate: ({ token }) => playerOf(token) })
 */
export const startGateway = async (node: TumenNode, options: GatewayOptions = {}): Promise<Gateway> => {
  const { host = '127.0.0.1', port = 0, clock = systemClock, random = systemRandom } = options
  const limits = limitsOf(options.limits)
  if (options.authenticate === undefined && !loopback.has(host)) {
    throw new Error(`gateway: authenticate is needed to listen on ${host}; without it only on 127.0.0.1`)
  }
  const authenticate = options.authenticate ?? trusting
  const clients = new Set<Client>()

  const door = await openDoor(host, port, limits.messageBytesMax)
  door.server.on('connection', (socket) => {
    // Without a listener an error of one client's socket would end the process; its close follows.
    socket.on('error', () => undefined)
    if (clients.size >= limits.connectionsCountMax) {
      // One that does not answer would hold up the stop of the gateway.
      const late = clock.after(closeMs, () => socket.terminate())
      socket.once('close', () => late.cancel())
      return socket.close(closeCode.overloaded, 'too many connections; try another node')
    }
    const connection = openConnection({
      node,
      socket: textSocket(socket),
      authenticate,
      limits,
      clock,
      random,
    })
    letIn(clients, { socket, connection, isAlive: true })
  })

  const pings = pinging(clients, clock, limits.pingMs)
  const closeServer = once(() => {
    pings.cancel()
    return door.close()
  })
  return {
    url: `ws://${host.includes(':') ? `[${host}]` : host}:${door.port}`,
    port: door.port,
    count: () => clients.size,
    stop: once(async () => {
      const isClosed = closeServer()
      for (const { socket } of clients) socket.close(closeCode.stops, 'this node stops; connect to another')
      const late = clock.after(closeMs, () => {
        for (const { socket } of clients) socket.terminate()
      })
      await Promise.all([...clients].map(({ socket }) => ended(socket)))
      late.cancel()
      await isClosed
    }),
    drop: () => {
      void closeServer()
      for (const { socket } of clients) socket.terminate()
    },
  }
}

const openDoor = async (host: string, port: number, maxPayload: number) => {
  const http = createServer((_, response) => {
    response.writeHead(426, { connection: 'close' }).end('Connect with a WebSocket.\n')
  })
  const server = new WebSocketServer({
    server: http,
    maxPayload,
    perMessageDeflate: false,
    clientTracking: false,
  })
  const isListening = listening(server)
  http.listen(port, host)
  await isListening
  return {
    server,
    port: (http.address() as { readonly port: number }).port,
    close: () => {
      server.close()
      return new Promise<void>((resolve) => {
        http.close(() => resolve())
        // Else one that never finished its handshake would hold up the stop.
        http.closeAllConnections()
      })
    },
  }
}

const letIn = (clients: Set<Client>, client: Client): void => {
  const { socket, connection } = client
  clients.add(client)
  socket.on('message', (data, isBinary) => {
    if (isBinary) socket.close(1003, 'send text')
    else connection.onText(String(data))
  })
  socket.on('pong', () => {
    client.isAlive = true
  })
  socket.on('close', () => {
    clients.delete(client)
    connection.closed()
  })
}

/** Ends sockets whose other side went away without a word. */
const pinging = (clients: ReadonlySet<Client>, clock: Clock, everyMs: number) => {
  const ping = (): void => {
    for (const client of clients) {
      if (!client.isAlive) client.socket.terminate()
      else client.socket.ping()
      client.isAlive = false
    }
    next = clock.after(everyMs, ping)
  }
  let next = clock.after(everyMs, ping)
  return { cancel: () => next.cancel() }
}

const once = <A>(fn: () => A): (() => A) => {
  let done: { readonly value: A } | undefined
  return () => {
    done ??= { value: fn() }
    return done.value
  }
}

const listening = (server: WebSocketServer): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('listening', resolve)
    server.once('error', (cause) => reject(new Error(`gateway: cannot listen: ${cause.message}`, { cause })))
  })

const ended = (socket: WebSocket): Promise<void> =>
  socket.readyState === socket.CLOSED
    ? Promise.resolve()
    : new Promise((resolve) => {
        socket.once('close', () => resolve())
      })

const textSocket = (socket: WebSocket) => ({
  send: (text: string) => {
    if (socket.readyState === socket.OPEN) socket.send(text, () => undefined)
  },
  close: (code: number, reason: string) => socket.close(code, reason),
  bufferedBytes: () => socket.bufferedAmount,
})
