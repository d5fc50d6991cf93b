import type { AskError } from '../errors.js'
import type { OpenAsk } from './asks.js'

/** How an ask with a `reqId` ended. */
export type Answered =
  | { readonly tag: 'reply'; readonly value: unknown }
  | { readonly tag: 'refusal'; readonly value: unknown }

interface Entry {
  readonly at: number
  answered: Answered | undefined
  readonly waiting: OpenAsk[]
}

/**
 * The asks an actor has been sent with a `reqId`, so that each is applied once. Bounded by count and age.
 */
export class Remembered {
  private readonly entries = new Map<string, Entry>()

  constructor(
    private readonly countMax: number,
    private readonly keepMs: number,
  ) {}

  /** False: this is a repetition; it has been answered, or waits for the same answer. */
  isNew(reqId: string, ask: OpenAsk, now: number): boolean {
    const entry = this.entries.get(reqId)
    if (entry === undefined || now - entry.at > this.keepMs) {
      this.entries.delete(reqId)
      this.makeRoom(now)
      this.entries.set(reqId, { at: now, answered: undefined, waiting: [ask] })
      return true
    }
    if (entry.answered === undefined) entry.waiting.push(ask)
    else give(ask, entry.answered)
    return false
  }

  /** Gives the answer to all who wait for it, and keeps it. False when nobody asked under this id. */
  answer(reqId: string, answered: Answered): boolean {
    const entry = this.entries.get(reqId)
    if (entry === undefined || entry.answered !== undefined) return false
    entry.answered = answered
    for (const ask of entry.waiting.splice(0)) give(ask, answered)
    return true
  }

  /** Tells everybody who waits that there will be no answer, and forgets everything. */
  fail(error: AskError): void {
    for (const { waiting } of this.entries.values()) {
      for (const ask of waiting) ask.fail(error)
    }
    this.entries.clear()
  }

  /** What is not answered yet is kept: the bound on open asks bounds it. */
  private makeRoom(now: number): void {
    for (const [reqId, entry] of this.entries) {
      if (entry.answered === undefined) continue
      if (this.entries.size < this.countMax && now - entry.at <= this.keepMs) return
      this.entries.delete(reqId)
    }
  }
}

const give = (ask: OpenAsk, { tag, value }: Answered): void => {
  // A repetition whose own deadline passed meanwhile is no late reply: nobody is missing anything.
  if (!ask.isOpen) return
  if (tag === 'reply') ask.reply(value)
  else ask.refuse(value)
}
