/** What the handlers of a persistent actor become: decide, write, then let out what was decided. */
import * as E from 'fp-ts/lib/Either.js'
import { act, type Action } from '../api/act.js'
import type { HandlerData } from '../api/kind.js'
import { type MessageData, specOfMessage } from '../api/maker.js'
import { Misuse } from '../api/misuse.js'
import { next, noActions, type OutcomeData, reply } from '../api/outcome.js'
import { decodeReply, encodeReply, type MessageSpecData, noFields } from '../api/spec.js'
import type { Answer } from './answered.js'
import type { Journal } from './journal.js'

/** What `record` and `recordReply` make, at run time. */
export interface RecordedData {
  readonly type: 'recorded'
  readonly events: readonly unknown[]
  readonly answer: ((state: unknown) => unknown) | undefined
  readonly actions: readonly Action[]
}

/** What the runtime gives a handler beside the public `Self`. */
interface Running {
  readonly now: number
  /** Of the ask that is handled, if it has one. */
  readonly reqId: string | undefined
  snapshotFailed(error: unknown): void
}

const timerName = 'tumen snapshot'
/** No protocol has a tag like this. */
export const timerTag = 'tumen snapshot'

const timerMessage = (kind: string): MessageData => ({
  kind,
  tag: timerTag,
  payload: undefined,
  [specOfMessage]: { form: 'tell', reach: 'self', payload: noFields, reply: undefined, refusal: undefined },
})

/** The message that a handler is called for. */
interface Call {
  readonly self: Running
  readonly reqId: string | undefined
  readonly tag: string
  readonly spec: MessageSpecData
}

const answerOf = ({ reqId, tag, spec }: Call, value: unknown): Answer | undefined =>
  reqId === undefined ? undefined : { reqId, tag, reply: encodeReply(spec, value) }

const replyOf = (spec: MessageSpecData, { reply: wire, reqId }: Answer): unknown => {
  const decoded = decodeReply(spec, wire)
  if (E.isRight(decoded)) return decoded.right
  throw new Error(`The kept reply to ${reqId} does not fit its codec: ${decoded.left.join('; ')}.`)
}

const save = (journal: Journal, self: Running): void =>
  journal.takeSnapshot(self.now, (error) => self.snapshotFailed(error))

export class Steps {
  readonly #kind: string
  readonly #snapshotEveryMs: number | undefined

  constructor(kind: string, snapshotEveryMs: number | undefined) {
    this.#kind = kind
    this.#snapshotEveryMs = snapshotEveryMs
  }

  reader(handle: HandlerData): HandlerData {
    return (journal, payload, self) => handle((journal as Journal).state, payload, self)
  }

  writer(tag: string, handle: HandlerData, spec: MessageSpecData): HandlerData {
    return (journal, payload, self) => {
      const { reqId } = self as Running
      const known = reqId === undefined ? undefined : (journal as Journal).answered(reqId, tag)
      if (known !== undefined) return reply(journal, replyOf(spec, known))
      const call: Call = { self: self as Running, reqId, tag, spec }
      const decided = handle((journal as Journal).state, payload, self)
      const perform = (decision: unknown): unknown =>
        this.#perform(journal as Journal, this.#checked(tag, decision), call)
      return decided instanceof Promise ? decided.then(perform) : perform(decided)
    }
  }

  /** By time. A step sets the timer, and it dies with the life of the actor. */
  timer(): HandlerData {
    return (journal, _, self) => {
      const saved = journal as Journal
      saved.isTimed = false
      save(saved, self as Running)
      return next(journal)
    }
  }

  #checked(tag: string, decision: unknown): RecordedData | OutcomeData {
    const { type } = (decision ?? {}) as { readonly type?: unknown }
    if (type === 'recorded' || type === 'refused') return decision as RecordedData | OutcomeData
    throw new Misuse(
      'StepReturnedNothing',
      `The handler ${tag} of "${this.#kind}", which is persistent, returned no record: ` +
        'return record, recordReply or refuse.',
    )
  }

  #perform(journal: Journal, decision: RecordedData | OutcomeData, call: Call): unknown {
    if (decision.type !== 'recorded') return decision
    const { events, answer, actions } = decision
    const after = journal.after(events)
    const value = answer?.(after)
    const out = (more: readonly Action[]): unknown =>
      answer === undefined ? next(journal, ...more) : reply(journal, value, ...more)
    if (events.length === 0) return out(actions)
    const { self } = call
    return journal
      .record({ events, answer: answerOf(call, value) }, after, self.now)
      .then(() => out([...actions, ...this.#saving(journal, self)]))
  }

  /** Takes the snapshot that is due, or sees to it that one will be. */
  #saving(journal: Journal, self: Running): readonly Action[] {
    if (journal.isSnapshotDue) save(journal, self)
    if (this.#snapshotEveryMs === undefined || journal.isTimed === journal.unsavedCount > 0) return noActions
    journal.isTimed = !journal.isTimed
    if (!journal.isTimed) return [act.cancel(timerName)]
    return [act.after(this.#snapshotEveryMs, timerMessage(this.#kind) as never, timerName)]
  }
}
