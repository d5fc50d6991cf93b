/** Tells an orchestrator how a node is: `/live`, `/ready` and `/draining` on loopback. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { Plain } from './plain.js'

export interface Health {
  readonly ready: boolean
  readonly draining: boolean
}

/** Opens it. Each path answers 200 when its word is true and 503 when it is not; `/` tells all three. */
export const openHealth = async (
  port: number,
  read: () => Health,
): Promise<{ close(): void; readonly port: number }> => {
  const server = createServer((request, response) => {
    const { ready, draining } = read()
    const words: Record<string, boolean> = { live: true, ready: ready && !draining, draining }
    const path = (request.url ?? '/').split('?')[0]?.slice(1) ?? ''
    if (path !== '' && words[path] === undefined) {
      response.writeHead(404).end()
      return
    }
    const isTrue = path === '' || words[path] === true
    const body = path === '' ? words : { [path]: words[path] }
    response
      .writeHead(isTrue ? 200 : 503, { 'content-type': 'application/json' })
      .end(`${JSON.stringify(body)}\n`)
  })
  server.listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch (error) {
    const inUse = (error as NodeJS.ErrnoException).code === 'EADDRINUSE'
    const why = inUse ? 'is in use' : `cannot be opened: ${(error as Error).message}`
    throw new Plain(`--health: port ${port} on 127.0.0.1 ${why}. Choose another one.`)
  }
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}
