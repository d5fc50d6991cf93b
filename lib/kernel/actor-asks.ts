import type { AskError } from '../errors.js'
import type { Reached } from '../limits.js'
import type { OpenAsk } from './asks.js'
import type { KernelLimits } from './limits.js'
import { type Answered, Remembered } from './remembered.js'

/** The asks of one life of an actor: those put off, by token, and those remembered by `reqId`. */
export class ActorAsks {
  private putOff: Map<string, OpenAsk> | undefined
  private count = 0
  private remembered: Remembered | undefined

  constructor(
    private readonly limits: KernelLimits,
    private readonly reached: Reached,
  ) {}

  /** False: a repetition, which is answered when the first one is, or has just been. */
  isNew(reqId: string, ask: OpenAsk, now: number): boolean {
    const { repliesCountMax, replyKeepMs } = this.limits
    this.remembered ??= new Remembered(repliesCountMax, replyKeepMs, this.reached)
    return this.remembered.isNew(reqId, ask, now)
  }

  /** What `act.answer` and `act.refuse` take; the same one for the same ask. */
  tokenOf(ask: OpenAsk, incarnation: number): string {
    this.putOff ??= new Map()
    for (const [token, each] of this.putOff) if (each === ask) return token
    const token = `${incarnation}.${++this.count}`
    this.putOff.set(token, ask)
    return token
  }

  answer(ask: OpenAsk, answered: Answered): void {
    if (ask.reqId !== undefined && this.remembered?.answer(ask.reqId, answered) === true) return
    if (answered.tag === 'reply') ask.reply(answered.value)
    else ask.refuse(answered.value)
  }

  /** It was set aside, and is new again when it comes back. */
  forget(reqId: string): void {
    this.remembered?.forget(reqId)
  }

  /** False when nothing is open under this token. */
  answerLater(token: string, answered: Answered): boolean {
    const ask = this.putOff?.get(token)
    if (ask === undefined) return false
    this.putOff?.delete(token)
    this.answer(ask, answered)
    return true
  }

  /** The life is over, and with it what it promised. */
  fail(error: AskError): void {
    const { putOff, remembered } = this
    this.putOff = undefined
    this.remembered = undefined
    for (const ask of putOff?.values() ?? []) ask.fail(error)
    remembered?.fail(error)
  }
}
