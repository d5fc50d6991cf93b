/**
 * Keeps the order of mail while shards move. What was sent to the old owner of a shard may still be on the
 * way there, or wait there frozen, so a question follows it through the old owner to the new one; that one
 * answers, and until then newer mail waits here. The same when the sender has moved: then the question goes
 * through the node that it spoke from before.
 */
import type { NodeId, ShardId } from '../ids.js'
import type { Shard } from '../ownership/state.js'
import type { Clock, Timer } from '../std/clock.js'
import type { AskEnvelope, ControlEnvelope, TellEnvelope, Wire } from '../wire/envelope.js'
import type { Waiting } from './mail.js'

type Mail = AskEnvelope | TellEnvelope

/** The question: has everything that `from` sent for this shard before arrived where it is handled? */
export interface Follow {
  readonly shard: ShardId
  readonly from: NodeId
  readonly number: number
  readonly hops: number
  /** It goes the way of what this node itself has sent, not that of what it passes on. */
  readonly isOwnWay: boolean
}
export const followVerb = 'follow'
export const followedVerb = 'followed'
export const followEnvelope = (follow: Follow): ControlEnvelope => ({
  type: 'control',
  verb: followVerb,
  body: { ...follow },
})
/** Undefined when the fields do not fit. */
export const followFrom = (body: Wire): Follow | undefined => {
  const { shard, from, number, hops, isOwnWay } = (body ?? {}) as Record<string, unknown>
  if (typeof shard !== 'string' || typeof from !== 'string') return undefined
  if (typeof number !== 'number' || typeof hops !== 'number') return undefined
  return { shard, from, number, hops, isOwnWay: isOwnWay === true }
}

export interface DetoursOptions {
  readonly me: NodeId
  readonly clock: Clock
  /** How long mail waits for the answer at most. */
  readonly waitMs: number
  /** Of all mail that waits here. */
  readonly countMax: number
  readonly reached: { detourMsMax: number; mailboxCountMax: number }
  isGone(node: NodeId): boolean
  send(to: NodeId, envelope: ControlEnvelope): boolean
  /** Sends what has waited, by the way of now. */
  leave(envelope: Waiting): void
}

/** `full`: too much waits already. `kept`: it leaves later. `free`: it may leave now. */
type Taken = 'free' | 'kept' | 'full'

interface Detour {
  readonly number: number
  readonly via: NodeId
  readonly since: number
  readonly mail: Waiting[]
  readonly over: () => void
}

/** A shard that was handed to this node not long ago. */
interface Given {
  readonly by: NodeId
  readonly until: number
  /** Shards that have heard all that its entities said at the node before. */
  readonly caughtUp: Set<ShardId>
}

/** A question goes no further: then the mail before it has been lost on its way, or given up. */
export const followHops = 6

/** `mailedTo` of a shard while its mail waits: no node has this id. */
const waiting = ''
/** A node that did not answer once is not asked again for so long. */
const silenceMs = 10_000
/** What a node says before it gives a shard away has arrived after so long. */
const givenMs = 2_000

export class Detours {
  readonly #options: DetoursOptions
  readonly #open = new Map<number, Detour>()
  readonly #byShard = new Map<Shard, Detour>()
  readonly #bySender = new Map<string, Detour>()
  readonly #given = new Map<ShardId, Given>()
  readonly #silentUntil = new Map<NodeId, number>()
  #lastNumber = 0
  #mailCount = 0
  #timer: Timer | null = null

  constructor(options: DetoursOptions) {
    this.#options = options
  }

  get count(): number {
    return this.#mailCount
  }

