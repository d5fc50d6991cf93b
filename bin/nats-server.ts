/**
 * Finds a nats-server on this machine and runs it for one cluster: loopback, a free port, a store of its
 * own.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { FromKeeper } from './keeper.js'
import { Plain } from './plain.js'

const program = process.platform === 'win32' ? 'nats-server.exe' : 'nats-server'
/** How the directory of a server begins that `tumen up` started. */
export const storePrefix = 'tumen-up-nats-'
const startMsMax = 10_000
const keeperFile = fileURLToPath(new URL('./keeper.js', import.meta.url))

export interface RunningNats {
  readonly url: string
  readonly pid: number
  /** Its configuration and store. */
  readonly directory: string
  /** Called when it ends without having been told to. */
  onExit(listener: (sentence: string) => void): void
  /** Ends it and removes its store. */
  stop(): Promise<void>
}

/** Where `tumen nats install` puts what it fetched. */
export const cacheDirectory = (environment: NodeJS.ProcessEnv = process.env): string => {
  const base = environment['XDG_CACHE_HOME']
  return join(base !== undefined && base !== '' ? base : join(homedir(), '.cache'), 'tumen')
}

const isExecutable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Debian puts it where a user's PATH does not look. */
const systemDirectories =
  process.platform === 'win32' ? [] : ['/usr/sbin', '/usr/local/sbin', '/usr/local/bin']

/** The nats-server of the PATH, of the system's own directories, or of the cache. */
export const findNatsServer = (
  environment: NodeJS.ProcessEnv = process.env,
  system: readonly string[] = systemDirectories,
): string | undefined => {
  const onPath = (environment['PATH'] ?? '').split(delimiter).filter((directory) => directory !== '')
  const directories = [...onPath, ...system, cacheDirectory(environment)]
  return directories.map((directory) => join(directory, program)).find(isExecutable)
}

const configuration = (directory: string): string => `
listen: "127.0.0.1:-1"
ports_file_dir: ${JSON.stringify(directory)}
ping_interval: "1s"
ping_max: 2
jetstream {
  store_dir: ${JSON.stringify(join(directory, 'store'))}
  max_memory_store: 256MB
  max_file_store: 1GB
}
`

const readUrl = (directory: string): string | undefined => {
  const file = readdirSync(directory).find((name) => name.endsWith('.ports'))
  if (file === undefined) return undefined
  try {
    const ports = JSON.parse(readFileSync(join(directory, file), 'utf8')) as { nats?: string[] }
    return ports.nats?.[0]
  } catch {
    return undefined
  }
}

/**
 * Starts it, in the care of a keeper, and waits until clients can connect. Throws a sentence with the
 * server's own last words.
 */
export const startNatsServer = async (path: string, keeper = keeperFile): Promise<RunningNats> => {
  const directory = mkdtempSync(join(tmpdir(), storePrefix))
  writeFileSync(join(directory, 'server.conf'), configuration(directory))
  const kept = new Kept(path, directory, keeper)
  try {
    const pid = await kept.started
    const url = await Promise.race([waitForUrl(directory), kept.failed])
    return { url, pid, directory, onExit: (listener) => kept.onExit(listener), stop: () => kept.stop() }
  } catch (error) {
    await kept.stop()
    throw error
  }
}

const lastLine = (words: string): string => words.trim().split('\n').at(-1) ?? ''

const waitForUrl = async (directory: string): Promise<string> => {
  for (let waitedMs = 0; waitedMs < startMsMax; waitedMs += 10) {
    const url = readUrl(directory)
    if (url !== undefined) return url
    await sleep(10)
  }
  throw new Plain(`nats-server did not open a port within ${startMsMax / 1_000} s.`)
}

/** A server and its keeper. */
class Kept {
  private readonly keeper: ChildProcess
  private readonly gone: Promise<void>
  private readonly listeners: ((sentence: string) => void)[] = []
  private isStopping = false
  private pid: number | undefined
  private how: string | undefined
  private words = ''
  readonly started: Promise<number>
  /** Rejects when it ends by itself. */
  readonly failed: Promise<never>

  constructor(
    private readonly path: string,
    private readonly directory: string,
    keeperFile: string,
  ) {
    // Its own group: the terminal's Ctrl-C must not end it before the nodes have left.
    this.keeper = fork(keeperFile, [path, directory], {
      detached: true,
      execArgv: [],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    this.keeper.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.words = (this.words + text).slice(-4_000)
    })
    this.failed = new Promise((_, reject) => this.onExit((sentence) => reject(new Plain(sentence))))
    this.failed.catch(() => {})
    const started = new Promise<number>((resolve) => {
      this.keeper.on('message', (message: FromKeeper) => {
        if (message.type === 'started') resolve(message.pid)
        this.take(message)
      })
    })
    this.started = Promise.race([started, this.failed])
    this.keeper.once('exit', () => {
      // Somebody killed the keeper. The server holds its stderr open, so it would not be closed either.
      if (this.how === undefined && this.pid !== undefined) endProcess(this.pid)
    })
    this.gone = once(this.keeper, 'close').then(() => this.tellExit())
  }

  /** Called with a sentence when it ends without having been told to. */
  onExit(listener: (sentence: string) => void): void {
    this.listeners.push(listener)
  }

  async stop(): Promise<void> {
    this.isStopping = true
    if (this.keeper.connected) this.keeper.send('end')
    await this.gone
    rmSync(this.directory, { recursive: true, force: true })
  }

  private take(message: FromKeeper): void {
    if (message.type === 'started') this.pid = message.pid
    else this.how = message.type === 'failed' ? message.reason : message.how
  }

  private tellExit(): void {
    if (this.isStopping) return
    const last = lastLine(this.words)
    const sentence = `${this.path} ended with ${this.how ?? 'its keeper'}${last === '' ? '.' : `: ${last}`}`
    for (const listener of this.listeners) listener(sentence)
  }
}

const endProcess = (pid: number): void => {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended before.
  }
}
