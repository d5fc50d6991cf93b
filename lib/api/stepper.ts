/** One entity, alone, without a node: messages in, replies and actions out, time in your hand. */
import * as E from 'fp-ts/lib/Either.js'
import { AskFailed } from '../errors.js'
import { formatAddress } from '../ids.js'
import { whyNotWire } from '../wire/codec.js'
import type { Answer } from './answer.js'
import { actionData, type Action, type ActionData } from './act.js'
import { deepFreeze } from './diagnostics.js'
import { kindData, type Kind, type KindData } from './kind.js'
import { specIn, type MessageData } from './maker.js'
import type { Ask, Tell } from './message.js'
import {
  Misuse,
  replyDoesNotFit,
  stateDoesNotFit,
  stateMutated,
  stepReturnedNothing,
  stepReturnedPromise,
} from './misuse.js'
import { noActions, outcomeData, type OutcomeData } from './outcome.js'
import { decodePayload, encodePayload, type AnyCodec, type Form, type Reach } from './spec.js'

/** What became of an ask: `putOff` when a later action answers it. */
export type AskOutcome<R, X> = { readonly reply: R } | { readonly refusal: X } | { readonly putOff: true }

/** One entity, alone. Everything throws at once, so a test needs no `await`. */
export interface Stepper<N extends string> {
  /**
   * Errors: `AskFailed` with `Malformed` when the payload does not fit, `NoRecipient` after `act.stop`;
   * `Misuse` for a handler that changes its state in place, waits, or answers what its codec does not
   * allow.
   */
  ask<R, X>(message: Ask<N, string, unknown, R, X, Reach>, now?: number): AskOutcome<R, X>
  /** Also what only timers bring back. Errors as for `ask`. */
  tell(message: Tell<N, string, unknown, Reach>, now?: number): void
  /** Feeds back the answer to a command that was given with `then`. */
  continue<R, X>(
    then: Answer<N, string, unknown, R, X>,
    answer: E.Either<NoInfer<X>, NoInfer<R>>,
    now?: number,
  ): void
  /**
   * What the last step asked the shell to do, oldest first, as plain data: messages as `kind`, `tag` and
   * `payload`, topics by name. Open asks are named `ask-1`, `ask-2`, …
   */
  readonly actions: readonly unknown[]
  /** The state after the last step, frozen; undefined after `act.stop`. */
  readonly state: unknown
}

export interface StepperOptions {
  /** Milliseconds at which the entity begins and every step runs that names no time. Default 0. */
  readonly now?: number
}

const plainMessage = ({ kind, tag, payload }: MessageData) => ({ kind, tag, payload })

const plain = (action: Action): unknown => {
  const data: ActionData = actionData(action)
  switch (data.type) {
    case 'tell':
    case 'after':
    case 'remind':
      return withoutUndefined({ ...data, message: plainMessage(data.message) })
    case 'command':
      return { ...data, message: plainMessage(data.message), then: plainMessage(data.then) }
    case 'publish':
      return { ...data, topic: data.topic.name }
    default:
      return data
  }
}
const withoutUndefined = (data: object): object =>
  Object.fromEntries(Object.entries(data).filter(([, value]) => value !== undefined))

/** The complaints when `value` would not be the same after it has travelled. */
const misfits = (codec: AnyCodec, value: unknown): readonly string[] => {
  if (!codec.is(value)) return [`expected ${codec.name.slice(0, 120)}`]
  const why = whyNotWire(codec.encode(value), '')
  return why === '' ? [] : [why]
}

const isInPlaceChange = (error: unknown): boolean =>
  error instanceof TypeError && /read only|not extensible|Cannot delete|Cannot redefine/.test(error.message)

class Alone {
  private readonly kind: KindData
  private readonly id: string
  private readonly beginsAt: number
  private asks = 0
  private isStopped = false
  state: unknown
  actions: readonly unknown[] = []

  constructor(kind: KindData, id: string, beginsAt: number) {
    this.kind = kind
    this.id = id
    this.beginsAt = beginsAt
    this.state = deepFreeze(kind.init(id, beginsAt))
    this.checkState('init')
  }

  tell(message: MessageData, now?: number): void {
    this.checkForm(message, ['tell'])
    this.settle(message.tag, this.run(message.tag, this.payloadOf(message), now, {}))
  }

