import {
  actionData,
  type BehaviorData,
  deepFreeze,
  ignore,
  InfoData,
  initMisuse,
  type MessageData,
  noActions,
  type OutcomeData,
  stateMutated,
  stepReturnedNothing,
} from '../api/internal.js'
import { specOfMessage } from '../api/maker.js'
import { Misuse } from '../api/misuse.js'
import type { Origin } from '../api/topic.js'
import type { AskError } from '../errors.js'
import { formatAddress } from '../ids.js'
import { ActorAsks } from './actor-asks.js'
import { isInPlaceChange, unanswered, unhandled } from './actor-misuse.js'
import { type Asker, crashAnswer, OpenAsk } from './asks.js'
import type { Cell, CellOptions } from './cell.js'
import type { DeadLetterReason } from './events.js'
import { crash, type ExitReason, killed, normal, shutdown } from './exit-reason.js'
import type { Kernel } from './kernel.js'
import { type Begun, type Ended, ignored, type Lifecycle, started } from './lifecycle.js'
import { LocalActorRef, type Referred } from './local-ref.js'
import type { Outside } from './outside.js'
import type { Answered } from './remembered.js'

export interface LocalActorOptions {
  readonly name: string
  readonly parent?: Cell<any> | undefined
  readonly behavior: BehaviorData
  readonly outside: Outside
  /** Its life ended without the supervisor having asked: it crashed, or stopped itself. */
  readonly ended: Ended
}

/** Something published, on its way to an actor that hears it. */
class Heard {
  constructor(
    readonly handle: (state: unknown, event: unknown, ...rest: readonly unknown[]) => unknown,
    readonly event: unknown,
    readonly from: Origin | undefined,
  ) {}
}

/** What waits in the mailbox of a local actor. */
type Item = MessageData | OpenAsk | Heard

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'

/**
 * Runs one behavior in one cell. It lives from `begin` until it crashes, stops itself, or is halted; then
 * its supervisor begins it again, on the same mail, or closes it.
 */
export class LocalActor implements CellOptions<Item>, Lifecycle, Referred {
  readonly name: string
  readonly parent: Cell<any> | undefined
  readonly mailboxCountMax = undefined
  readonly overflow = undefined
  readonly cell: Cell<Item>
  readonly ref: LocalActorRef
  behavior: BehaviorData
  readonly outside: Outside
  private on: BehaviorData['on']
  private readonly ended: Ended
  private life: 'new' | 'beginning' | 'living' | 'halting' | 'over' = 'new'
  private state: unknown
  private readonly isFreezing: boolean
  private inHand: OpenAsk | undefined
  private ownEnd: ExitReason | undefined
  private asks: ActorAsks | undefined
  private unsubscribe: (() => void)[] | undefined

  constructor(
    readonly kernel: Kernel,
    options: LocalActorOptions,
  ) {
    this.name = options.name
    this.parent = options.parent
    this.behavior = options.behavior
    this.on = options.behavior.on
    this.outside = options.outside
    this.ended = options.ended
    this.isFreezing = kernel.limits.diagnostics
    this.cell = kernel.spawn(this)
    this.cell.suspend()
    this.ref = new LocalActorRef(this)
  }

  get kind(): string {
    return this.behavior.kind
  }
  get address(): string {
    return formatAddress(this.kind, '')
  }

  begin(done: (begun: Begun) => void): void {
    const isFirst = this.life === 'new'
    this.life = 'beginning'
    this.ownEnd = undefined
    if (isFirst) this.hear()
    else this.cell.restart()
    const { incarnation } = this.cell
    const isStale = (): boolean => this.cell.incarnation !== incarnation || this.life !== 'beginning'
    const failed = (error: unknown): void => {
      if (isStale()) return
      this.life = 'over'
      this.report(error)
      done({ tag: 'failed', error })
    }
    const begun = (made: unknown): void => {
      if (isStale()) return
      const misuse = initMisuse(this.kind, made)
      if (misuse !== undefined) {
        failed(misuse)
      } else if (made === ignore) {
        this.life = 'over'
        done(ignored)
      } else {
        this.become(made instanceof InfoData ? made.state : made)
        this.life = 'living'
        this.cell.resume()
        done(made instanceof InfoData ? { tag: 'started', info: made.info } : started)
      }
    }
    let first: unknown
    try {
      first = this.behavior.init()
    } catch (error) {
      failed(error)
      return
    }
    if (isThenable(first)) first.then(begun, failed)
    else begun(first)
  }

