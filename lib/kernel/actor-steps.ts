import {
  type Action,
  actionData,
  type BehaviorData,
  deepFreeze,
  foreignTimer,
  type MessageData,
  noActions,
  notAnAction,
  type OutcomeData,
  stateMutated,
  stepReturnedNothing,
} from '../api/internal.js'
import { specOfMessage } from '../api/maker.js'
import type { AskError } from '../errors.js'
import { formatAddress } from '../ids.js'
import { ActorAsks } from './actor-asks.js'
import {
  commandGiven,
  isInPlaceChange,
  notAsked,
  reminderGiven,
  unanswered,
  unhandled,
} from './actor-misuse.js'
import { type Asker, OpenAsk } from './asks.js'
import { duringCall } from './call-chain.js'
import type { Cell } from './cell.js'
import { Errand, Exited, Heard, Idle, Traced } from './errand.js'
import { type ExitReason, normal } from './exit-reason.js'
import type { Kernel } from './kernel.js'
import type { LocalActorRef } from './local-ref.js'
import type { Outside } from './outside.js'
import type { Answered } from './remembered.js'
import { ActorTimer, cancelTimer, setTimer, type TimerOwner } from './timers.js'

/** What waits in the mailbox of a local actor. */
export type Item = MessageData | Errand

export const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'

/**
 * The half of a local actor that handles messages: finds the handler, waits for what it decides, and does it.
 * When it lives is up to the other half.
 */
export abstract class ActorSteps implements TimerOwner {
  abstract readonly cell: Cell<Item>
  abstract readonly ref: LocalActorRef
  timer: ActorTimer | undefined = undefined
  protected on: BehaviorData['on']
  protected state: unknown = undefined
  protected inHand: OpenAsk | undefined = undefined
  /** The end that it wants itself, after the message in hand. */
  protected ownEnd: ExitReason | undefined = undefined
  private asks: ActorAsks | undefined = undefined
  /** What its handlers are given; of this life. */
  protected abstract self: LocalActorRef

  constructor(
    readonly kernel: Kernel,
    public behavior: BehaviorData,
    readonly outside: Outside,
  ) {
    this.on = behavior.on
  }

  get kind(): string {
    return this.behavior.kind
  }
  get address(): string {
    return formatAddress(this.kind, '')
  }

  /** Asks on behalf of somebody of this or another node; undefined when it was refused at once. */
  ask(message: MessageData, asker: Asker, timeoutMs: number, reqId?: string): OpenAsk | undefined {
    const { address } = this
    const ask = this.kernel.asks.open(asker, { address, message, timeoutMs, reqId })
    if (ask !== undefined) this.cell.tell(ask)
    return ask
  }

  /** The token of the ask in hand, which `act.answer` and `act.refuse` take later. */
  askedNow(): string {
    const { inHand } = this
    if (inHand === undefined) throw notAsked()
    return this.ownAsks().tokenOf(inHand, this.cell.incarnation)
  }

  /** Of the ask in hand, if it has one. */
  reqIdNow(): string | undefined {
    return this.inHand?.reqId
  }

  /** Milliseconds that whoever asked still waits; Infinity when nobody did. */
  remainingMs(): number {
    const { inHand, kernel } = this
    return inHand === undefined ? Number.POSITIVE_INFINITY : kernel.asks.remainingMs(inHand)
  }

  receive(item: Item): void | PromiseLike<void> {
    return this.kernel.limits.diagnostics ? this.takeNaming(item) : this.take(item)
  }

  /** Actions of this actor; whatever they send is in its name. */
  perform(actions: readonly Action[]): void {
    const { dispatcher } = this.kernel
    const before = dispatcher.current
    dispatcher.current = this.cell
    try {
      for (const action of actions) this.performOne(actionData(action))
    } finally {
      dispatcher.current = before
    }
    if (this.ownEnd !== undefined) this.endItself()
  }