  ask(message: MessageData, now?: number): AskOutcome<unknown, unknown> {
    this.checkForm(message, ['ask', 'read'])
    const { form, reply, refusal } = specIn(message)
    const payload = this.payloadOf(message)
    if (form === 'read') {
      this.actions = noActions
      const value = this.run(message.tag, payload, now, {})
      this.checkAnswer(message.tag, reply, value)
      return { reply: value }
    }
    const asked = `ask-${++this.asks}`
    const outcome = this.settle(message.tag, this.run(message.tag, payload, now, { asked: { asked } }))
    if (outcome.type === 'put-off') return { putOff: true }
    if (outcome.type === 'refused') {
      this.checkAnswer(message.tag, refusal, outcome.value)
      return { refusal: outcome.value }
    }
    this.checkAnswer(message.tag, reply, outcome.value)
    return { reply: outcome.value }
  }

  continue(then: MessageData, answer: E.Either<unknown, unknown>, now?: number): void {
    this.checkForm(then, ['answer'])
    const { reply, refusal } = specIn(then)
    this.checkAnswer(
      then.tag,
      E.isLeft(answer) ? refusal : reply,
      E.isLeft(answer) ? answer.left : answer.right,
    )
    const payload = { ...(this.payloadOf(then) as object), answer }
    this.settle(then.tag, this.run(then.tag, payload, now, {}))
  }

  private get address(): string {
    return formatAddress(this.kind.kind, this.id)
  }

  private checkForm(message: MessageData, forms: readonly Form[]): void {
    const { form } = specIn(message)
    if (message.kind !== this.kind.kind || !forms.includes(form)) {
      throw new Misuse(
        'WrongForm',
        `${message.kind}.${message.tag} is no ${forms[0] ?? ''} to ${this.kind.kind}.`,
      )
    }
    if (this.isStopped) throw new AskFailed({ tag: 'NoRecipient', address: this.address })
  }

  /** As another node would get it. */
  private payloadOf(message: MessageData): unknown {
    const spec = specIn(message)
    if (spec.payload !== undefined && !spec.payload.is(message.payload)) {
      const wrong = decodePayload(spec, message.payload)
      const complaints = E.isLeft(wrong) ? wrong.left : misfits(spec.payload, message.payload)
      throw new AskFailed({ tag: 'Malformed', address: this.address, complaints })
    }
    const decoded = decodePayload(spec, encodePayload(spec, message.payload))
    if (E.isRight(decoded)) return deepFreeze(decoded.right)
    throw new AskFailed({ tag: 'Malformed', address: this.address, complaints: decoded.left })
  }

  private run(tag: string, payload: unknown, now: number | undefined, more: object): unknown {
    const origin = { node: 'stepper#1', incarnation: 1, isHere: true }
    const at = deepFreeze({ id: this.id, now: now ?? this.beginsAt, origin, copy: '1', ...more })
    try {
      const value = this.kind.on[tag]?.(this.state, payload, at)
      if (typeof (value as { then?: unknown } | null | undefined)?.then === 'function') {
        throw stepReturnedPromise(this.kind.kind, tag)
      }
      return value
    } catch (error) {
      throw isInPlaceChange(error) ? stateMutated(this.kind.kind, this.id, tag, error) : error
    }
  }

  private settle(tag: string, value: unknown): OutcomeData {
    const outcome = outcomeData(value)
    if (outcome === undefined) throw stepReturnedNothing(this.kind.kind, tag)
    if (outcome.type === 'stashed')
      throw new Misuse('WrongForm', 'stash is for actors of a node, declared with behavior(…).')
    this.actions = outcome.actions.map(plain)
    if (outcome.type === 'refused') return outcome
    this.state = deepFreeze(outcome.state)
    this.checkState(tag)
    this.isStopped = outcome.actions.some((action) => actionData(action).type === 'stop')
    if (this.isStopped) this.state = undefined
    return outcome
  }

  private checkState(tag: string): void {
    const { source } = this.kind
    if (source.type !== 'mirrored' && source.type !== 'persisted') return
    const complaints = misfits(source.codec, this.state)
    if (complaints.length > 0) throw stateDoesNotFit(this.kind.kind, tag, complaints)
  }

  private checkAnswer(tag: string, codec: AnyCodec | undefined, value: unknown): void {
    const complaints = codec === undefined ? ['expected no refusal'] : misfits(codec, value)
    if (complaints.length > 0) throw replyDoesNotFit(this.kind.kind, tag, complaints)
  }
}

/**
 * Runs one entity alone: no node, no clock, no await. The strictest place there is: payloads make the way
 * over the wire, states and replies are held against their codecs, and everything is frozen.
 *
 * @example
 * const p = stepper(party, PartyId('p1'))
 * t.same(p.ask(Party.Invite({ by: bob, target: alice })), { refusal: { code: 'NOT_LEADER' } })
 */
export const stepper = <N extends string, I extends string>(
  kind: Kind<N, I>,
  id: I,
  options: StepperOptions = {},
): Stepper<N> => new Alone(kindData(kind), id, options.now ?? 0) as unknown as Stepper<N>
