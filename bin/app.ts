/** What the launcher runs: a JavaScript module whose default export is a tree, or an `App`. */
import { existsSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { type ChildData, childData, type KindData } from '../lib/api/internal.js'
import type { ConfigInput } from '../lib/config.js'
import type { ChildSpec } from '../lib/index.js'
import type { App } from '../supervisors/launched.js'
import { Plain, parseJson, readText, sentenceOf } from './plain.js'

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
      const content = parseJson(readText(file), file, '{"tumen":"./app.js"}')
      const field = (content as { readonly tumen?: unknown } | null)?.tumen
      if (typeof field === 'string') return join(here, field)
      throw new Plain(`Which APP? Name a module, or set "tumen" in ${file} to the path of one.`, 2)
    }
    if (dirname(here) === here) throw new Plain('Which APP? Name a module: there is no package.json here.', 2)
  }
}

/** Where in the app's own code it was thrown, when the stack tells. */
const placeOf = (error: unknown, directory: string): string => {
  const stack = error instanceof Error ? (error.stack ?? '') : ''
  const [, url, position] = /(file:\/\/\S+?)(:\d+(?::\d+)?)(?=\)|\s|$)/.exec(stack) ?? []
  const isOurs = url === undefined || url === import.meta.url
  return isOurs ? '' : ` (${relative(directory, fileURLToPath(url))}${position})`
}

/** Loads an app. Throws one sentence when it is missing, does not load, or is not an app. */
export const loadApp = async (given: string | undefined, directory = process.cwd()): Promise<LoadedApp> => {
  const path = given === undefined ? appOfPackage(directory) : resolve(directory, given)
  if (!existsSync(path)) throw new Plain(`There is no file ${path}.`, 2)
  if (statSync(path).isDirectory()) throw new Plain(`${path} is a directory: name a module in it.`, 2)
  let module: { readonly default?: unknown }
  try {
    module = (await import(pathToFileURL(path).href)) as { readonly default?: unknown }
  } catch (error) {
    throw new Plain(`${path} does not load: ${sentenceOf(error)}${placeOf(error, directory)}`)
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