  /** For its timers. */
  rang(timer: ActorTimer): void {
    this.cell.append(timer)
  }

  /** Ends this life with `ownEnd` after the message in hand, if it lives. */
  protected abstract endItself(): void

  protected become(state: unknown): void {
    this.state = this.kernel.limits.diagnostics ? deepFreeze(state) : state
  }

  protected loseAsks(error: AskError): void {
    this.asks?.fail(error)
    this.asks = undefined
  }

  private take(item: Item): void | PromiseLike<void> {
    if (item instanceof Errand) return this.run(item)
    const { tag } = item
    const handle = this.on[tag]
    if (handle === undefined) throw unhandled(this.behavior.kind, tag)
    const { incarnation } = this.cell
    const result = handle(this.state, item.payload, this.self) as OutcomeData
    const isOver = this.cell.incarnation !== incarnation
    if (!isOver && typeof result === 'object' && result !== null && result.type === 'stepped') {
      this.become(result.state)
      if (result.actions !== noActions) this.perform(result.actions)
      return
    }
    return this.later(result, tag, undefined, incarnation)
  }

  private run(errand: Errand): void | PromiseLike<void> {
    if (errand instanceof OpenAsk) {
      if (this.kernel.tracing === undefined) return this.runAsk(errand)
      return this.traced(errand, () => this.runAsk(errand))
    }
    if (errand instanceof Traced) return this.traced(errand, () => this.take(errand.message))
    if (errand instanceof ActorTimer) return errand.taken() ? this.take(errand.message) : undefined
    const { incarnation } = this.cell
    return this.later(this.runOwn(errand), tagOf(errand), undefined, incarnation)
  }

  private runOwn(errand: Errand): unknown {
    const { behavior, self, state } = this
    if (errand instanceof Heard) {
      const { handle, event, from } = errand
      return from === undefined ? handle(state, event, self) : handle(state, event, from, self)
    }
    if (errand instanceof Exited) return behavior.onExit?.(state, errand.exit, self)
    return errand instanceof Idle ? behavior.onIdle?.(state, self) : undefined
  }

  private traced(item: OpenAsk | Traced, run: () => void | PromiseLike<void>): void | PromiseLike<void> {
    const { tracing } = this.kernel
    const handling = { kind: this.kind, tag: item.tag, path: this.cell.path }
    return tracing === undefined ? run() : tracing.handle(item.context, handling, run)
  }

  private runAsk(ask: OpenAsk): void | PromiseLike<void> {
    const { message, reqId } = ask
    const { tag } = message
    // Its deadline passed, or its asker gave up, while it waited: the asker has been told.
    if (!ask.isOpen) {
      this.kernel.ledger.handled--
      this.kernel.ledger.errors++
      return
    }
    if (reqId !== undefined && !this.ownAsks().isNew(reqId, ask, this.kernel.clock.monotonic())) return
    const handle = this.on[tag]
    if (handle === undefined) throw unhandled(this.behavior.kind, tag)
    this.inHand = ask
    const { incarnation } = this.cell
    const result = handle(this.state, message.payload, this.self)
    if (message[specOfMessage].form === 'read' && this.cell.incarnation === incarnation) {
      this.inHand = undefined
      ask.reply(result)
      return
    }
    return this.later(result, tag, ask, incarnation)
  }

  /** What a life decided that is over by then, as one that killed itself, is not for the next one. */
  private later(
    result: unknown,
    tag: string,
    ask: OpenAsk | undefined,
    incarnation: number,
  ): void | PromiseLike<void> {
    if (isThenable(result)) return result.then((value) => this.later(value, tag, ask, incarnation))
    if (this.cell.incarnation === incarnation) this.decided(result, tag, ask)
  }

