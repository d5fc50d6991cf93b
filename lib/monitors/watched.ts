/** Who on other nodes watches what lives here: told of its end, forgotten when they do not ask again. */
import type { FarReason } from '../api/exit.js'
import type { Config } from '../config.js'
import type { NodeId, ShardId } from '../ids.js'
import type { Reached } from '../limits.js'
import type { Clock, Timer } from '../std/clock.js'
import type { MonitorMessage, MonitorRequest } from './protocol.js'

/** What is known here of the present life of an entity. `later`: it cannot be said now. */
export type LifeHere =
  | { readonly tag: 'here'; readonly shard: ShardId; readonly life: string }
  /** A singleton: an actor of this node. */
  | { readonly tag: 'actor' }
  | { readonly tag: 'elsewhere'; readonly node: NodeId }
  | { readonly tag: 'nobody'; readonly stem: string }
  | { readonly tag: 'later' }

export interface WatchedOptions {
  readonly clock: Clock
  readonly config: Config
  readonly reached: Pick<Reached, 'monitorsCountMax'>
  lifeOf(kind: string, id: string): LifeHere
  /** Watches this node's own actor; null when nobody lives there. */
  watchActor(
    kind: string,
    tell: (reason: FarReason) => void,
  ): { readonly life: string; readonly cancel: () => void } | null
  send(to: NodeId, message: MonitorMessage): boolean
}

interface Watcher {
  readonly node: NodeId
  readonly n: number
  readonly life: string
  /** Of an entity. */
  readonly shard: ShardId | null
  readonly address: string
  readonly cancel: () => void
  /** Monotonic: when it is forgotten if it is not asked for again. */
  until: number
  /** Said, but perhaps not heard. */
  end: FarReason | null
}

/** So many renewals may be lost. */
const renewalsAllowed = 3
const keyOf = (node: NodeId, n: number): string => `${node} ${n}`
/** A life is written `stem/rest`; another stem is another node, or a state that was lost with every copy. */
const stemOf = (life: string): string => life.slice(0, life.indexOf('/'))

export class WatchedSide {
  readonly #options: WatchedOptions
  readonly #all = new Map<string, Watcher>()
  readonly #byAddress = new Map<string, Set<Watcher>>()
  #timer: Timer | null = null

  constructor(options: WatchedOptions) {
    this.#options = options
  }

  get count(): number {
    return this.#all.size
  }

