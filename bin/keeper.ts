/**
 * A process of its own between `tumen up` and the nats-server that it started: it ends the server when
 * `tumen up` is gone, also when that was killed and could do nothing more itself. Its arguments are the path
 * of the server and the directory of its configuration and store, which it removes when nobody else can.
 */
import { spawn } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'

/** What it tells the process that started it. */
export type FromKeeper =
  | { readonly type: 'started'; readonly pid: number }
  | { readonly type: 'failed'; readonly reason: string }
  | { readonly type: 'ended'; readonly how: string }

/** The nodes leave meanwhile: each gives up after a time of its own, see `commands/node.ts`. */
const leaveMs = 3_000
const stopMsMax = 3_000

const [path = '', directory = ''] = process.argv.slice(2)
const server = spawn(path, ['-c', join(directory, 'server.conf')], { stdio: ['ignore', 'ignore', 'inherit'] })

const finish = (message: FromKeeper): void => {
  if (process.connected) {
    process.send?.(message, () => process.exit())
  } else {
    rmSync(directory, { recursive: true, force: true })
    process.exit()
  }
}
const end = (): void => {
  server.kill('SIGINT')
  setTimeout(() => server.kill('SIGKILL'), stopMsMax)
}

server.once('spawn', () => {
  const started: FromKeeper = { type: 'started', pid: server.pid ?? 0 }
  if (process.connected) process.send?.(started)
})
server.once('error', ({ message }) => finish({ type: 'failed', reason: message }))
server.once('exit', (code, signal) => finish({ type: 'ended', how: `${code ?? signal}` }))
// Whatever it is told means that.
process.once('message', end)
process.once('disconnect', () => setTimeout(end, leaveMs))
