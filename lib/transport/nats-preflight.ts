/**
 * Looks whether a NATS server answers at an address, before the client dials it: the client of version 2
 * leaves the socket of a dial that timed out open, and takes the late answer for its present connection.
 */
import { createConnection, type Socket } from 'node:net'
import { ErrorCode, NatsError } from 'nats'
import type { Clock } from '../std/clock.js'
import type { Address } from './nats-address.js'

export interface Preflight {
  /** Rejects with what went wrong. */
  readonly done: Promise<void>
  cancel(): void
}

const greeting = 'INFO '

/** With `silent` the server says nothing before TLS: that it accepts must do. */
export const preflight = (address: Address, silent: boolean, timeoutMs: number, clock: Clock): Preflight => {
  let socket: Socket | undefined
  let cancel = (): void => undefined
  const done = new Promise<void>((resolve, reject) => {
    const end = (error?: Error): void => {
      timer.cancel()
      socket?.destroy()
      if (error === undefined) resolve()
      else reject(error)
    }
    const fail = (code: ErrorCode, cause?: Error): void => end(NatsError.errorForCode(code, cause))
    const timer = clock.after(timeoutMs, () => fail(ErrorCode.Timeout))
    cancel = () => fail(ErrorCode.Cancelled)
    let heard = ''
    socket = createConnection({ host: address.host, port: address.port })
    socket.on('connect', () => silent && end())
    socket.on('data', (bytes) => {
      heard += bytes.toString('latin1')
      if (heard.startsWith(greeting)) end()
      else if (heard.length >= greeting.length || !greeting.startsWith(heard)) fail(ErrorCode.ProtocolError)
    })
    socket.on('error', end)
    socket.on('close', () => fail(ErrorCode.ConnectionRefused))
  })
  return { done, cancel: () => cancel() }
}