  monitor(request: MonitorRequest, from: NodeId): void {
    const { n } = request
    const known = this.#all.get(keyOf(from, n))
    if (known === undefined) {
      this.#begin(request, from)
      return
    }
    known.until = this.#until()
    this.#options.send(
      from,
      known.end === null
        ? { verb: 'monitored', n, life: known.life }
        : { verb: 'down', n, reason: known.end },
    )
  }

  demonitor(n: number, from: NodeId): void {
    const known = this.#all.get(keyOf(from, n))
    if (known !== undefined) this.#forget(known)
  }

  /** The end of an entity's life is safe with its mirrors. */
  entityEnded(address: string): void {
    for (const watcher of this.#byAddress.get(address) ?? []) this.#ended(watcher, { tag: 'normal' })
  }

  /** This node does not own the shard any more: its watchers ask the next owner. */
  shardLeft(shard: ShardId, owner: NodeId | null): void {
    if (this.#all.size === 0) return
    for (const watcher of [...this.#all.values()]) {
      if (watcher.shard !== shard || watcher.end !== null) continue
      if (owner !== null) this.#options.send(watcher.node, { verb: 'elsewhere', n: watcher.n, node: owner })
      this.#forget(watcher)
    }
  }

  /** Whoever watched from a node that is gone watches no more. */
  forgetGone(isGone: (node: NodeId) => boolean): void {
    for (const watcher of [...this.#all.values()]) if (isGone(watcher.node)) this.#forget(watcher)
  }

  clear(): void {
    this.#timer?.cancel()
    this.#timer = null
    for (const watcher of [...this.#all.values()]) this.#forget(watcher)
  }

  #begin(request: MonitorRequest, from: NodeId): void {
    const { send, config, reached } = this.#options
    const { n, kind, id } = request
    if (this.#all.size >= config.monitorsCountMax) {
      reached.monitorsCountMax++
      send(from, { verb: 'down', n, reason: { tag: 'overloaded' } })
    } else if (id === '') this.#beginActor(request, from)
    else this.#beginEntity(request, this.#options.lifeOf(kind, id), from)
  }

  #beginEntity(request: MonitorRequest, found: LifeHere, from: NodeId): void {
    const { send } = this.#options
    const { n, kind, id, life } = request
    if (found.tag === 'later') return
    if (found.tag === 'actor') {
      this.#beginActor(request, from)
      return
    }
    if (found.tag === 'elsewhere') {
      send(from, { verb: 'elsewhere', n, node: found.node })
      return
    }
    if (found.tag === 'here' && (life === null || life === found.life)) {
      const { shard } = found
      this.#add({ node: from, n, life: found.life, shard, address: `${kind}/${id}`, cancel: () => undefined })
      send(from, { verb: 'monitored', n, life: found.life })
      return
    }
    const stem = found.tag === 'here' ? stemOf(found.life) : found.stem
    send(from, { verb: 'down', n, reason: endedMeanwhile(life, stem) })
  }

  #beginActor({ n, kind, life }: MonitorRequest, from: NodeId): void {
    const { send, watchActor } = this.#options
    let watcher: Watcher | undefined
    const found = watchActor(kind, (reason) => {
      if (watcher !== undefined) this.#ended(watcher, reason)
    })
    if (found === null || (life !== null && life !== found.life)) {
      found?.cancel()
      // A singleton that another node ran when it was last seen.
      const isOther = life !== null && found !== null && stemOf(life) !== stemOf(found.life)
      send(from, { verb: 'down', n, reason: { tag: isOther ? 'noconnection' : 'noproc' } })
      return
    }
    watcher = this.#add({ node: from, n, shard: null, address: `${kind}/`, ...found })
    send(from, { verb: 'monitored', n, life: found.life })
  }

  #add(made: Omit<Watcher, 'until' | 'end'>): Watcher {
    const watcher: Watcher = { ...made, until: this.#until(), end: null }
    this.#all.set(keyOf(made.node, made.n), watcher)
    const others = this.#byAddress.get(made.address)
    if (others === undefined) this.#byAddress.set(made.address, new Set([watcher]))
    else others.add(watcher)
    this.#timer ??= this.#options.clock.after(this.#options.config.monitorRenewMs, () => this.#tick())
    return watcher
  }

  #ended(watcher: Watcher, reason: FarReason): void {
    if (watcher.end !== null) return
    watcher.end = reason
    this.#options.send(watcher.node, { verb: 'down', n: watcher.n, reason })
  }

  #forget(watcher: Watcher): void {
    watcher.cancel()
    this.#all.delete(keyOf(watcher.node, watcher.n))
    const others = this.#byAddress.get(watcher.address)
    others?.delete(watcher)
    if (others?.size === 0) this.#byAddress.delete(watcher.address)
  }

  #until(): number {
    return this.#options.clock.monotonic() + renewalsAllowed * this.#options.config.monitorRenewMs
  }
  #tick(): void {
    const { clock, config } = this.#options
    this.#timer = null
    const now = clock.monotonic()
    for (const watcher of [...this.#all.values()]) if (watcher.until < now) this.#forget(watcher)
    if (this.#all.size > 0) this.#timer = clock.after(config.monitorRenewMs, () => this.#tick())
  }
}

/** Whose life it was that the watcher knew, while nobody here watched it. */
const endedMeanwhile = (life: string | null, stem: string): FarReason => {
  if (life === null) return { tag: 'noproc' }
  return { tag: stemOf(life) === stem ? 'normal' : 'noconnection' }
}