  /** Mail of this node for a shard goes to another node than its mail before. */
  take(shard: Shard, to: NodeId, envelope: Mail): Taken {
    const known = this.#byShard.get(shard)
    if (known !== undefined) return this.#keep(known, envelope)
    const via = shard.mailedTo
    shard.mailedTo = to
    const detour = this.#begin(via, { shard: shard.id, isOwnWay: false }, () => {
      this.#byShard.delete(shard)
      shard.mailedTo = to
    })
    if (detour === undefined) return 'free'
    this.#byShard.set(shard, detour)
    shard.mailedTo = waiting
    return this.#keep(detour, envelope)
  }

  /** An entity of one shard says something to one of another. */
  takeFrom(sender: ShardId, shard: ShardId, envelope: Mail): Taken {
    const given = this.#given.get(sender)
    if (given === undefined || given.caughtUp.has(shard)) return 'free'
    const key = `${sender} ${shard}`
    const known = this.#bySender.get(key)
    if (known !== undefined) return this.#keep(known, envelope)
    if (given.until <= this.#options.clock.monotonic()) {
      this.#given.delete(sender)
      return 'free'
    }
    const detour = this.#begin(given.by, { shard, isOwnWay: true }, () => {
      this.#bySender.delete(key)
      given.caughtUp.add(shard)
    })
    if (detour === undefined) return 'free'
    this.#bySender.set(key, detour)
    return this.#keep(detour, envelope)
  }

  /** Takes the way of the mail of this node for that shard; false when that is the way of now. */
  goesOwnWay(shard: Shard, asked: Follow): boolean {
    const { isGone, send } = this.#options
    const next = followEnvelope({ ...asked, hops: asked.hops + 1, isOwnWay: false })
    const detour = this.#byShard.get(shard)
    if (detour !== undefined) return this.#keep(detour, next) === 'kept'
    const { mailedTo, record } = shard
    if (mailedTo === null || mailedTo === record?.owner || isGone(mailedTo)) return false
    return send(mailedTo, next)
  }

  /** Another node has just handed this shard to this one. */
  given(shard: ShardId, by: NodeId): void {
    const now = this.#options.clock.monotonic()
    // Oldest first.
    for (const [known, { until }] of this.#given) {
      if (until > now) break
      this.#given.delete(known)
    }
    this.#given.delete(shard)
    this.#given.set(shard, { by, until: now + givenMs, caughtUp: new Set() })
  }
  get hasGiven(): boolean {
    return this.#given.size > 0
  }

  /** The new owner has had everything. */
  followed(body: Wire): void {
    const detour = typeof body === 'number' ? this.#open.get(body) : undefined
    if (detour !== undefined) this.#end(detour)
  }

  /** What waits for an answer through one of these waits no longer. */
  gone(nodes: readonly NodeId[]): void {
    for (const node of nodes) this.#silentUntil.delete(node)
    for (const detour of [...this.#open.values()]) if (nodes.includes(detour.via)) this.#end(detour)
  }

  /** Gives what waits, which will not leave any more. */
  close(): readonly Waiting[] {
    const left = [...this.#open.values()].flatMap(({ mail }) => mail)
    this.#timer?.cancel()
    this.#timer = null
    this.#open.clear()
    this.#byShard.clear()
    this.#bySender.clear()
    this.#given.clear()
    this.#mailCount = 0
    return left
  }

  #begin(via: NodeId | null, way: Pick<Follow, 'shard' | 'isOwnWay'>, over: () => void): Detour | undefined {
    const { me, clock, isGone, send } = this.#options
    if (via === null || isGone(via) || this.#isSilent(via)) return undefined
    const number = ++this.#lastNumber
    if (!send(via, followEnvelope({ ...way, from: me, number, hops: 0 }))) return undefined
    const detour = { number, via, since: clock.monotonic(), mail: [], over }
    this.#open.set(number, detour)
    this.#arm()
    return detour
  }

  #keep(detour: Detour, envelope: Waiting): Taken {
    const { countMax, reached } = this.#options
    if (this.#mailCount >= countMax) {
      reached.mailboxCountMax++
      return 'full'
    }
    this.#mailCount++
    detour.mail.push(envelope)
    return 'kept'
  }

  #isSilent(node: NodeId): boolean {
    const until = this.#silentUntil.get(node)
    if (until === undefined) return false
    if (until > this.#options.clock.monotonic()) return true
    this.#silentUntil.delete(node)
    return false
  }

  #end({ number, since, mail, over }: Detour): void {
    const { clock, leave } = this.#options
    this.#open.delete(number)
    this.#mailCount -= mail.length
    over()
    const waitedMs = clock.monotonic() - since
    for (const envelope of mail)
      leave(
        envelope.type === 'ask'
          ? { ...envelope, remainingMs: Math.max(1, envelope.remainingMs - waitedMs) }
          : envelope,
      )
  }

  /** The oldest is the first of the map. */
  #arm(): void {
    const oldest = this.#open.values().next()
    if (this.#timer !== null || oldest.done) return
    const { clock, waitMs } = this.#options
    const leftMs = oldest.value.since + waitMs - clock.monotonic()
    this.#timer = clock.after(Math.max(1, leftMs), () => this.#check())
  }
  #check(): void {
    const { clock, waitMs, reached } = this.#options
    this.#timer = null
    const now = clock.monotonic()
    for (const detour of [...this.#open.values()]) {
      if (detour.since + waitMs > now) break
      reached.detourMsMax++
      this.#silentUntil.set(detour.via, now + silenceMs)
      this.#end(detour)
    }
    this.#arm()
  }
}
