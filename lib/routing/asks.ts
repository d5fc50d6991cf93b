/**
 * The asks that this node waits for: sent again within their deadline under the same `reqId`, ended exactly
 * once. It does not know where things live: `send` finds that out each time.
 */
import * as E from 'fp-ts/lib/Either.js'
import { type AskError, decodeAskError } from '../errors.js'
import { formatAddress, type NodeId, type ShardId } from '../ids.js'
import { Deadlines, type Due } from '../kernel/deadlines.js'
import type { Reached } from '../limits.js'
import type { Clock } from '../std/clock.js'
import { Slots } from '../std/slots.js'
import type { AskEnvelope, Wire } from '../wire/envelope.js'

export type AskResult =
  | { readonly tag: 'reply'; readonly payload: Wire }
  | { readonly tag: 'refusal'; readonly payload: Wire }
  | { readonly tag: 'error'; readonly error: AskError }

/** What is asked, and of whom: an entity, or the own actor of a node. */
export interface AskGiven {
  readonly kind: string
  /** Empty with `node`. */
  readonly id: string
  readonly node: NodeId | undefined
  /** Of an entity. */
  readonly shard: ShardId | undefined
  readonly tag: string
  readonly payload: Wire
  readonly timeoutMs: number
  readonly reqId: string
  readonly floor: number | undefined
}

export interface AsksOptions {
  readonly me: NodeId
  readonly clock: Clock
  readonly resendMs: number
  readonly countMax: number
  readonly reached: Pick<Reached, 'pendingAsksCountMax'>
  /** False when it cannot leave now; it is tried again. An error ends it. */
  send(ask: PendingAsk, envelope: AskEnvelope): boolean | AskError
  /** It is over; `done` is called next. */
  ended?(ask: PendingAsk): void
}

const soonMs = 20

/**
 * Errors after which the same ask may well succeed on another try. `Overloaded` says that nothing was done,
 * which is true of the try that it answers but not of one before it that may have been taken.
 */
const isPassing = ({ tag }: AskError, openCount: number): boolean =>
  tag === 'Unavailable' || tag === 'StaleView' || (tag === 'Overloaded' && openCount > 0)

export class PendingAsk implements Due {
  due: Due['due'] = undefined
  previous: Due | undefined = undefined
  following: Due | undefined = undefined
  isOver = false
  wasSent = false
  /** How many of its sendings nobody has answered: one of them may have been taken. */
  openCount = 0
  /** What its answer will carry. */
  number = -1
  /** After how long it is sent again. */
  resendMs: number
  /** Monotonic. */
  readonly deadline: number
  /** The last reason why it could not be taken; it becomes the result if nothing better comes. */
  trouble: AskError | null = null

  constructor(
    readonly asks: Asks,
    readonly given: AskGiven,
    readonly done: (result: AskResult) => void,
    now: number,
  ) {
    this.resendMs = asks.options.resendMs
    this.deadline = now + given.timeoutMs
  }

  expired(): void {
    this.asks.expired(this)
  }
}

export class Asks {
  readonly #pending: Slots<PendingAsk>
  readonly #deadlines: Deadlines

  constructor(readonly options: AsksOptions) {
    this.#pending = new Slots(options.countMax)
    this.#deadlines = new Deadlines(options.clock)
  }

  get count(): number {
    return this.#pending.size
  }

  /** `done` runs once; before this returns when too many wait already. */
  ask(given: AskGiven, done: (result: AskResult) => void): PendingAsk {
    const { countMax, clock } = this.options
    const now = clock.monotonic()
    const ask = new PendingAsk(this, given, done, now)
    if (this.#pending.size >= countMax) {
      this.options.reached.pendingAsksCountMax++
      const address = formatAddress(given.kind, given.id)
      this.end(ask, {
        tag: 'error',
        error: { tag: 'Overloaded', address, mailboxCountMax: countMax, retryAfterMs: 100 },
      })
      return ask
    }
    ask.number = this.#pending.add(ask)
    this.#send(ask, now)
    return ask
  }

