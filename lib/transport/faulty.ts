/**
 * Wraps a transport and makes it lose, delay, double, reorder and cut, by seeded chance. What it does breaks
 * the promises of the port on purpose: the layers above must stay right.
 *
 * Nodes are named by their names, so a fault stays when a node comes back as a new incarnation.
 */
import { type NodeId, parseNodeId } from '../ids.js'
import * as E from 'fp-ts/lib/Either.js'
import type { Clock } from '../std/clock.js'
import type { Random } from '../std/random.js'
import { faultyRecords } from '../records/faulty.js'
import type { Inbox, Lane, LinkStatus, ProbeAnswer, Session, Transport } from './transport.js'

/** Chances are from 0 to 1, times in milliseconds. Everything is 0 unless it is set. */
export interface Faults {
  readonly loss: number
  readonly duplication: number
  readonly delayMsMin: number
  readonly delayMsMax: number
  /** Chance that a frame does not wait for the ones sent before it to the same node. */
  readonly reordering: number
  /** The same for answers of the record store; a lost answer counts as `unknown` or `failed`. */
  readonly recordLoss: number
  readonly recordDelayMsMin: number
  readonly recordDelayMsMax: number
  /** A lost record answer is noticed after this long. */
  readonly recordTimeoutMs: number
}

const noFaults: Faults = {
  loss: 0,
  duplication: 0,
  delayMsMin: 0,
  delayMsMax: 0,
  reordering: 0,
  recordLoss: 0,
  recordDelayMsMin: 0,
  recordDelayMsMax: 0,
  recordTimeoutMs: 1_000,
}

export interface FaultCounters {
  frames: number
  lost: number
  doubled: number
  cut: number
  recordAnswersLost: number
}

/** The hand on the faults. All of it takes effect from the next frame on. */
export interface FaultControl {
  readonly counters: Readonly<FaultCounters>
  set(faults: Partial<Faults>): void
  /** From now on nothing gets from one node to the other; the other way is as before. */
  cut(from: string, to: string): void
  /** Both ways, between each of one side and each of the other. */
  split(oneSide: readonly string[], otherSide: readonly string[]): void
  /** The node reaches its peers but not the record store. */
  cutRecords(node: string): void
  /** Nobody reaches the record store, until `heal()`. */
  recordsDown(): void
  /**
   * What the node sends and writes arrives, but it hears nothing of it, nor of anything else, and does not
   * know that.
   */
  deafen(node: string): void
  /** The node sees its connection as down: it is told so, nothing comes or goes. */
  disconnect(node: string): void
  /**
   * The end of cuts, of all nodes or of one; without a node also of `recordsDown`. Chances and delays stay.
   */
  heal(node?: string): void
  /** The node takes nothing: what comes waits, in order, until it is resumed. Probes of it are silent. */
  pause(node: string): void
  resume(node: string): void
}

export interface FaultyTransport extends Transport {
  readonly faults: FaultControl
}

/** What the sessions and records of one faulty transport share. */
class FaultState implements FaultControl {
  readonly counters: FaultCounters = { frames: 0, lost: 0, doubled: 0, cut: 0, recordAnswersLost: 0 }
  readonly paused = new Map<string, (() => void)[]>()
  readonly sessions = new Set<FaultySession>()
  faults = noFaults
  #cuts = new Set<string>()
  #cutFromRecords = new Set<string>()
  #disconnected = new Set<string>()
  #deaf = new Set<string>()
  #recordsDown = false
  readonly #onHeal = new Set<(isBack: (node: string) => boolean) => void>()

  constructor(
    readonly clock: Clock,
    readonly random: Random,
  ) {}

