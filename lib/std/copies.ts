/**
 * The copies of this package in one process. They find each other under one global symbol, because what one
 * of them declares means nothing to another, and every sign of that is far from its cause.
 */
import { release } from '../version.js'

export interface Copy {
  readonly release: string
  /** The directory that it was loaded from. */
  readonly place: string
}

/** What all copies share, whatever their release: it may grow, and never changes otherwise. */
interface Registry {
  readonly copies: Copy[]
  readonly watchers: Set<(copies: readonly Copy[]) => void>
}

const key = Symbol.for('tumen.copies')
const world = globalThis as { [key]?: Registry }
const registry: Registry = world[key] ?? { copies: [], watchers: new Set() }
world[key] = registry

const here = new URL('../../', import.meta.url)
registry.copies.push({
  release,
  place: here.protocol === 'file:' ? decodeURIComponent(here.pathname) : here.href,
})
for (const watcher of [...registry.watchers]) watcher(registry.copies)

/**
 * Calls `watcher` once: now when other copies are loaded already, else with the next one that is. The
 * returned function ends the watch.
 */
export const watchCopies = (watcher: (copies: readonly Copy[]) => void): (() => void) => {
  const forget = (): void => void registry.watchers.delete(once)
  const once = (copies: readonly Copy[]): void => {
    forget()
    watcher(copies)
  }
  if (registry.copies.length > 1) watcher(registry.copies)
  else registry.watchers.add(once)
  return forget
}

const counted = ['No copy', 'One copy', 'Two copies', 'Three copies']

/** Names the copies and says what to do; empty while there is one. */
export const copiesSentence = (copies: readonly Copy[] = registry.copies): string => {
  if (copies.length < 2) return ''
  const named = copies.map((copy) => `${copy.release} in ${copy.place}`)
  return (
    `${counted[copies.length] ?? `${copies.length} copies`} of tumen are loaded in this process: ` +
    `${named.join(', ')}. What one declares the others do not know: see "npm ls tumen", and install one.`
  )
}
