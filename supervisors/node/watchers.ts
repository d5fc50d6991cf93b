/**
 * Tells other nodes what becomes of the entities of this one: those nodes that asked for it, in batches of a
 * turn, each numbered, so that who misses one notices.
 */
import type { Engine } from '../../lib/engine/engine.js'
import type { NodeId } from '../../lib/ids.js'
import type { Clock } from '../../lib/std/clock.js'

/** Without being asked again for this long a node is not told any more. */
export const watchMs = 30_000
const batchSize = 500

/** `s` started, `e` ended, `m` moved here, `l` every copy of some was lost. */
export type Told = readonly ['s' | 'e' | 'm', string] | readonly ['l', '']

interface Watcher {
  number: number
  until: number
}

export interface WatchersOptions {
  readonly clock: Clock
  engine(): Engine | null
}

export class Watchers {
  readonly #options: WatchersOptions
  readonly #byKind = new Map<string, Map<NodeId, Watcher>>()
  #waiting = new Map<string, Told[]>()

  constructor(options: WatchersOptions) {
    this.#options = options
  }

  /** From now on, and until it stops asking, that node is told; gives the number of its last batch. */
  add(kind: string, node: NodeId): number {
    const watchers = this.#byKind.get(kind) ?? new Map<NodeId, Watcher>()
    this.#byKind.set(kind, watchers)
    const watcher = watchers.get(node) ?? { number: 0, until: 0 }
    watchers.set(node, watcher)
    watcher.until = this.#options.clock.monotonic() + watchMs
    return watcher.number
  }
  remove(kind: string, node: NodeId): void {
    const watchers = this.#byKind.get(kind)
    watchers?.delete(node)
    if (watchers?.size === 0) this.#byKind.delete(kind)
  }
  has(kind: string): boolean {
    return this.#byKind.size > 0 && this.#byKind.has(kind)
  }
  /** This incarnation is over, and with it everything that it promised. */
  clear(): void {
    this.#byKind.clear()
    this.#waiting.clear()
  }

  /** Only for kinds that somebody watches. */
  tell(kind: string, told: Told): void {
    if (this.#waiting.size === 0) this.#options.clock.defer(() => this.#flush())
    const waiting = this.#waiting.get(kind)
    if (waiting === undefined) this.#waiting.set(kind, [told])
    else waiting.push(told)
  }

  #flush(): void {
    const waiting = this.#waiting
    this.#waiting = new Map()
    const engine = this.#options.engine()
    if (engine === null) return
    for (const [kind, told] of waiting) {
      for (const [node, watcher] of this.#byKind.get(kind) ?? []) {
        if (watcher.until < this.#options.clock.monotonic() || engine.membership.isGone(node))
          this.remove(kind, node)
        else this.#send(engine, { kind, node, watcher }, told)
      }
    }
  }

  #send(
    engine: Engine,
    { kind, node, watcher }: { readonly kind: string; readonly node: NodeId; readonly watcher: Watcher },
    told: readonly Told[],
  ): void {
    for (let from = 0; from < told.length; from += batchSize) {
      // Also when it does not leave: the next number says that something is missing.
      watcher.number++
      const events = told.slice(from, from + batchSize).map(([what, id]) => [what, id])
      engine.control(node, 'lives', { kind, number: watcher.number, events })
    }
  }
}
