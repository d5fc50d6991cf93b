/**
 * What a running `tumen up` leaves for other terminals: where its control endpoint is, and which
 * processes are its own. One file per cluster in a directory that only this user can enter.
 */
import * as E from 'fp-ts/lib/Either.js'
import * as t from 'io-ts'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isName } from '../lib/ids.js'
import { fileReason, Plain, readText } from './plain.js'

const NodeEntry = t.type({ name: t.string, pid: t.number })
const UpState = t.type({
  cluster: t.string,
  /** Of `tumen up` itself. */
  pid: t.number,
  transport: t.string,
  natsUrl: t.union([t.string, t.null]),
  natsPid: t.union([t.number, t.null]),
  nodes: t.array(NodeEntry),
  controlUrl: t.string,
  /** Who knows it may give orders. */
  token: t.string,
})
/** One running `tumen up`. */
export type UpState = t.TypeOf<typeof UpState>

/** Where this user's state files are: the runtime directory of the session, else one of our own under tmp. */
const stateDirectory = (): string => {
  const runtime = process.env['XDG_RUNTIME_DIR']
  if (runtime !== undefined && runtime !== '') return join(runtime, 'tumen')
  return join(tmpdir(), `tumen-${process.getuid?.() ?? 'user'}`)
}

/** The cluster that is meant: as given, by `TUMEN_CLUSTER`, or the default. It becomes the name of a file. */
export const clusterName = (given: string | undefined): string => {
  const name = given ?? process.env['TUMEN_CLUSTER'] ?? 'tumen'
  if (isName(name)) return name
  throw new Plain('--cluster: expected 1 to 63 letters, digits, "-" and "_", the first a letter or digit.', 2)
}

const fileOf = (directory: string, cluster: string): string => join(directory, `${cluster}.json`)

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Makes the directory, or says in a sentence why it cannot be used. */
export const requireOwnDirectory = (directory = stateDirectory()): void => {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
  } catch (error) {
    const why = fileReason(error)
    throw new Plain(`${directory} cannot be made: ${why}. Set XDG_RUNTIME_DIR to a directory of your own.`)
  }
  const { uid, mode } = statSync(directory)
  const isOurs = process.getuid === undefined || uid === process.getuid()
  if (!isOurs)
    throw new Plain(`${directory} belongs to another user; set XDG_RUNTIME_DIR to a directory of your own.`)
  if ((mode & 0o077) !== 0) chmodSync(directory, 0o700)
}

/** Writes the file, mode 0600, in one step: a reader sees the old one or the new one. */
export const writeState = (state: UpState, directory = stateDirectory()): void => {
  requireOwnDirectory(directory)
  const path = fileOf(directory, state.cluster)
  const fresh = `${path}.${process.pid}`
  rmSync(fresh, { force: true })
  writeFileSync(fresh, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600, flag: 'wx' })
  renameSync(fresh, path)
}

/** Removes the file of a cluster, if it is still this process's own. */
export const removeState = (cluster: string, pid: number, directory = stateDirectory()): void => {
  if (readState(fileOf(directory, cluster))?.pid === pid) rmSync(fileOf(directory, cluster), { force: true })
}

/** Undefined when there is none. Throws a sentence when it cannot be read. */
const loadState = (path: string): UpState | undefined => {
  if (!existsSync(path)) return undefined
  const text = readText(path)
  try {
    const decoded = UpState.decode(JSON.parse(text))
    if (E.isRight(decoded)) return decoded.right
  } catch {
    // It is no JSON.
  }
  throw new Plain(`${path} is no state file of this version: end its tumen up, then remove the file.`)
}
const readState = (path: string): UpState | undefined => {
  try {
    return loadState(path)
  } catch {
    return undefined
  }
}

const pathsIn = (directory: string): string[] => {
  if (!existsSync(directory)) return []
  try {
    const names = readdirSync(directory).filter((name) => name.endsWith('.json'))
    return names.map((name) => join(directory, name))
  } catch (error) {
    throw new Plain(`${directory} cannot be read: ${fileReason(error)}.`)
  }
}
const allStates = (directory: string): UpState[] =>
  pathsIn(directory).flatMap((path) => readState(path) ?? [])

/** All that run; a file whose process is gone is ignored. */
export const livingStates = (directory = stateDirectory()): UpState[] =>
  allStates(directory).filter((state) => isAlive(state.pid))

/** Removes the files of those that ended without a chance to do it, and gives what they said. */
export const takeStale = (directory = stateDirectory()): UpState[] => {
  const stale = allStates(directory).filter((state) => !isAlive(state.pid))
  for (const { cluster, pid } of stale) removeState(cluster, pid, directory)
  return stale
}

/** The running `tumen up` that a command means. Throws a sentence when there is none, or more than one. */
export const findState = (cluster: string | undefined, directory = stateDirectory()): UpState => {
  const living = livingStates(directory)
  const meant = cluster === undefined ? living : living.filter((state) => state.cluster === cluster)
  const [state, other] = meant
  if (state === undefined) {
    // Perhaps the one that is meant is among those that cannot be read: then that is said instead.
    for (const path of cluster === undefined ? pathsIn(directory) : [fileOf(directory, cluster)])
      loadState(path)
    const which = cluster === undefined ? 'cluster' : `cluster "${cluster}"`
    throw new Plain(`No ${which} runs on this machine: start one with tumen up, or name one with --nats URL.`)
  }
  if (other === undefined) return state
  const names = living.map((one) => one.cluster).join(', ')
  throw new Plain(`More than one cluster runs on this machine (${names}): choose one with --cluster NAME.`, 2)
}
