/**
 * The asks that this node waits for: sent again within their deadline under the same `reqId`, ended exactly once.
 * It does not know where things live: `send` finds that out each time.
 */
import type { AskError } from '../errors.js'
import { formatAddress, type NodeId, type ShardId } from '../ids.js'
import type { Clock } from '../std/clock.js'
import { createDueQueue } from '../std/due.js'
import type { AskEnvelope, Wire } from '../wire/envelope.js'

export type AskResult =
  | { readonly tag: 'reply'; readonly payload: Wire }
  | { readonly tag: 'refusal'; readonly payload: Wire }
  | { readonly tag: 'error'; readonly error: AskError }

/** Where an ask goes: to an entity, or to the own actor of a node. */
export interface AskTarget {
  readonly kind: string
  /** Empty with `node`. */
  readonly id: string
  readonly node?: NodeId
  /** Of an entity. */
  readonly shard?: ShardId
}

export interface PendingAsk {
  readonly number: number
  readonly target: AskTarget
  readonly tag: string
  readonly payload: Wire
  readonly reqId: string
  readonly floor?: number
  readonly timeoutMs: number
  /** Monotonic. */
  readonly deadline: number
  readonly done: (result: AskResult) => void
  isOver: boolean
  wasSent: boolean
  resendMs: number
  resendAt: number
  /** The last reason why it could not be taken; it becomes the result if nothing better comes. */
  trouble: AskError | null
}

export interface AskOptions {
  readonly timeoutMs: number
  readonly reqId: string
  readonly floor?: number
}

export interface AsksOptions {
  readonly me: NodeId
  readonly clock: Clock
  readonly resendMs: number
  readonly countMax: number
  /** False when it cannot leave now; it is tried again. An error ends it. */
  send(ask: PendingAsk, envelope: AskEnvelope): boolean | AskError
}

export interface Asks {
  readonly count: number
  ask(target: AskTarget, message: { tag: string; payload: Wire }, options: AskOptions, done: PendingAsk['done']): PendingAsk
  answered(number: number, result: AskResult): boolean
  /** Ends it without telling anybody but `done`. */
  end(ask: PendingAsk, result: AskResult): void
  /** Something changed for these: they are sent again at once. */
  hurry(concerns: (ask: PendingAsk) => boolean): void
  close(result: (ask: PendingAsk) => AskError): void
}

const stepMs = 8
const soonMs = 20

/** Errors after which the same ask may well succeed on another try. */
const isPassing = (error: AskError): boolean => error.tag === 'Unavailable' || error.tag === 'StaleView'

export const createAsks = (options: AsksOptions): Asks => {
  const { clock, me } = options
  const pending = new Map<number, PendingAsk>()
  let lastNumber = 0

  const due = createDueQueue<PendingAsk>(clock, stepMs, (ask) => {
    if (ask.isOver) return
    if (clock.monotonic() >= ask.deadline) end(ask, { tag: 'error', error: lateError(ask) })
    else if (clock.monotonic() >= ask.resendAt) send(ask)
  })
  const lateError = (ask: PendingAsk): AskError => {
    if (ask.trouble !== null) return ask.trouble
    const address = formatAddress(ask.target.kind, ask.target.id || (ask.target.node ?? ''))
    return ask.wasSent
      ? { tag: 'AskTimeout', address, timeoutMs: ask.timeoutMs }
      : { tag: 'Unavailable', address, retryAfterMs: options.resendMs }
  }
  const end = (ask: PendingAsk, result: AskResult): void => {
    if (ask.isOver) return
    ask.isOver = true
    pending.delete(ask.number)
    ask.done(result)
  }
  const later = (ask: PendingAsk, delayMs: number): void => {
    ask.resendAt = clock.monotonic() + delayMs
    due.add(Math.min(ask.resendAt, ask.deadline), ask)
  }
  const send = (ask: PendingAsk): void => {
    const { target, tag, payload, reqId, number, floor } = ask
    const remainingMs = Math.max(1, Math.ceil(ask.deadline - clock.monotonic()))
    const { kind, id } = target
    const sent = options.send(ask, {
      type: 'ask',
      asker: me,
      ask: number,
      kind,
      id,
      tag,
      payload,
      hops: 0,
      reqId,
      remainingMs,
      ...(floor === undefined ? {} : { floor }),
    })
    if (typeof sent === 'object') {
      end(ask, { tag: 'error', error: sent })
      return
    }
    if (sent) {
      ask.wasSent = true
      ask.trouble = null
    }
    later(ask, sent ? ask.resendMs : Math.min(ask.resendMs, soonMs * 2))
    if (sent) ask.resendMs = Math.min(ask.resendMs * 2, 8 * options.resendMs)
  }

  return {
    get count() {
      return pending.size
    },
    ask: (target, { tag, payload }, { timeoutMs, reqId, floor }, done) => {
      const ask: PendingAsk = {
        number: ++lastNumber,
        target,
        tag,
        payload,
        reqId,
        ...(floor === undefined ? {} : { floor }),
        timeoutMs,
        deadline: clock.monotonic() + timeoutMs,
        done,
        isOver: false,
        wasSent: false,
        resendMs: options.resendMs,
        resendAt: 0,
        trouble: null,
      }
      if (pending.size >= options.countMax) {
        const address = formatAddress(target.kind, target.id)
        end(ask, {
          tag: 'error',
          error: { tag: 'Overloaded', address, mailboxCountMax: options.countMax, retryAfterMs: 100 },
        })
        return ask
      }
      pending.set(ask.number, ask)
      send(ask)
      return ask
    },
    answered: (number, result) => {
      const ask = pending.get(number)
      if (ask === undefined) return false
      if (result.tag === 'error' && isPassing(result.error)) {
        ask.trouble = result.error
        ask.resendMs = options.resendMs
        later(ask, soonMs)
      } else end(ask, result)
      return true
    },
    end,
    hurry: (concerns) => {
      for (const ask of [...pending.values()]) {
        if (!concerns(ask)) continue
        ask.resendMs = options.resendMs
        send(ask)
      }
    },
    close: (result) => {
      due.clear()
      for (const ask of [...pending.values()]) end(ask, { tag: 'error', error: result(ask) })
    },
  }
}
