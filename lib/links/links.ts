/**
 * Links to other nodes: envelopes for one node in one turn of the event loop leave as one frame.
 *
 * Order is kept per receiver and lane. Nothing is kept for later: what cannot leave now is refused where it
 * is sent, and counted. What was accepted may still be lost with the connection or the receiver.
 */
import * as E from 'fp-ts/lib/Either.js'
import type { NodeId } from '../ids.js'
import type { Reached } from '../limits.js'
import type { Clock, Timer } from '../std/clock.js'
import { RingBuffer } from '../std/ring-buffer.js'
import type { Inbox, Lane, Session } from '../transport/transport.js'
import type { Envelope } from '../wire/envelope.js'
import { decodeFrame, type Frame, FrameWriter, type NotSendable } from '../wire/frame.js'
import { type Flow, hasRoom, newFlow, noteStamp, stampNext } from './flow.js'

/** `Down`: not connected. `Full`: the receiver has not taken enough of what was sent to it. */
export type SendProblem =
  | NotSendable
  | { readonly tag: 'Down' }
  | { readonly tag: 'Full'; readonly windowBytes: number }

export interface LinksConfig {
  /** The longest frame; what the transport found may lower it. */
  readonly frameBytesMax: number
  /**
   * Bytes that may be on their way to one node on the data lane; default 4 MiB.
   */
  readonly linkWindowBytes?: number
}

export interface LinksOptions {
  readonly session: Session
  readonly clock: Clock
  readonly self: NodeId
  readonly config: LinksConfig
  readonly reached: Pick<Reached, 'frameBytesMax'>
  /** Called for each envelope, in order. Must not throw. */
  readonly deliver: (envelope: Envelope, from: NodeId, lane: Lane) => void
  /** Called before `send` returns false. */
  readonly onProblem?: (to: NodeId, envelope: Envelope, problem: SendProblem) => void
  /** Called before what waits leaves: what it sends leaves in the same frames. Must not throw. */
  readonly beforeFlush?: () => void
  /** A frame that is none arrived; the sentence never contains its contents. */
  readonly onMalformed?: (sentence: string) => void
}

/** Whole numbers since the start. Envelopes, except where the name says frames or bytes. */
export interface LinkCounters {
  sent: number
  received: number
  /** To this node itself. */
  local: number
  framesSent: number
  framesReceived: number
  bytesSent: number
  bytesReceived: number
  /** Refused or dropped: while not connected. */
  droppedDown: number
  /** Refused: the window was full. */
  droppedFull: number
  /** Refused: too large, or not something that can travel. */
  droppedUnsendable: number
  framesMalformed: number
}

export interface Links {
  /** Where the transport delivers frames for this node: pass it to `session.listen`. */
  readonly inbox: Inbox
  /** Live: read it, keep a copy to compare. */
  readonly counters: Readonly<LinkCounters>
  /** False when it was refused, see `onProblem`; true promises nothing about arrival. */
  send(to: NodeId, envelope: Envelope, lane?: Lane): boolean
  /** Sends now what waits for the end of the turn. */
  flush(): void
  /** Has `beforeFlush` called at the end of the turn, also when nothing waits yet. */
  flushSoon(): void
  /** Drops what is known of a node that is gone. */
  forget(node: NodeId): void
  /** Sends what waits and delivers nothing more. */
  close(): void
}

interface Link extends Flow {
  readonly to: NodeId
  readonly lane: Lane
  writer: FrameWriter | undefined
  count: number
  /** A frame is due even without envelopes: the other side waits for room, or this side asks for it. */
  tells: boolean
  asks: boolean
  asking: Timer | undefined
}

const windowBytesDefault = 4 * 1024 * 1024
const askRoomMs = 100
/** So often at most what waits is left waiting because the code that runs keeps adding to it. */
const roundsMax = 8
/**
 * After so many deliveries the turn ends and what they led to leaves, while the rest is still being
 * taken: two busy nodes work at the same time and not one after the other. Far fewer would make frames
 * small, which costs more.
 */
const deliveriesPerTurnCountMax = 128

/** A frame whose envelopes are not all delivered yet. */
interface Arrived {
  readonly frame: Frame
  readonly lane: Lane
  next: number
}

