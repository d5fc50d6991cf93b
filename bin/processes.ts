/** Nodes of `tumen up` that are processes of their own. */
import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Json } from '../supervisors/launched.js'
import type { NodeHandle } from './handle.js'
import type { FromNode } from './ipc.js'
import { Plain } from './plain.js'

export interface ProcessStart {
  readonly appPath: string
  readonly cluster: string
  readonly name: string
  readonly natsUrl: string
  /** Flags of `tumen node` for the knobs. */
  readonly flags: readonly string[]
  readonly directory: string
}

const startMsMax = 30_000
const stopMsMax = 20_000
/** What a node's process may see of the environment. The configuration travels as flags. */
const passedOn = [
  'PATH',
  'HOME',
  'TMPDIR',
  'LANG',
  'LC_ALL',
  'TZ',
  'XDG_RUNTIME_DIR',
  'NODE_V8_COVERAGE',
  'SystemRoot',
]
const launcher = fileURLToPath(new URL('./tumen.js', import.meta.url))

const cleanEnvironment = (): NodeJS.ProcessEnv =>
  Object.fromEntries(
    passedOn.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  )

/** Starts `tumen node` as a process and waits until it is ready. Throws its own sentence when it fails. */
export const startProcess = async (start: ProcessStart): Promise<NodeHandle> => {
  const { appPath, cluster, name, natsUrl, flags, directory } = start
  const child = fork(
    launcher,
    ['node', appPath, '--cluster', cluster, '--name', name, '--managed', ...flags],
    {
      cwd: directory,
      // Not as an argument: everybody on the machine can read those, and the URL may hold a password.
      env: { ...cleanEnvironment(), TUMEN_NATS_URL: natsUrl },
      execArgv: [],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      // Its own group: Ctrl-C in the terminal reaches `up` alone, which then lets the nodes leave one by one.
      detached: true,
    },
  )
  const ready = await waitUntilReady(child, name)
  return new ProcessHandle(child, name, ready.info)
}

const waitUntilReady = (child: ChildProcess, name: string): Promise<Extract<FromNode, { type: 'ready' }>> =>
  new Promise((resolve, reject) => {
    const late = setTimeout(() => {
      child.kill('SIGKILL')
      reject(new Plain(`Node ${name} was not ready within ${startMsMax / 1_000} s.`))
    }, startMsMax)
    child.on('message', (message: FromNode) => {
      if (message.type === 'ready') {
        clearTimeout(late)
        resolve(message)
      } else if (message.type === 'failed') {
        clearTimeout(late)
        reject(new Plain(`Node ${name}: ${message.sentence}`))
      }
    })
    child.once('exit', (code, signal) => {
      clearTimeout(late)
      reject(new Plain(`Node ${name} ended with ${code ?? signal} before it was ready.`))
    })
  })

class ProcessHandle implements NodeHandle {
  private next = 1
  private readonly open = new Map<number, { resolve(value: Json): void; reject(error: Error): void }>()
  readonly ended: Promise<string>

  constructor(
    private readonly child: ChildProcess,
    readonly name: string,
    readonly info: { readonly [name: string]: Json },
  ) {
    this.ended = new Promise((resolve) => {
      child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`))
    })
    child.on('message', (message: FromNode) => this.take(message))
    void this.ended.then((how) => {
      for (const { reject } of this.open.values())
        reject(new Plain(`Node ${name} ended (${how}) before it answered.`))
      this.open.clear()
    })
  }

  get pid(): number {
    return this.child.pid ?? 0
  }

  perform(verb: string, argument: Json): Promise<Json> {
    const n = this.next
    this.next += 1
    return new Promise((resolve, reject) => {
      if (!this.child.connected) return reject(new Plain(`Node ${this.name} is not running.`))
      this.open.set(n, { resolve, reject })
      this.child.send({ type: 'request', n, verb, argument })
    })
  }

  async stop(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill('SIGTERM')
    const late = setTimeout(() => this.child.kill('SIGKILL'), stopMsMax)
    await this.ended
    clearTimeout(late)
  }

  kill(): void {
    this.child.kill('SIGKILL')
  }

  private take(message: FromNode): void {
    if (message.type !== 'answer' && message.type !== 'sorry') return
    const waiting = this.open.get(message.n)
    this.open.delete(message.n)
    if (message.type === 'answer') waiting?.resolve(message.value)
    else waiting?.reject(new Plain(message.sentence, message.exitCode))
  }
}
