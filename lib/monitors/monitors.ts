/** Monitors between nodes, both sides: set here on what lives elsewhere, and elsewhere on what is here. */
import type { FarDown, FarReason } from '../api/exit.js'
import type { Config } from '../config.js'
import type { Engine } from '../engine/engine.js'
import { formatAddress, indexOfShard, type NodeId, type ShardId } from '../ids.js'
import type { Reached } from '../limits.js'
import type { Clock } from '../std/clock.js'
import type { ControlEnvelope } from '../wire/envelope.js'
import { monitorBody, type MonitorMessage, monitorMessageFrom } from './protocol.js'
import { type LifeHere, WatchedSide } from './watched.js'
import { type Watched, WatchingSide } from './watching.js'

export interface MonitorsOptions {
  readonly clock: Clock
  readonly config: Config
  readonly reached: Pick<Reached, 'monitorsCountMax'>
  /** Null while the node is not a member. */
  engine(): Engine | null
  /** Whether this node's tree has the kind, as entities or as a singleton. */
  runs(kind: string): boolean
  isSingleton(kind: string): boolean
  /** Whether this node's own actor of that kind is there. */
  lives(kind: string): boolean
  resolve(node: string): NodeId | null
  watchActor(
    kind: string,
    tell: (reason: FarReason) => void,
  ): { readonly life: string; readonly cancel: () => void } | null
}

/** Belongs to the node, not to one incarnation of it: its actors outlive those. */
export class Monitors {
  readonly #options: MonitorsOptions
  readonly #watching: WatchingSide
  readonly #watched: WatchedSide

  constructor(options: MonitorsOptions) {
    this.#options = options
    const { clock, config, reached, engine } = options
    const send = (to: NodeId, message: MonitorMessage): boolean =>
      engine()?.control(to, message.verb, monitorBody(message)) ?? false
    const isGone = (node: NodeId): boolean => engine()?.membership.isGone(node) ?? true
    this.#watching = new WatchingSide({
      clock,
      config,
      reached,
      send,
      isGone,
      resolve: options.resolve,
      whereIs: (kind, id) => engine()?.where(kind, id).owner ?? null,
    })
    this.#watched = new WatchedSide({
      clock,
      config,
      reached,
      send,
      watchActor: options.watchActor,
      lifeOf: (kind, id) => this.#lifeOf(kind, id),
    })
  }

  /** How many are set here, and how many elsewhere on what is here. */
  get counts(): { readonly monitorsSetCount: number; readonly monitorsHeldCount: number } {
    return { monitorsSetCount: this.#watching.count, monitorsHeldCount: this.#watched.count }
  }

  watch(target: Watched, tell: (down: FarDown) => void, tellsMoves: boolean): () => void {
    return this.#watching.watch(target, tell, tellsMoves)
  }

  received({ verb, body }: ControlEnvelope, from: NodeId): void {
    const message = monitorMessageFrom(verb, body)
    if (message === undefined) return
    if (message.verb === 'monitor') this.#watched.monitor(message, from)
    else if (message.verb === 'demonitor') this.#watched.demonitor(message.n, from)
    else this.#watching.received(message, from)
  }

  entityEnded(kind: string, id: string): void {
    if (this.#watched.count > 0) this.#watched.entityEnded(formatAddress(kind, id))
  }
  shardLeft(shard: ShardId, owner: NodeId | null): void {
    this.#watched.shardLeft(shard, owner === this.#options.engine()?.me ? null : owner)
  }
  membersChanged(): void {
    const engine = this.#options.engine()
    if (engine === null) return
    this.#watched.forgetGone((node) => engine.membership.isGone(node))
    this.#watching.membersChanged()
  }
  /** The incarnation of this node is over. */
  disconnected(): void {
    this.#watched.clear()
    this.#watching.disconnected()
  }
  stop(): void {
    this.#watched.clear()
    this.#watching.stop()
  }

  #lifeOf(kind: string, id: string): LifeHere {
    const engine = this.#options.engine()
    if (engine === null || !this.#options.runs(kind)) return { tag: 'later' }
    const { shard: name, owner, isRecorded } = engine.where(kind, id)
    const shard = engine.ownership.get(name)
    if (owner !== null && owner !== engine.me) return { tag: 'elsewhere', node: owner }
    if (this.#options.isSingleton(kind)) return { tag: this.#options.lives(kind) ? 'actor' : 'later' }
    if (!isRecorded) return { tag: 'nobody', stem: '' }
    if (shard === undefined || shard.copy === null || !engine.ownership.mayServe(shard))
      return { tag: 'later' }
    const stem = `${indexOfShard(shard.id)}.${shard.copy.gen}`
    const entity = shard.copy.entities.get(id)
    if (entity?.life !== 'live') return { tag: 'nobody', stem }
    return { tag: 'here', shard: name, life: `${stem}/${entity.since}.${entity.incarnation}` }
  }
}