  private decided(result: unknown, tag: string, ask: OpenAsk | undefined): void {
    this.inHand = undefined
    const decision = result as OutcomeData | undefined | null
    switch (decision?.type) {
      case 'stepped':
      case 'put-off':
        if (ask !== undefined && decision.type === 'stepped') throw unanswered(this.behavior.kind, tag)
        this.become(decision.state)
        break
      case 'replied':
        this.become(decision.state)
        if (ask !== undefined) this.answer(ask, { tag: 'reply', value: decision.value })
        break
      case 'stashed':
        this.become(decision.state)
        if (ask?.reqId !== undefined) this.asks?.forget(ask.reqId)
        this.cell.setAsideInHand()
        break
      case 'refused':
        if (ask !== undefined) this.answer(ask, { tag: 'refusal', value: decision.value })
        return
      default:
        throw stepReturnedNothing(this.behavior.kind, tag)
    }
    if (decision.actions !== noActions) this.perform(decision.actions)
  }

  private answer(ask: OpenAsk, answered: Answered): void {
    if (this.asks !== undefined) this.asks.answer(ask, answered)
    else if (answered.tag === 'reply') ask.reply(answered.value)
    else ask.refuse(answered.value)
  }

  private performOne(action: ReturnType<typeof actionData>): void {
    switch (action.type) {
      case 'tell':
        this.outside.tell(action.to, action.message)
        return
      case 'publish':
        this.outside.publish(action.topic, action.payload)
        return
      case 'after': {
        const { delayMs, jitter = 0, name, message } = action
        if (message.kind !== this.behavior.kind) throw foreignTimer(this.kind, 'act.after', message)
        setTimer(this, this.kernel.timers, message, { delayMs, jitter, name, isRepeating: false })
        return
      }
      case 'every': {
        const { periodMs, jitter, name, message } = action
        if (message.kind !== this.behavior.kind) throw foreignTimer(this.kind, 'act.every', message)
        const plan = { delayMs: periodMs, jitter, name, isRepeating: true }
        setTimer(this, this.kernel.timers, message, plan)
        return
      }
      case 'cancel':
        cancelTimer(this, this.kernel.timers, action.name)
        return
      case 'unstash':
        this.cell.bringBack()
        return
      case 'answer':
        this.answerLater(action.asked, { tag: 'reply', value: action.reply })
        return
      case 'refuse':
        this.answerLater(action.asked, { tag: 'refusal', value: action.refusal })
        return
      case 'stop':
        this.ownEnd = action.as === undefined ? normal : { tag: action.as, detail: action.detail }
        return
      case 'command':
        throw commandGiven(this.kind)
      case 'remind':
      case 'forget-reminder':
        throw reminderGiven(this.kind)
      default:
        throw notAnAction(action)
    }
  }

  private answerLater(token: string, answered: Answered): void {
    if (this.asks?.answerLater(token, answered) === true) return
    this.kernel.ledger.bury({ path: this.cell.path, reason: 'late-reply', message: answered.value })
  }

  /**
   * With diagnostics on: a change in place gets its sentence instead of the engine's own words, and who
   * waits for whom is known.
   */
  private takeNaming(item: Item): void | PromiseLike<void> {
    const named = (error: unknown): unknown =>
      isInPlaceChange(error) ? stateMutated(this.kind, '', tagOf(item), error) : error
    const from = item instanceof OpenAsk ? item.from : undefined
    const call = { actor: this, name: this.cell.name, from, isOver: false }
    try {
      return duringCall(call, () => this.take(item))?.then(undefined, (error: unknown) => {
        throw named(error)
      })
    } catch (error) {
      throw named(error)
    }
  }

  private ownAsks(): ActorAsks {
    this.asks ??= new ActorAsks(this.kernel.limits, this.kernel.ledger.reached)
    return this.asks
  }
}

/** What it is about, for people. */
export const tagOf = (item: Item): string => {
  if (item instanceof OpenAsk || item instanceof ActorTimer || item instanceof Traced) return item.tag
  if (!(item instanceof Errand)) return item.tag
  if (item instanceof Exited) return 'onExit'
  return item instanceof Idle ? 'onIdle' : 'hears'
}
