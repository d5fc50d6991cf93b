/**
 * How other terminals reach a running `tumen up`: HTTP on loopback, for those who can read its state
 * file.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Json } from '../supervisors/launched.js'
import { Plain, sentenceOf } from './plain.js'

const bodyBytesMax = 1_000_000
const requestMsMax = 90_000

export interface Order {
  readonly verb: string
  readonly argument: Json
}
export interface ControlServer {
  readonly url: string
  readonly token: string
  close(): Promise<void>
}

const isToken = (request: IncomingMessage, token: string): boolean => {
  const given = Buffer.from(request.headers.authorization ?? '')
  const expected = Buffer.from(`Bearer ${token}`)
  return given.length === expected.length && timingSafeEqual(given, expected)
}

const readBody = async (request: IncomingMessage): Promise<string> => {
  const parts: Buffer[] = []
  let bytes = 0
  for await (const part of request) {
    bytes += (part as Buffer).length
    if (bytes > bodyBytesMax) throw new Plain(`An order has at most ${bodyBytesMax} bytes.`)
    parts.push(part as Buffer)
  }
  return Buffer.concat(parts).toString('utf8')
}

/** Opens the endpoint on a free port. Orders without the token are refused. */
export const openControl = async (perform: (order: Order) => Promise<Json>): Promise<ControlServer> => {
  const token = randomBytes(24).toString('hex')
  const take = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (!isToken(request, token)) {
      response.writeHead(401).end()
      return
    }
    try {
      const order = JSON.parse(await readBody(request)) as Order
      send(response, 200, { value: await perform(order) })
    } catch (error) {
      const exitCode = error instanceof Plain ? error.exitCode : 1
      send(response, 422, { sentence: sentenceOf(error), exitCode })
    }
  }
  const server = createServer((request, response) => void take(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    token,
    close: async () => {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

const send = (response: ServerResponse, status: number, body: Json): void => {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

/** Gives an order to a running `tumen up`. Throws its sentence. */
export const giveOrder = async (
  to: { readonly url: string; readonly token: string },
  order: Order,
): Promise<Json> => {
  let response: Response
  try {
    response = await fetch(to.url, {
      method: 'POST',
      headers: { authorization: `Bearer ${to.token}` },
      body: JSON.stringify(order),
      signal: AbortSignal.timeout(requestMsMax),
    })
  } catch {
    throw new Plain('The running tumen up does not answer.')
  }
  if (response.status === 401)
    throw new Plain('The running tumen up does not know this token: its state file is old.')
  const body = (await response.json()) as { value?: Json; sentence?: string; exitCode?: number }
  if (response.ok) return body.value ?? null
  throw new Plain(body.sentence ?? 'The running tumen up could not do it.', body.exitCode ?? 1)
}
