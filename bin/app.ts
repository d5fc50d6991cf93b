/** What the launcher runs: a JavaScript module whose default export is a tree, or an `App`. */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type ChildData, childData, type KindData } from '../lib/api/internal.js'
import type { ConfigInput } from '../lib/config.js'
import type { ChildSpec, TumenNode } from '../lib/index.js'
import { Plain, sentenceOf } from './plain.js'

export interface App {
  readonly tree: ChildSpec
  /** The options object of the configuration: stronger than flags, variables and the file. */
  readonly config?: ConfigInput
  /** Runs in the node's process when the node is ready: here an app opens its gateway. */
  readonly onNode?: (node: TumenNode) => Served | Promise<Served>
  /** Runs once in the process of `tumen up` when all nodes are ready. `up --once` ends after it. */
  readonly main?: (stage: Stage) => Promise<Performed>
}

/** JSON: what crosses between the launcher's processes. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/** What an app opened beside its node. */
export interface Served {
  /** For the launcher's table and the app's `main`, such as `{ gateway: 'ws://127.0.0.1:7001' }`. */
  readonly info?: { readonly [name: string]: Json }
  /** What the app's `main` may call in this node's process. */
  readonly calls?: Readonly<Record<string, (argument: Json) => Json | Promise<Json>>>
  /** Before the node leaves. */
  readonly stop?: () => void | Promise<void>
  /** As the death of its process would: everything is closed at once and nobody is told. */
  readonly drop?: () => void
}

export interface StageNode {
  readonly name: string
  readonly isUp: boolean
  /** Of its process; null for a node inside the launcher's own. */
  readonly pid: number | null
  readonly info: { readonly [name: string]: Json }
}

/** What an app's `main` works with: the cluster that `tumen up` started. */
export interface Stage {
  readonly transport: 'nats' | 'memory'
  nodes(): readonly StageNode[]
  /** Calls one of `calls` of that node's app. */
  call(node: string, name: string, argument: Json): Promise<Json>
  /** As `tumen status`, `tree`, `ask`: see `verbs.ts`. */
  perform(node: string, verb: string, argument: Json): Promise<Json>
  /**
   * SIGKILL; a node inside this process is dropped between two messages instead. Gives the time at which the call
   * returned, in milliseconds since 1970, without waiting for the process to be gone.
   */
  kill(node: string): number
  /** Starts a node of that name again. Resolves when it is ready. */
  start(node: string): Promise<void>
  /** Writes progress for people; `\r` lines only where they are seen. */
  say(line: string): void
  progress(line: string): void
  readonly killAt: number | undefined
  /** Aborted when the launcher is told to end. */
  readonly signal: AbortSignal
}

export interface Performed {
  /** Decides the exit code of `up --once`. */
  readonly isGood: boolean
  /** The last line on stdout with `--json`. */
  readonly summary: Json
  /** Printed for people. */
  readonly text: string
}

export interface LoadedApp extends App {
  /** The module's file, to be handed to another process. */
  readonly path: string
}

const isTree = (value: unknown): value is ChildSpec => {
  try {
    childData(value as object)
    return true
  } catch {
    return false
  }
}

const appOf = (exported: unknown, path: string): App => {
  if (isTree(exported)) return { tree: exported }
  if (typeof exported !== 'object' || exported === null) {
    throw new Plain(`${path}: expected the default export to be a tree or { tree, config }.`)
  }
  const { tree, config, onNode, main } = exported as Record<string, unknown>
  if (!isTree(tree)) {
    throw new Plain(`${path}: expected "tree" of the default export to be made by supervisor(…) of tumen.`)
  }
  for (const [name, value] of Object.entries({ onNode, main })) {
    if (value !== undefined && typeof value !== 'function')
      throw new Plain(`${path}: expected "${name}" to be a function.`)
  }
  const known = ['tree', 'config', 'onNode', 'main']
  const unknown = Object.keys(exported).find((key) => !known.includes(key))
  if (unknown !== undefined) {
    throw new Plain(
      `${path}: "${unknown}" of the default export is not known; known are ${known.join(', ')}.`,
    )
  }
  return {
    tree,
    ...(config === undefined ? {} : { config: config as ConfigInput }),
    ...(onNode === undefined ? {} : { onNode: onNode as NonNullable<App['onNode']> }),
    ...(main === undefined ? {} : { main: main as NonNullable<App['main']> }),
  }
}

/** The `tumen` field of the nearest package.json above a directory, as a path. */
const appOfPackage = (directory: string): string => {
  for (let here = resolve(directory); ; here = dirname(here)) {
    const file = join(here, 'package.json')
    if (existsSync(file)) {
      const field = (JSON.parse(readFileSync(file, 'utf8')) as { tumen?: unknown }).tumen
      if (typeof field === 'string') return join(here, field)
      throw new Plain(`Which APP? Name a module, or set "tumen" in ${file} to the path of one.`, 2)
    }
    if (dirname(here) === here) throw new Plain('Which APP? Name a module: there is no package.json here.', 2)
  }
}

/** Loads an app. Throws one sentence when it is missing, does not load, or is not an app. */
export const loadApp = async (given: string | undefined, directory = process.cwd()): Promise<LoadedApp> => {
  const path =
    given === undefined ? appOfPackage(directory) : isAbsolute(given) ? given : join(directory, given)
  if (!existsSync(path)) throw new Plain(`There is no file ${path}.`, 2)
  let module: { readonly default?: unknown }
  try {
    module = (await import(pathToFileURL(path).href)) as { readonly default?: unknown }
  } catch (error) {
    throw new Plain(`${path} does not load: ${sentenceOf(error)}`)
  }
  return { ...appOf(module.default, path), path }
}

/** The kinds that a tree declares. */
export const kindsOf = (tree: ChildSpec): ReadonlyMap<string, KindData> => {
  const kinds = new Map<string, KindData>()
  const walk = (child: ChildData): void => {
    if (child.type === 'entities') kinds.set(child.kind.kind, child.kind)
    if (child.type === 'supervisor') child.children.forEach(walk)
  }
  walk(childData(tree))
  return kinds
}
