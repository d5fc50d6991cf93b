import type { AskError } from '../errors.js'
import type { Reached } from '../limits.js'
import { RingBuffer } from '../std/ring-buffer.js'
import { type Keyed, StringTable } from '../std/string-table.js'
import type { OpenAsk } from './asks.js'

/** How an ask with a `reqId` ended. */
export type Answered =
  | { readonly tag: 'reply'; readonly value: unknown }
  | { readonly tag: 'refusal'; readonly value: unknown }

/** Its key is the `reqId`. */
interface Entry extends Keyed<Entry> {
  readonly at: number
  answered: Answered | undefined
  waiting: readonly OpenAsk[]
}
const nobody: readonly OpenAsk[] = []

/**
 * How many old entries are looked at for each new one: more than one, so that the bounds are reached again.
 */
const lookedAtCountMax = 4

/**
 * The asks an actor has been sent with a `reqId`, so that each is applied once. Bounded by count and age.
 */
export class Remembered {
  private readonly entries = new StringTable<Entry>()
  /** Oldest first: finding the first key of a map that loses its first keys again and again is slow. */
  private readonly order = new RingBuffer<Entry>()

  constructor(
    private readonly countMax: number,
    private readonly keepMs: number,
    private readonly reached: Pick<Reached, 'repliesCountMax'>,
  ) {}

  /** False: this is a repetition; it has been answered, or waits for the same answer. */
  isNew(reqId: string, ask: OpenAsk, now: number): boolean {
    const entry = this.entries.get(reqId)
    if (entry === undefined || now - entry.at > this.keepMs) {
      if (entry !== undefined) this.entries.delete(entry)
      this.makeRoom(now)
      const fresh: Entry = {
        key: reqId,
        hash: 0,
        next: undefined,
        at: now,
        answered: undefined,
        waiting: [ask],
      }
      this.entries.add(fresh)
      this.order.push(fresh)
      return true
    }
    if (entry.answered === undefined) entry.waiting = [...entry.waiting, ask]
    else give(ask, entry.answered)
    return false
  }

  /** As if it had not been asked. */
  forget(reqId: string): void {
    const entry = this.entries.get(reqId)
    if (entry !== undefined) this.entries.delete(entry)
  }

  /** Gives the answer to all who wait for it, and keeps it. False when nobody asked under this id. */
  answer(reqId: string, answered: Answered): boolean {
    const entry = this.entries.get(reqId)
    if (entry === undefined || entry.answered !== undefined) return false
    entry.answered = answered
    const { waiting } = entry
    entry.waiting = nobody
    for (const ask of waiting) give(ask, answered)
    return true
  }

  /** Tells everybody who waits that there will be no answer, and forgets everything. */
  fail(error: AskError): void {
    for (const { waiting } of this.entries.values()) {
      for (const ask of waiting) ask.fail(error)
    }
    this.entries.clear()
    this.order.drain()
  }

  /** What is not answered yet is kept: the bound on open asks bounds it. */
  private makeRoom(now: number): void {
    for (let left = lookedAtCountMax; left > 0; left--) {
      const oldest = this.order.peek()
      if (oldest === undefined) return
      if (this.entries.size < this.countMax && now - oldest.at <= this.keepMs) return
      this.order.shift()
      if (this.entries.get(oldest.key) !== oldest) continue
      if (oldest.answered === undefined) this.order.push(oldest)
      else {
        if (now - oldest.at <= this.keepMs) this.reached.repliesCountMax++
        this.entries.delete(oldest)
      }
    }
  }
}

const give = (ask: OpenAsk, { tag, value }: Answered): void => {
  // A repetition whose own deadline passed meanwhile is no late reply: nobody is missing anything.
  if (!ask.isOpen) return
  if (tag === 'reply') ask.reply(value)
  else ask.refuse(value)
}
