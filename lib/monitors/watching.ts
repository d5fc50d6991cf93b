/** The monitors that this node has set on what lives elsewhere: each is kept up until it has said its end. */
import type { FarDown, FarReason } from '../api/exit.js'
import type { Config } from '../config.js'
import type { NodeId } from '../ids.js'
import type { Reached } from '../limits.js'
import type { Clock, Timer } from '../std/clock.js'
import type { MonitorMessage } from './protocol.js'

/** An entity, or with `node` that node's own actor. */
export interface Watched {
  readonly kind: string
  readonly id: string
  readonly node?: string
}
export interface WatchingOptions {
  readonly clock: Clock
  readonly config: Config
  readonly reached: Pick<Reached, 'monitorsCountMax'>
  /** Where an entity lives, or would; null when that is not known now. */
  whereIs(kind: string, id: string): NodeId | null
  /** A node by name or id; null when there is none of that name. */
  resolve(node: string): NodeId | null
  isGone(node: NodeId): boolean
  /** False when it did not leave. */
  send(to: NodeId, message: MonitorMessage): boolean
}

interface Watching {
  readonly n: number
  readonly target: Watched
  readonly tell: (down: FarDown) => void
  readonly tellsMoves: boolean
  /** Whom it was asked of last. */
  at: NodeId | null
  /** Where a node said that it is. */
  hint: NodeId | null
  /** The life that is watched, once a node has named it. */
  life: string | null
  /** Who has last said that it watches. */
  watchedBy: NodeId | null
  isWatched: boolean
  askedAt: number
  redirects: number
}

const tickMs = 200
const redirectsMax = 2

export class WatchingSide {
  readonly #options: WatchingOptions
  readonly #all = new Map<number, Watching>()
  #count = 0
  #timer: Timer | null = null

  constructor(options: WatchingOptions) {
    this.#options = options
  }

  get count(): number {
    return this.#all.size
  }

  /** Calls `tell` once with the end, and before it with each move if those are wanted. */
  watch(target: Watched, tell: (down: FarDown) => void, tellsMoves: boolean): () => void {
    const { clock, config, reached } = this.#options
    const watching: Watching = {
      n: ++this.#count,
      target,
      tell,
      tellsMoves,
      at: null,
      hint: null,
      life: null,
      watchedBy: null,
      isWatched: false,
      askedAt: Number.NEGATIVE_INFINITY,
      redirects: 0,
    }
    const { n } = watching
    const isFull = this.#all.size >= config.monitorsCountMax
    this.#all.set(n, watching)
    if (isFull) {
      reached.monitorsCountMax++
      clock.defer(() => this.#end(watching, { tag: 'overloaded' }))
    } else {
      this.#seek(watching)
      this.#arm()
    }
    return () => {
      if (!this.#all.delete(n)) return
      if (watching.at !== null) this.#options.send(watching.at, { verb: 'demonitor', n })
    }
  }

  received(message: MonitorMessage, from: NodeId): void {
    const watching = this.#all.get(message.n)
    // What a former place says late counts no more.
    if (watching === undefined || watching.at !== from) return
    switch (message.verb) {
      case 'monitored':
        this.#watched(watching, from, message.life)
        break
      case 'elsewhere':
        watching.isWatched = false
        watching.hint = message.node
        if (watching.redirects++ < redirectsMax) this.#seek(watching)
        break
      case 'down':
        this.#end(watching, message.reason)
    }
  }

  membersChanged(): void {
    for (const watching of [...this.#all.values()]) if (this.#isLost(watching)) this.#seek(watching)
  }

  /** This node is no member any more: it hears nothing from others. */
  disconnected(): void {
    for (const watching of [...this.#all.values()]) {
      watching.at = watching.hint = null
      watching.isWatched = false
      if (watching.target.node !== undefined) this.#end(watching, { tag: 'noconnection' })
    }
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = null
    this.#all.clear()
  }

  #isLost({ at }: Watching): boolean {
    return at === null || this.#options.isGone(at)
  }

  #watched(watching: Watching, from: NodeId, life: string): void {
    const before = watching.watchedBy
    watching.life = life
    watching.watchedBy = from
    watching.isWatched = true
    watching.redirects = 0
    if (watching.tellsMoves && before !== null && before !== from)
      watching.tell({ address: watching.target, reason: { tag: 'moved', to: from } })
  }

  #end(watching: Watching, reason: FarReason): void {
    const { n, at, target, tell } = watching
    if (!this.#all.delete(n)) return
    if (at !== null && reason.tag !== 'noconnection') this.#options.send(at, { verb: 'demonitor', n })
    tell({ address: target, reason })
  }

  /** Asks whoever should know. */
  #seek(watching: Watching): void {
    const { clock, isGone, send } = this.#options
    const { n, life, target } = watching
    const { kind, id } = target
    const to = target.node === undefined ? this.#placeOf(watching) : this.#nodeOf(watching, target.node)
    watching.askedAt = clock.monotonic()
    if (to === null) return
    if (to !== watching.at) watching.isWatched = false
    watching.at = to
    if (!isGone(to)) send(to, { verb: 'monitor', n, kind, id, life })
  }
  #placeOf(watching: Watching): NodeId | null {
    const { hint, target } = watching
    if (hint !== null && !this.#options.isGone(hint)) return hint
    watching.hint = null
    return this.#options.whereIs(target.kind, target.id)
  }
  /** A node that is gone never returns; one of its name is another. */
  #nodeOf(watching: Watching, name: string): NodeId | null {
    const node = watching.at ?? this.#options.resolve(name)
    if (node !== null && !this.#options.isGone(node)) return node
    this.#options.clock.defer(() => this.#end(watching, { tag: 'noconnection' }))
    return null
  }

  #arm(): void {
    if (this.#timer === null && this.#all.size > 0)
      this.#timer = this.#options.clock.after(tickMs, () => this.#tick())
  }
  #tick(): void {
    const { clock, config, whereIs } = this.#options
    this.#timer = null
    const now = clock.monotonic()
    for (const watching of [...this.#all.values()]) {
      const { target, at, hint, isWatched, askedAt } = watching
      const hasMoved = target.node === undefined && hint === null && whereIs(target.kind, target.id) !== at
      const againMs = isWatched ? config.monitorRenewMs : config.askResendMs
      if (!hasMoved && now - askedAt < againMs) continue
      watching.redirects = 0
      if (!isWatched) watching.hint = null
      this.#seek(watching)
    }
    this.#arm()
  }
}