class FrameLinks implements Links {
  readonly counters: LinkCounters = {
    sent: 0,
    received: 0,
    local: 0,
    framesSent: 0,
    framesReceived: 0,
    bytesSent: 0,
    bytesReceived: 0,
    droppedDown: 0,
    droppedFull: 0,
    droppedUnsendable: 0,
    framesMalformed: 0,
  }
  readonly inbox: Inbox = { onFrame: (frame, lane) => this.#receive(frame, lane) }
  readonly #o: LinksOptions
  readonly #frameBytesMax: number
  readonly #windowBytes: number
  readonly #links: Record<Lane, Map<NodeId, Link>> = { data: new Map(), control: new Map() }
  #dirty: Link[] = []
  #toSelf: [Envelope, Lane][] = []
  readonly #arrived = new RingBuffer<Arrived>()
  #turnLeft = deliveriesPerTurnCountMax
  #flushing = false
  #delivering = false
  /** In this turn of the event loop something has left before its end. */
  #hasLeft = false
  #addedCount = 0
  #seenCount = 0
  #roundsLeft = 0
  #closed = false

  constructor(options: LinksOptions) {
    this.#o = options
    this.#frameBytesMax = Math.min(options.config.frameBytesMax, options.session.facts.frameBytesMax)
    this.#windowBytes = options.config.linkWindowBytes ?? windowBytesDefault
  }

  send(to: NodeId, envelope: Envelope, lane: Lane = 'data'): boolean {
    if (to === this.#o.self) return this.#sendToSelf(envelope, lane)
    if (this.#closed || this.#o.session.status() !== 'up') {
      this.counters.droppedDown++
      return this.#refuse(to, envelope, { tag: 'Down' })
    }
    const link = this.#link(to, lane)
    const waiting = link.writer?.bytes ?? 0
    if (lane === 'data' && !hasRoom(link, waiting, this.#windowBytes)) {
      this.#askForRoom(link)
      this.counters.droppedFull++
      return this.#refuse(to, envelope, { tag: 'Full', windowBytes: this.#windowBytes })
    }
    const writer = this.#writerOf(link)
    const problem = writer.add(envelope)
    if (problem !== undefined) {
      this.counters.droppedUnsendable++
      if (problem.tag === 'TooLarge') this.#o.reached.frameBytesMax++
      return this.#refuse(to, envelope, problem)
    }
    link.count++
    this.#addedCount++
    return true
  }

  flush(): void {
    // What these send leaves now, and needs no further turn.
    this.#flushing = true
    this.#deliverToSelf()
    this.#o.beforeFlush?.()
    this.#flushing = false
    if (this.#toSelf.length > 0) this.flushSoon()
    const dirty = this.#dirty
    if (dirty.length === 0) return
    this.#dirty = []
    const up = this.#o.session.status() === 'up'
    for (const link of dirty) this.#flushLink(link, up)
  }

  forget(node: NodeId): void {
    for (const lane of ['data', 'control'] as const) {
      this.#links[lane].get(node)?.asking?.cancel()
      this.#links[lane].delete(node)
    }
  }

  close(): void {
    if (this.#closed) return
    this.#toSelf = []
    this.flush()
    this.#closed = true
    for (const links of Object.values(this.#links)) {
      for (const link of links.values()) link.asking?.cancel()
      links.clear()
    }
  }

  #deliverToSelf(): void {
    const toSelf = this.#toSelf
    if (toSelf.length === 0) return
    // Called from within a delivery: what is behind it in the queue comes first.
    if (this.#delivering) return
    this.#toSelf = []
    this.#delivering = true
    for (const [envelope, lane] of toSelf) if (!this.#closed) this.#o.deliver(envelope, this.#o.self, lane)
    this.#delivering = false
  }

  #sendToSelf(envelope: Envelope, lane: Lane): boolean {
    this.counters.local++
    this.#addedCount++
    this.#toSelf.push([envelope, lane])
    this.flushSoon()
    return true
  }

  #refuse(to: NodeId, envelope: Envelope, problem: SendProblem): false {
    this.#o.onProblem?.(to, envelope, problem)
    return false
  }

  #link(to: NodeId, lane: Lane): Link {
    const links = this.#links[lane]
    let link = links.get(to)
    if (link === undefined) {
      link = {
        to,
        lane,
        ...newFlow(),
        writer: undefined,
        count: 0,
        tells: false,
        asks: false,
        asking: undefined,
      }
      links.set(to, link)
    }
    return link
  }

  #writerOf(link: Link): FrameWriter {
    if (link.writer !== undefined) return link.writer
    const writer = new FrameWriter(this.#o.self, this.#frameBytesMax)
    link.writer = writer
    this.#dirty.push(link)
    this.flushSoon()
    return writer
  }

  /**
   * The first of a turn leaves as soon as the code that runs now is done, which saves a lonely message a turn
   * of the event loop; what follows in the same turn waits for its end.
   */
  flushSoon(): void {
    if (this.#flushing || this.#closed) return
    this.#flushing = true
    const { clock } = this.#o
    if (clock.soon === undefined || this.#hasLeft) {
      clock.defer(this.#flushDue)
      return
    }
    this.#roundsLeft = roundsMax
    this.#seenCount = -1
    clock.soon(this.#settle)
  }

  readonly #flushDue = (): void => {
    if (this.#flushing) this.flush()
  }

  /** Waits while the code that runs adds more, for instance because it goes on after answers that came. */
  readonly #settle = (): void => {
    if (!this.#flushing) return
    const { clock } = this.#o
    if (this.#toSelf.length > 0) this.#deliverToSelf()
    if (this.#seenCount !== this.#addedCount && --this.#roundsLeft > 0) {
      this.#seenCount = this.#addedCount
      clock.soon?.(this.#settle)
      return
    }
    this.#hasLeft = true
    clock.defer(this.#nextLeaves)
    this.flush()
  }
  readonly #nextLeaves = (): void => {
    this.#hasLeft = false
  }

  #flushLink(link: Link, up: boolean): void {
    const { writer, count, asks, tells } = link
    link.writer = undefined
    link.count = 0
    link.asks = link.tells = false
    if (writer === undefined) return
    if (!up || (count === 0 && !tells)) {
      this.counters.droppedDown += count
      return writer.drop()
    }
    this.counters.sent += count
    for (const frame of writer.take((bytes) => stampNext(link, bytes, asks))) {
      this.counters.framesSent++
      this.counters.bytesSent += frame.length
      this.#o.session.send(link.to, link.lane, frame)
    }
  }

  #askForRoom(link: Link): void {
    // Once per refused send and interval, so that nothing keeps ringing for a node that is gone.
    link.asking ??= this.#o.clock.after(askRoomMs, () => {
      link.asking = undefined
      if (this.#closed || this.#o.session.status() !== 'up') return
      link.asks = true
      this.#tell(link)
    })
  }

  #tell(link: Link): void {
    link.tells = true
    this.#writerOf(link)
  }

  #receive(bytes: Uint8Array, lane: Lane): void {
    if (this.#closed) return
    this.counters.framesReceived++
    this.counters.bytesReceived += bytes.length
    const decoded = decodeFrame(bytes)
    if (E.isLeft(decoded)) {
      this.counters.framesMalformed++
      this.#o.onMalformed?.(decoded.left)
      return
    }
    const arrived = { frame: decoded.right, lane, next: 0 }
    this.#arrived.push(arrived)
    if (this.#arrived.size === 1) this.#deliverArrived()
  }

  #deliverArrived(): void {
    for (let first = this.#arrived.peek(); first !== undefined; first = this.#arrived.peek()) {
      if (!this.#deliverFrame(first)) return
      this.#arrived.shift()
    }
  }

  /** False when the turn is over before the frame is done. */
  #deliverFrame(arrived: Arrived): boolean {
    const { frame, lane } = arrived
    const { envelopes, from } = frame
    if (arrived.next === 0) this.#note(frame, lane)
    while (arrived.next < envelopes.length && !this.#closed) {
      if (this.#turnLeft === 0) return false
      if (this.#turnLeft === deliveriesPerTurnCountMax) this.#o.clock.defer(() => this.#nextTurn())
      this.#turnLeft--
      this.counters.received++
      this.#o.deliver(envelopes[arrived.next++] as Envelope, from, lane)
    }
    return true
  }

  #nextTurn(): void {
    this.#turnLeft = deliveriesPerTurnCountMax
    if (this.#arrived.size === 0) return
    this.flush()
    this.#deliverArrived()
  }

  /** Room is given to the sender when its frame is taken up, so what waits here is bounded by the window. */
  #note(frame: Frame, lane: Lane): void {
    const link = this.#link(frame.from, lane)
    if (noteStamp(link, frame, this.#windowBytes) && this.#o.session.status() === 'up') this.#tell(link)
  }
}

/** Links of one node over its session. Several sends to one node in a turn leave together at its end. */
export const createLinks = (options: LinksOptions): Links => new FrameLinks(options)
