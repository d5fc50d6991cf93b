import { RingBuffer } from '../std/ring-buffer.js'
import type { Due } from './deadlines.js'

/** Who waits until there is room for a message in a mailbox. */
export interface Holder {
  readonly incarnation: number
  /** One of its messages found room, or was given up. */
  letGo(incarnation: number): void
}

/** A message that waits in front of a full mailbox, and holds its sender. */
export class Held<M> implements Due {
  due: Due['due'] = undefined
  previous: Due | undefined = undefined
  following: Due | undefined = undefined
  isOver = false
  private readonly incarnation: number

  constructor(
    readonly message: M,
    private readonly sender: Holder,
    private readonly receiver: { tooLate(held: Held<M>): void },
  ) {
    this.incarnation = sender.incarnation
  }

  expired(): void {
    if (!this.isOver) this.receiver.tooLate(this)
  }
  end(): void {
    this.isOver = true
    this.sender.letGo(this.incarnation)
  }
}

/** What waits for a cell beside its mail. Most cells have none of it. */
export class Aside<M> {
  /** Handled before all mail. */
  readonly control = new RingBuffer<M>()
  /** What was set aside, oldest first. */
  stash: RingBuffer<M> | undefined
  /** What was set aside and came back: before the mail. */
  front: RingBuffer<M> | undefined
  /** What waits for room. */
  held: RingBuffer<Held<M>> | undefined
  heldCount = 0
  /** How many messages of this cell wait for room elsewhere. */
  holdsCount = 0

  get count(): number {
    return this.control.size + (this.stash?.size ?? 0) + (this.front?.size ?? 0) + this.heldCount
  }
  /** How many of them can be handled now. */
  get readyCount(): number {
    return this.control.size + (this.front?.size ?? 0)
  }

  next(): M | undefined {
    return this.control.shift() ?? this.front?.shift()
  }

  /** All that was set aside, before what came back earlier. */
  bringBack(): void {
    const { stash } = this
    if (stash === undefined) return
    this.front ??= new RingBuffer()
    for (let message = stash.pop(); message !== undefined; message = stash.pop()) this.front.unshift(message)
  }

  /** One that waited for room is given up. Those that came first are over first. */
  forgetHeld(): void {
    this.heldCount--
    while (this.held?.peek()?.isOver === true) this.held.shift()
  }

  /** The oldest message that still waits for room. */
  nextHeld(): Held<M> | undefined {
    for (let held = this.held?.shift(); held !== undefined; held = this.held?.shift()) {
      if (held.isOver) continue
      this.heldCount--
      return held
    }
    return undefined
  }
}