  /** Another behavior of the same protocol, from its next life on. */
  adopt(behavior: BehaviorData): void {
    this.forgetTopics()
    this.behavior = behavior
    this.on = behavior.on
    if (this.life !== 'new') this.hear()
  }

  halt(done: () => void): void {
    if (this.life !== 'living') {
      this.abort()
      done()
      return
    }
    this.life = 'halting'
    this.cell.suspend(() => this.cleanUp(shutdown, () => done()))
  }

  abort(): void {
    if (this.life === 'over') return
    this.life = 'over'
    this.lose(killed)
  }

  close(reason: ExitReason): void {
    this.abort()
    this.forgetTopics()
    this.cell.stop(undefined, reason)
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
    if (inHand === undefined) {
      throw new Misuse(
        'WrongForm',
        'self.asked is only there while an ask is handled; this is a tell, or it is over.',
      )
    }
    return this.ownAsks().tokenOf(inHand, this.cell.incarnation)
  }

  receive(item: Item): void | PromiseLike<void> {
    return this.isFreezing ? this.takeNaming(item) : this.take(item)
  }

  private take(item: Item): void | PromiseLike<void> {
    if (item instanceof OpenAsk) return this.receiveAsk(item)
    if (item instanceof Heard) return this.receiveHeard(item)
    const { tag } = item
    const handle = this.on[tag]
    if (handle === undefined) throw unhandled(this.behavior.kind, tag)
    const result = handle(this.state, item.payload, this.ref) as OutcomeData
    if (typeof result === 'object' && result !== null && result.type === 'stepped') {
      this.become(result.state)
      if (result.actions !== noActions) this.perform(result.actions)
      return
    }
    return this.later(result, tag, undefined)
  }

  crashed(error: unknown, item: Item): void {
    const failure = crashAnswer(error, this.address)
    if (item instanceof OpenAsk) item.fail(failure)
    this.inHand = undefined
    this.loseAsks(failure)
    const wasAsked = this.life === 'halting'
    this.life = 'over'
    if (wasAsked) return
    this.state = undefined
    this.ended(crash(error))
  }

  undelivered(item: Item, reason: DeadLetterReason): boolean {
    if (!(item instanceof OpenAsk)) return false
    const { address } = this
    if (reason === 'mailbox-full') {
      const { mailboxCountMax } = this.cell
      item.fail({ tag: 'Overloaded', address, mailboxCountMax, retryAfterMs: 100 })
    } else if (item === this.inHand) {
      this.inHand = undefined
      item.fail({ tag: 'UnknownOutcome', address })
    } else {
      item.fail({ tag: 'NoRecipient', address })
    }
    return true
  }

  /** From plain nact code. */
  delivered(message: unknown, replyTo: ((answer: unknown) => void) | undefined): void {
    this.ref.deliver(message, replyTo)
  }

  /** With diagnostics on: a change in place gets its sentence instead of the engine's own words. */
  private takeNaming(item: Item): void | PromiseLike<void> {
    const named = (error: unknown): unknown =>
      isInPlaceChange(error) ? stateMutated(this.kind, '', tagOf(item), error) : error
    try {
      return this.take(item)?.then(undefined, (error: unknown) => {
        throw named(error)
      })
    } catch (error) {
      throw named(error)
    }
  }

  private receiveAsk(ask: OpenAsk): void | PromiseLike<void> {
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
    const result = handle(this.state, message.payload, this.ref)
    if (message[specOfMessage].form === 'read') {
      this.inHand = undefined
      ask.reply(result)
      return
    }
    if (isThenable(result)) return this.later(result, tag, ask)
    this.decided(result, tag, ask)
  }