  set(faults: Partial<Faults>): void {
    this.faults = { ...this.faults, ...faults }
  }
  cut(from: string, to: string): void {
    this.#cuts.add(`${from}>${to}`)
  }
  split(oneSide: readonly string[], otherSide: readonly string[]): void {
    for (const a of oneSide) {
      for (const b of otherSide) {
        this.cut(a, b)
        this.cut(b, a)
      }
    }
  }
  cutRecords(node: string): void {
    this.#cutFromRecords.add(node)
  }
  recordsDown(): void {
    this.#recordsDown = true
  }
  deafen(node: string): void {
    this.#deaf.add(node)
  }
  disconnect(node: string): void {
    this.#disconnected.add(node)
    this.#tellStatus(node)
  }
  heal(node?: string): void {
    const disconnected = new Set(this.#disconnected)
    const cutFromRecords = new Set([...this.#cutFromRecords, ...disconnected, ...this.#deaf])
    const recordsWereDown = this.#recordsDown
    const isMeant = (name: string): boolean => node === undefined || name === node
    for (const pair of this.#cuts) if (pair.split('>').some(isMeant)) this.#cuts.delete(pair)
    for (const name of this.#cutFromRecords) if (isMeant(name)) this.#cutFromRecords.delete(name)
    for (const name of disconnected) if (isMeant(name)) this.#disconnected.delete(name)
    for (const name of this.#deaf) if (isMeant(name)) this.#deaf.delete(name)
    if (node === undefined) this.#recordsDown = false
    for (const name of disconnected) if (!this.#disconnected.has(name)) this.#tellStatus(name)
    const isBack = (name: string): boolean =>
      (recordsWereDown || cutFromRecords.has(name)) && this.hearsRecords(name)
    for (const listener of [...this.#onHeal]) listener(isBack)
  }
  onHeal(listener: (isBack: (node: string) => boolean) => void): () => void {
    this.#onHeal.add(listener)
    return () => this.#onHeal.delete(listener)
  }
  pause(node: string): void {
    if (!this.paused.has(node)) this.paused.set(node, [])
  }
  resume(node: string): void {
    const waiting = this.paused.get(node) ?? []
    this.paused.delete(node)
    for (const deliver of waiting) deliver()
  }

  isCut(from: string, to: string): boolean {
    if (this.#disconnected.size > 0 && (this.#disconnected.has(from) || this.#disconnected.has(to)))
      return true
    if (this.#deaf.size > 0 && this.#deaf.has(to)) return true
    return this.#cuts.size > 0 && this.#cuts.has(`${from}>${to}`)
  }
  isDisconnected(node: string): boolean {
    return this.#disconnected.has(node)
  }
  reachesRecords(node: string): boolean {
    return !this.#recordsDown && !this.#cutFromRecords.has(node) && !this.#disconnected.has(node)
  }
  hearsRecords(node: string): boolean {
    return this.reachesRecords(node) && !this.#deaf.has(node)
  }
  happens(chance: number): boolean {
    return chance > 0 && this.random.next() < chance
  }
  between(min: number, max: number): number {
    return max > min ? min + this.random.next() * (max - min) : min
  }
  /** Runs `fn` for a node: now, or when it is resumed. */
  reach(node: string, fn: () => void): void {
    const waiting = this.paused.get(node)
    if (waiting === undefined) fn()
    else waiting.push(fn)
  }
  #tellStatus(node: string): void {
    for (const session of this.sessions) if (session.nodeName === node) session.tellStatus()
  }
}

const nameOf = (node: NodeId): string => {
  const parts = parseNodeId(node)
  return E.isRight(parts) ? parts.right.name : node
}

class FaultySession implements Session {
  readonly facts
  readonly records
  readonly #listeners = new Set<(status: LinkStatus) => void>()
  /** When the last frame to a node is due: a later one is not earlier, unless it is reordered. */
  readonly #dueByTarget = new Map<string, number>()

  constructor(
    readonly inner: Session,
    readonly state: FaultState,
    readonly nodeName: string,
  ) {
    this.facts = inner.facts
    this.records = faultyRecords(inner.records, state, nodeName)
    inner.onStatus(() => this.tellStatus())
    state.sessions.add(this)
  }

  status(): LinkStatus {
    const status = this.inner.status()
    return status === 'up' && this.state.isDisconnected(this.nodeName) ? 'down' : status
  }

  onStatus(listener: (status: LinkStatus) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  tellStatus(): void {
    for (const listener of this.#listeners) listener(this.status())
  }

  listen(node: NodeId, inbox: Inbox, done: () => void): void {
    const paused: Inbox = {
      onFrame: (frame, lane) => {
        if (!this.state.paused.has(this.nodeName)) return inbox.onFrame(frame, lane)
        const copy = frame.slice()
        this.state.reach(this.nodeName, () => inbox.onFrame(copy, lane))
      },
    }
    this.inner.listen(node, paused, () => this.state.reach(this.nodeName, done))
  }

  send(to: NodeId, lane: Lane, frame: Uint8Array): void {
    const { state } = this
    state.counters.frames++
    if (state.happens(state.faults.loss)) {
      state.counters.lost++
      return
    }
    this.#sendLater(to, lane, frame)
    if (!state.happens(state.faults.duplication)) return
    state.counters.doubled++
    this.#sendLater(to, lane, frame)
  }

  probe(to: NodeId, timeoutMs: number, done: (answer: ProbeAnswer) => void): void {
    const { state, nodeName } = this
    const target = nameOf(to)
    const answer = (found: ProbeAnswer): void => state.reach(nodeName, () => done(found))
    const reaches = !state.isCut(nodeName, target) && !state.isCut(target, nodeName)
    // The server answers for a node that is gone; it does not for one that is cut off or held up.
    if (!reaches || state.happens(state.faults.loss))
      return void state.clock.after(timeoutMs, () => answer('silent'))
    this.inner.probe(to, timeoutMs, (found) => {
      if (found !== 'answered' || !state.paused.has(target)) return answer(found)
      state.clock.after(timeoutMs, () => answer('silent'))
    })
  }

  close(): Promise<void> {
    this.state.sessions.delete(this)
    return this.inner.close()
  }

  #sendLater(to: NodeId, lane: Lane, frame: Uint8Array): void {
    const { state, nodeName } = this
    const { faults, clock } = state
    const target = nameOf(to)
    const send = (): void => {
      // Looked at when the frame would arrive: a cut also catches what is under way.
      if (state.isCut(nodeName, target)) state.counters.cut++
      else this.inner.send(to, lane, frame)
    }
    if (faults.delayMsMax === 0) return send()
    const now = clock.monotonic()
    let due = now + state.between(faults.delayMsMin, faults.delayMsMax)
    if (!state.happens(faults.reordering)) {
      const key = `${lane}:${to}`
      due = Math.max(due, this.#dueByTarget.get(key) ?? 0)
      this.#dueByTarget.set(key, due)
    }
    clock.after(due - now, send)
  }
}

export interface FaultyOptions {
  readonly clock: Clock
  readonly random: Random
  readonly faults?: Partial<Faults>
}

/**
 * The wrapped transport, with the hand on its faults. The same seed and the same calls give the same faults.
 */
export const faulty = <T extends Transport>(inner: T, options: FaultyOptions): FaultyTransport & T => {
  const state = new FaultState(options.clock, options.random)
  if (options.faults !== undefined) state.set(options.faults)
  const wrap = (session: Session, nodeName: string): Session => new FaultySession(session, state, nodeName)
  const open: Transport['open'] = async (given) => wrap(await inner.open(given), given.nodeName)
  const wrapped = { ...inner, name: `faulty ${inner.name}`, faults: state, open }
  if (!('openNow' in inner)) return wrapped
  const openNow = inner.openNow as (given: Parameters<Transport['open']>[0]) => Session
  return {
    ...wrapped,
    openNow: (given: Parameters<Transport['open']>[0]) => wrap(openNow(given), given.nodeName),
  }
}
