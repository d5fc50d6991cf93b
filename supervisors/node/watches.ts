/** What the listeners of this node want to be told of entities anywhere, and who tells it. */
import * as E from 'fp-ts/lib/Either.js'
import * as t from 'io-ts'
import type { EntityEvent } from '../../lib/api/listing.js'
import type { Engine } from '../../lib/engine/engine.js'
import type { NodeId } from '../../lib/ids.js'
import type { Clock, Timer } from '../../lib/std/clock.js'
import type { Wire } from '../../lib/wire/envelope.js'
import { hostsOf, inquire } from './inquiries.js'
import { watchMs } from './watchers.js'

const renewMs = watchMs / 3
const askMs = 2_000

const Batch = t.type({
  kind: t.string,
  number: t.number,
  events: t.array(t.tuple([t.keyof({ s: null, e: null, m: null, l: null }), t.string])),
})
const types = { s: 'started', e: 'stopped', m: 'moved' } as const

export type EntityListener = (event: EntityEvent<string>) => void

/** One node that tells. */
interface Source {
  /** Of the last batch that came; undefined until it has promised to tell. */
  number: number | undefined
  /** The last batch that it has sent, as it said when it was asked last. */
  claimed: number
}
interface Watched {
  readonly kind: string
  readonly listeners: Set<EntityListener>
  readonly sources: Map<NodeId, Source>
  /** The first to be asked that have not answered yet: it begins when there are none. */
  opening: Set<NodeId>
  hasBegun: boolean
}

export interface WatchesOptions {
  readonly clock: Clock
  engine(): Engine | null
}

export class Watches {
  readonly #options: WatchesOptions
  readonly #byKind = new Map<string, Watched>()
  #timer: Timer | undefined

  constructor(options: WatchesOptions) {
    this.#options = options
  }

  add(kind: string, listener: EntityListener): () => void {
    const known = this.#byKind.get(kind)
    const watched = known ?? {
      kind,
      listeners: new Set(),
      sources: new Map(),
      opening: new Set<NodeId>(),
      hasBegun: false,
    }
    // Its own function, so that one listener may be added twice and removed once.
    const each: EntityListener = (event) => listener(event)
    watched.listeners.add(each)
    if (known === undefined) this.#begin(watched)
    else if (watched.hasBegun)
      this.#options.clock.defer(() => {
        if (watched.listeners.has(each)) this.#call(each, { type: 'resync', reason: 'begun' })
      })
    this.#timer ??= this.#options.clock.after(renewMs, () => this.#renew())
    return () => {
      watched.listeners.delete(each)
      if (watched.listeners.size === 0 && this.#byKind.get(kind) === watched) this.#end(watched)
    }
  }

  /** The members are others, or this node has become one again. */
  membersChanged(): void {
    const engine = this.#options.engine()
    if (engine === null) return
    for (const watched of this.#byKind.values()) {
      for (const node of [...watched.sources.keys()]) {
        if (!engine.membership.isGone(node)) continue
        watched.sources.delete(node)
        if (watched.hasBegun) this.#tell(watched, { type: 'resync', reason: 'left', node })
        this.#answered(watched, watched.opening, node)
      }
      for (const node of hostsOf(engine, watched.kind))
        if (!watched.sources.has(node)) this.#ask(engine, watched, node)
    }
  }

  /** This node is a member, under a new incarnation: nobody has promised it anything yet. */
  joined(): void {
    for (const watched of this.#byKind.values()) {
      watched.sources.clear()
      this.#begin(watched)
    }
  }

  /** A batch has come. */
  heard(body: Wire, from: NodeId): void {
    const batch = Batch.decode(body)
    if (E.isLeft(batch)) return
    const { kind, number, events } = batch.right
    const watched = this.#byKind.get(kind)
    const source = watched?.sources.get(from)
    if (watched === undefined || source?.number === undefined || number <= source.number) return
    if (number !== source.number + 1) this.#tell(watched, { type: 'resync', reason: 'gap', node: from })
    source.number = number
    for (const [what, id] of events) {
      if (what === 'l') this.#tell(watched, { type: 'resync', reason: 'state-lost', node: from })
      else this.#tell(watched, { type: types[what], id, node: from })
    }
  }

  stop(): void {
    this.#timer?.cancel()
    this.#byKind.clear()
  }

  #begin(watched: Watched): void {
    this.#byKind.set(watched.kind, watched)
    watched.hasBegun = false
    const engine = this.#options.engine()
    if (engine === null) return
    const hosts = hostsOf(engine, watched.kind)
    const opening = new Set(hosts)
    watched.opening = opening
    for (const node of hosts) this.#ask(engine, watched, node)
    if (hosts.length === 0) this.#options.clock.defer(() => this.#answered(watched, opening, ''))
  }
  #answered(watched: Watched, opening: Set<NodeId>, node: NodeId): void {
    opening.delete(node)
    if (watched.opening !== opening || opening.size > 0 || watched.hasBegun) return
    watched.hasBegun = true
    this.#tell(watched, { type: 'resync', reason: 'begun' })
  }

  #end({ kind, sources }: Watched): void {
    this.#byKind.delete(kind)
    for (const node of sources.keys()) this.#options.engine()?.control(node, 'unwatch', { kind })
    if (this.#byKind.size > 0) return
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #renew(): void {
    this.#timer = this.#options.clock.after(renewMs, () => this.#renew())
    const engine = this.#options.engine()
    if (engine === null) return
    for (const watched of this.#byKind.values()) {
      for (const [node, source] of watched.sources) {
        // It was sent long ago, and will not come any more.
        if (source.number !== undefined && source.number < source.claimed) {
          source.number = source.claimed
          this.#tell(watched, { type: 'resync', reason: 'gap', node })
        }
        this.#ask(engine, watched, node)
      }
    }
    this.membersChanged()
  }

  #ask(engine: Engine, watched: Watched, node: NodeId): void {
    const source = watched.sources.get(node) ?? { number: undefined, claimed: 0 }
    watched.sources.set(node, source)
    const { opening } = watched
    inquire(engine, node, { tag: 'watch', payload: { kind: watched.kind }, timeoutMs: askMs }, (answer) => {
      if (this.#byKind.get(watched.kind) !== watched || watched.sources.get(node) !== source) return
      if (typeof answer === 'number') this.#promised(watched, node, source, answer)
      this.#answered(watched, opening, node)
    })
  }

  #promised(watched: Watched, node: NodeId, source: Source, number: number): void {
    source.claimed = number
    if (source.number !== undefined && number >= source.number) return
    // New to this node, or it has forgotten it meanwhile.
    source.number = number
    if (watched.hasBegun) this.#tell(watched, { type: 'resync', reason: 'joined', node })
  }

  #tell({ listeners }: Watched, event: EntityEvent<string>): void {
    for (const listener of [...listeners]) this.#call(listener, event)
  }
  /** What it throws is its own fault, and reported as such. */
  #call(listener: EntityListener, event: EntityEvent<string>): void {
    try {
      listener(event)
    } catch (error) {
      this.#options.clock.defer(() => {
        throw error
      })
    }
  }
}