  private receiveHeard({ handle, event, from }: Heard): void | PromiseLike<void> {
    const result =
      from === undefined ? handle(this.state, event, this.ref) : handle(this.state, event, from, this.ref)
    return this.later(result, 'hears', undefined)
  }

  private later(result: unknown, tag: string, ask: OpenAsk | undefined): void | PromiseLike<void> {
    if (!isThenable(result)) {
      this.decided(result, tag, ask)
      return
    }
    const { incarnation } = this.cell
    return result.then((value) => {
      if (this.cell.incarnation === incarnation) this.decided(value, tag, ask)
    })
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

  private perform(actions: OutcomeData['actions']): void {
    for (const action of actions) this.performOne(actionData(action))
    const end = this.ownEnd
    if (end === undefined) return
    this.ownEnd = undefined
    this.life = 'halting'
    // The cell is still in the message that decided this; it is over when that is.
    this.cell.suspend(() => this.cleanUp(end, (reason) => this.ended(reason)))
  }

  private performOne(action: ReturnType<typeof actionData>): void {
    switch (action.type) {
      case 'tell':
        this.outside.tell(action.to, action.message)
        return
      case 'publish':
        this.outside.publish(action.topic, action.payload)
        return
      case 'after':
        this.cell.after(action.delayMs, action.message, action.name)
        return
      case 'cancel':
        this.cell.cancel(action.name)
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
        throw new Misuse(
          'WrongForm',
          'act.command is for entities, which keep an outbox. ' +
            `In "${this.kind}", an actor of the node, await the ask on a ref instead.`,
        )
    }
  }

  private answerLater(token: string, answered: Answered): void {
    if (this.asks?.answerLater(token, answered) === true) return
    this.kernel.ledger.bury({ path: this.cell.path, reason: 'late-reply', message: answered.value })
  }

  private become(state: unknown): void {
    this.state = this.isFreezing ? deepFreeze(state) : state
  }

  private cleanUp(wanted: ExitReason, done: (reason: ExitReason) => void): void {
    // It crashed in its last message: there is no state to clean up.
    if (this.life !== 'halting') {
      this.lose(wanted)
      done(wanted)
      return
    }
    const { incarnation } = this.cell
    const end = (reason: ExitReason): void => {
      if (this.cell.incarnation !== incarnation || this.life !== 'halting') return
      this.life = 'over'
      this.lose(reason)
      done(reason)
    }
    const over = (): void => end(wanted)
    const failed = (error: unknown): void => {
      this.report(error)
      end(crash(error))
    }
    let result: unknown
    try {
      result = this.behavior.onStop?.(this.state)
    } catch (error) {
      failed(error)
      return
    }
    if (isThenable(result)) result.then(over, failed)
    else over()
  }

  private lose(reason: ExitReason): void {
    this.cell.giveUp(reason)
    this.state = undefined
    this.loseAsks({ tag: 'UnknownOutcome', address: this.address })
  }

  private loseAsks(error: AskError): void {
    this.asks?.fail(error)
    this.asks = undefined
  }

  private ownAsks(): ActorAsks {
    this.asks ??= new ActorAsks(this.kernel.limits, this.kernel.ledger.reached)
    return this.asks
  }

  private forgetTopics(): void {
    for (const unsubscribe of this.unsubscribe ?? []) unsubscribe()
    this.unsubscribe = undefined
  }

  private hear(): void {
    for (const { topic, handle } of this.behavior.hearers) {
      this.unsubscribe ??= []
      this.unsubscribe.push(
        this.outside.subscribe(topic, (event, from) => void this.cell.tell(new Heard(handle, event, from))),
      )
    }
  }

  /** A failure outside any message. */
  private report(error: unknown): void {
    const { ledger } = this.kernel
    const { path, incarnation } = this.cell
    if (ledger.isHeard) ledger.emit({ tag: 'ActorCrashed', path, incarnation, error, message: undefined })
  }
}

const tagOf = (item: Item): string => {
  if (item instanceof Heard) return 'hears'
  return item instanceof OpenAsk ? item.message.tag : item.tag
}