  /** False when nobody waits for it any more. */
  answered(number: number, result: AskResult): boolean {
    const ask = this.#pending.get(number)
    if (ask === undefined) return false
    if (result.tag === 'error' && ask.openCount > 0) ask.openCount--
    if (result.tag === 'error' && isPassing(result.error, ask.openCount)) {
      const { error } = result
      ask.trouble = error
      ask.resendMs = this.options.resendMs
      const againMs = error.tag === 'Overloaded' ? error.retryAfterMs : soonMs
      this.#later(ask, againMs, this.options.clock.monotonic())
    } else this.end(ask, result)
    return true
  }

  /** Ends it without telling anybody but `done`. */
  end(ask: PendingAsk, result: AskResult): void {
    if (ask.isOver) return
    ask.isOver = true
    this.#pending.remove(ask.number)
    this.#deadlines.drop(ask)
    this.options.ended?.(ask)
    ask.done(result)
  }

  /** Something changed for these: they are sent again at once. */
  hurry(concerns: (ask: PendingAsk) => boolean): void {
    for (const ask of this.#pending.values()) {
      if (ask.isOver || !concerns(ask)) continue
      ask.resendMs = this.options.resendMs
      this.#send(ask, this.options.clock.monotonic())
    }
  }

  close(result: (ask: PendingAsk) => AskError): void {
    this.#deadlines.clear()
    for (const ask of this.#pending.values()) this.end(ask, { tag: 'error', error: result(ask) })
  }

  /** For `PendingAsk` only. */
  expired(ask: PendingAsk): void {
    const now = this.options.clock.monotonic()
    if (now >= ask.deadline) this.end(ask, { tag: 'error', error: this.#lateError(ask) })
    else this.#send(ask, now)
  }

  #lateError({ trouble, given, wasSent, openCount }: PendingAsk): AskError {
    if (trouble !== null && openCount === 0) return trouble
    const address = formatAddress(given.kind, given.id || (given.node ?? ''))
    return wasSent
      ? { tag: 'AskTimeout', address, timeoutMs: given.timeoutMs }
      : { tag: 'Unavailable', address, retryAfterMs: this.options.resendMs }
  }

  #later(ask: PendingAsk, delayMs: number, now: number): void {
    this.#deadlines.drop(ask)
    this.#deadlines.set(ask, Math.max(0, Math.min(delayMs, ask.deadline - now)))
  }

  #send(ask: PendingAsk, now: number): void {
    const { me, resendMs } = this.options
    const { kind, id, tag, payload, reqId, floor } = ask.given
    const remainingMs = Math.max(1, Math.ceil(ask.deadline - now))
    const envelope = {
      type: 'ask',
      asker: me,
      ask: ask.number,
      kind,
      id,
      tag,
      payload,
      hops: 0,
      reqId,
      remainingMs,
    } as const
    const sent = this.options.send(ask, floor === undefined ? envelope : { ...envelope, floor })
    if (typeof sent === 'object') {
      this.end(ask, { tag: 'error', error: sent })
      return
    }
    if (!sent) {
      this.#later(ask, Math.min(ask.resendMs, soonMs * 2), now)
      return
    }
    ask.wasSent = true
    ask.openCount++
    ask.trouble = null
    this.#later(ask, ask.resendMs, now)
    ask.resendMs = Math.min(ask.resendMs * 2, 8 * resendMs)
  }
}

/** What an answer from another node says. */
export const resultOf = (outcome: 'reply' | 'refusal' | 'error', payload: Wire): AskResult => {
  if (outcome !== 'error') return { tag: outcome, payload }
  const error = decodeAskError(payload)
  if (E.isRight(error)) return { tag: 'error', error: error.right }
  return { tag: 'error', error: { tag: 'Malformed', address: '', complaints: [error.left] } }
}
