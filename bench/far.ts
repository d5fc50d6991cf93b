/** Other processes of a bench: a nats-server on loopback, and modules that run until their parent goes. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { findNatsServer, startNatsServer } from '../bin/nats-server.js'
import { heapBytesNow } from './heap.js'

export interface Far {
  /** Address of the nats-server. */
  readonly url: string
  /**
   * Runs a module of this folder with `args` in a process of its own; resolves when it says that it is ready.
   */
  start(module: string, ...args: readonly string[]): Promise<void>
  /** CPU time that this process and those it started have taken so far, in microseconds; not the server. */
  cpuMicros(): Promise<number>
  /** Heap in use after a collection, of this process and those it started. */
  heapBytes(): Promise<number>
  /** Sends a signal to the process that was started as the `index`th, from 0. */
  signal(index: number, signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT' | 'SIGTERM'): void
  /** Resolves when that process is gone. */
  gone(index: number): Promise<unknown>
  close(): Promise<void>
}

/** Starts the server; it and all processes end with `close`, or with this process. */
export const far = async (): Promise<Far> => {
  const path = findNatsServer()
  if (path === undefined) throw new Error('this bench needs nats-server: apt-get install nats-server')
  const server = await startNatsServer(path)
  const ends: (() => Promise<unknown>)[] = []
  const children: ChildProcess[] = []
  return {
    url: server.url,
    start: async (module, ...args) => {
      const child = fork(join(import.meta.dirname, module), [server.url, ...args], { execArgv: [] })
      children.push(child)
      const exited = once(child, 'exit')
      ends.push(() => {
        child.kill('SIGKILL')
        return exited
      })
      const first = await Promise.race([once(child, 'message'), exited.then(() => null)])
      if (first === null) throw new Error(`${module} ended before it was ready`)
    },
    cpuMicros: async () => {
      const theirs = await Promise.all(children.map((child) => figureOf(child, 'cpu')))
      return theirs.reduce((sum, each) => sum + each, ownCpuMicros())
    },
    heapBytes: async () => {
      const theirs = await Promise.all(children.map((child) => figureOf(child, 'heap')))
      return theirs.reduce((sum, each) => sum + each, heapBytesNow())
    },
    signal: (index, signal) => void children[index]?.kill(signal),
    gone: async (index) => {
      const child = children[index]
      if (child?.exitCode === null && child.signalCode === null) await once(child, 'exit')
    },
    close: async () => {
      await Promise.all(ends.map((end) => end()))
      await server.stop()
    },
  }
}

const ownCpuMicros = (): number => {
  const { user, system } = process.cpuUsage()
  return user + system
}
const figureOf = async (child: ChildProcess, what: 'cpu' | 'heap'): Promise<number> => {
  const answer = once(child, 'message')
  child.send(what)
  return Number((await answer)[0])
}

/** To be called by such a module when it is ready; it ends when its parent does. */
export const ready = (): void => {
  process.on('disconnect', () => process.exit(0))
  process.on('message', (what) => process.send?.(what === 'heap' ? heapBytesNow() : ownCpuMicros()))
  process.send?.('ready')
}

/** Keeps `inFlight` operations going until `count` are done. */
export const keepGoing = async (
  inFlight: number,
  count: number,
  one: (i: number) => Promise<unknown>,
): Promise<number> => {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < count) await one(next++)
  }
  await Promise.all(Array.from({ length: inFlight }, worker))
  return count
}
