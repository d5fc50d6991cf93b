/** The singletons in the tree of one node: each runs here while this node owns its one shard. */
import { type SingletonData, singletonId } from '../../lib/api/internal.js'
import type { SingletonStatus } from '../../lib/api/status.js'
import type { Config } from '../../lib/config.js'
import type { Engine } from '../../lib/engine/engine.js'
import type { NodeId } from '../../lib/ids.js'
import type { Cell } from '../../lib/kernel/cell.js'
import type { Kernel } from '../../lib/kernel/kernel.js'
import type { Ended } from '../../lib/kernel/lifecycle.js'
import type { LocalActor } from '../../lib/kernel/local-actor.js'
import type { Outside } from '../../lib/kernel/outside.js'
import type { Shard } from '../../lib/ownership/state.js'
import type { Timer } from '../../lib/std/clock.js'
import { SingletonPlace } from './singleton-place.js'

export interface SingletonsOptions {
  readonly kernel: Kernel
  readonly config: Config
  readonly all: readonly SingletonData[]
  /** Null while the node is not a member. */
  engine(): Engine | null
}

const tickMs = 100

export class Singletons {
  readonly #options: SingletonsOptions
  readonly #places = new Map<string, SingletonPlace>()
  /** Who else had it last, as far as this node has seen. */
  readonly #before = new Map<string, NodeId>()
  #timer: Timer | null = null
  #isLeaving = false

  constructor(options: SingletonsOptions) {
    this.#options = options
  }

  has(kind: string): boolean {
    return this.#options.all.some(({ behavior }) => behavior.kind === kind)
  }
  actor(kind: string): LocalActor | undefined {
    return this.#places.get(kind)?.actor
  }

  /** For the tree. */
  place(data: SingletonData, under: { parent: Cell<any>; outside: Outside; ended: Ended }): SingletonPlace {
    const { kernel, config } = this.#options
    const { kind } = data.behavior
    const place = new SingletonPlace({
      kernel,
      data,
      ...under,
      mayBegin: () => this.#mayBegin(kind),
      mayAct: () => this.#mayAct(kind),
      patienceMs: config.handoffMs / 5,
    })
    this.#places.set(kind, place)
    this.#timer ??= kernel.clock.after(tickMs, () => this.#tick())
    return place
  }

  /** Something about who owns it has changed. */
  changed(kind: string): void {
    const place = this.#places.get(kind)
    const engine = this.#options.engine()
    if (place === undefined) return
    const shard = engine === null ? undefined : this.#shardOf(engine, kind)
    if (engine !== null && shard?.record !== null && shard?.record.owner !== engine.me)
      if (shard !== undefined) this.#before.set(kind, shard.record?.owner ?? '')
    if (!this.#mayAct(kind)) place.disown()
    else if (shard?.role === 'giving') place.handOver()
    else if (this.#mayBegin(kind)) place.own()
    if (engine !== null && (shard === undefined || shard.record === null) && !this.#isLeaving)
      engine.ownership.ensure(engine.where(kind, singletonId).shard)
  }
  allChanged(): void {
    for (const kind of this.#places.keys()) this.changed(kind)
  }

  /** Ends what has not been handed over; `done` when nothing of it runs here. */
  leave(done: () => void): void {
    this.#isLeaving = true
    const { clock } = this.#options.kernel
    const wait = (): void => {
      const running = [...this.#places.values()].filter(({ actor }) => actor !== undefined)
      for (const place of running) place.handOver()
      if (running.length === 0) done()
      else clock.after(tickMs / 10, wait)
    }
    wait()
  }
  stop(): void {
    this.#timer?.cancel()
    this.#timer = null
  }

  status(): readonly SingletonStatus[] {
    const engine = this.#options.engine()
    return [...this.#places].map(([kind, { actor }]) => {
      const { owner = null, isRecorded = false } = engine?.where(kind, singletonId) ?? {}
      const runsOn = owner === null || !isRecorded ? {} : { owner }
      return { kind, ...runsOn, isHere: actor !== undefined }
    })
  }

  #shardOf(engine: Engine, kind: string): Shard | undefined {
    return engine.ownership.get(engine.where(kind, singletonId).shard)
  }
  #mayAct(kind: string): boolean {
    const engine = this.#options.engine()
    const shard = engine === null ? undefined : this.#shardOf(engine, kind)
    return engine !== null && shard !== undefined && engine.ownership.mayServe(shard)
  }
  #mayBegin(kind: string): boolean {
    const engine = this.#options.engine()
    if (engine === null || this.#isLeaving || !this.#mayAct(kind)) return false
    // Whoever had it may act on until its lease is over, also when it is known to be gone.
    const before = this.#before.get(kind)
    const { isGone, leaseIsOver } = engine.membership
    if (before !== undefined && isGone(before) && !leaseIsOver(before)) return false
    return this.#shardOf(engine, kind)?.role === 'owner'
  }
  #tick(): void {
    this.#timer = this.#options.kernel.clock.after(tickMs, () => this.#tick())
    this.allChanged()
  }
}
