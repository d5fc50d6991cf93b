/**
 * Finds a nats-server on this machine and runs it for one cluster: loopback, a free port, a store of its
 * own.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Plain } from './plain.js'

const program = process.platform === 'win32' ? 'nats-server.exe' : 'nats-server'
/** How the directory of a server begins that `tumen up` started. */
export const storePrefix = 'tumen-up-nats-'
const startMsMax = 10_000
const stopMsMax = 3_000

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

/** Starts it and waits until clients can connect. Throws a sentence with the server's own last words. */
export const startNatsServer = async (path: string): Promise<RunningNats> => {
  const directory = mkdtempSync(join(tmpdir(), storePrefix))
  const file = join(directory, 'server.conf')
  writeFileSync(file, configuration(directory))
  // Its own group: the terminal's Ctrl-C must not end it before the nodes have left.
  const child = spawn(path, ['-c', file], { stdio: ['ignore', 'ignore', 'pipe'], detached: true })
  let words = ''
  child.stderr.setEncoding('utf8')
  child.stderr.on('data', (text: string) => {
    words = (words + text).slice(-4_000)
  })
  const failed = new Promise<never>((_, reject) => {
    child.once('error', (error) => reject(new Plain(`${path} does not start: ${error.message}.`)))
    child.once('exit', (code) => reject(new Plain(`${path} ended with ${code}: ${lastLine(words)}`)))
  })
  failed.catch(() => {})
  try {
    const url = await Promise.race([waitForUrl(directory), failed])
    return running(child, url, directory, () => lastLine(words))
  } catch (error) {
    child.kill('SIGKILL')
    rmSync(directory, { recursive: true, force: true })
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

const running = (child: ChildProcess, url: string, directory: string, words: () => string): RunningNats => {
  let isStopping = false
  const ended = once(child, 'exit')
  return {
    url,
    pid: child.pid ?? 0,
    directory,
    onExit: (listener) => {
      child.once('exit', (code, signal) => {
        if (!isStopping) listener(`nats-server ended with ${code ?? signal}: ${words()}`)
      })
    },
    stop: async () => {
      isStopping = true
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGINT')
        const late = setTimeout(() => child.kill('SIGKILL'), stopMsMax)
        await ended
        clearTimeout(late)
      }
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
