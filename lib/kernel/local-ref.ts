import type { Action } from '../api/act.js'
import type { MessageData } from '../api/internal.js'
import { specOfMessage } from '../api/maker.js'
import { Misuse } from '../api/misuse.js'
import type { AskOptions } from '../api/refs.js'
import type { AskError } from '../errors.js'
import { callCycle } from './actor-misuse.js'
import { type Asker, type OpenAsk, PromiseAsker } from './asks.js'
import type { Bound } from './bonds.js'
import { cycleTo } from './call-chain.js'
import type { Cell } from './cell.js'
import { Traced } from './errand.js'
import type { Kernel } from './kernel.js'
import type { Outside } from './outside.js'

/** The actor behind a ref. */
export interface Referred extends Bound {
  readonly kernel: Kernel
  readonly cell: Cell<any>
  readonly outside: Outside
  readonly kind: string
  /** As people read it: `kind/`. */
  readonly address: string
  ask(message: MessageData, asker: Asker, timeoutMs: number, reqId?: string): OpenAsk | undefined
  /** The token of the ask in hand; throws when there is none. */
  askedNow(): string
  reqIdNow(): string | undefined
  remainingMs(): number
  perform(actions: readonly Action[]): void
}

/**
 * A handle to an actor of this node. It is the api's `LocalRef` without its types: those are added where a
 * ref is handed out.
 *
 * It stays good while the actor is restarted; when the actor has stopped for good, tells become dead
 * letters and asks are answered `NoRecipient`.
 */
export class LocalActorRef {
  protected readonly cell: Cell<any>
  private readonly kind: string

  constructor(protected readonly actor: Referred) {
    this.cell = actor.cell
    this.kind = actor.kind
  }

  /** The actor behind a ref; undefined for what is no ref to an actor of this process. */
  static actorOf(ref: object): Referred | undefined {
    return ref instanceof LocalActorRef ? ref.actor : undefined
  }

  get address(): { readonly kind: string; readonly id: string; readonly node: string } {
    return { kind: this.kind, id: '', node: this.actor.outside.node.id }
  }
  get nact(): object {
    return this.cell.hostRef as object
  }

  tell(message: MessageData): void {
    const spec = message[specOfMessage]
    if (message.kind !== this.kind || spec === undefined) throw foreign(this.kind, message)
    if (spec.form !== 'tell') throw wrongForm(message, 'ask', 'told')
    const { tracing } = this.actor.kernel
    this.cell.tell(tracing === undefined ? message : new Traced(message, tracing.capture()))
  }

  ask(message: MessageData, options?: AskOptions): Promise<unknown> {
    const { actor } = this
    const { askTimeoutMs, askTimeoutMsMax } = actor.kernel.limits
    const spec = message[specOfMessage]
    if (message.kind !== this.kind || spec === undefined) return Promise.reject(foreign(this.kind, message))
    if (spec.form !== 'ask' && spec.form !== 'read')
      return Promise.reject(wrongForm(message, 'tell', 'asked'))
    const cycle = actor.kernel.limits.diagnostics ? cycleTo(actor, this.cell.name) : undefined
    if (cycle !== undefined) return Promise.reject(callCycle(cycle))
    let timeoutMs = askTimeoutMs
    if (options?.timeoutMs !== undefined) {
      if (!(options.timeoutMs >= 1)) return Promise.reject(badTimeout(options.timeoutMs))
      timeoutMs = Math.min(options.timeoutMs, askTimeoutMsMax)
      if (timeoutMs < options.timeoutMs) actor.kernel.ledger.reached.askTimeoutMsMax++
    }
    const asker = new PromiseAsker(actor.address, message)
    const promise = new Promise<unknown>((resolve, reject) => {
      asker.resolve = resolve
      asker.reject = reject
    })
    const ask = actor.ask(message, asker, timeoutMs, options?.reqId)
    if (ask !== undefined && options?.signal !== undefined) asker.watch(options.signal, ask)
    return promise
  }

  /**
   * What plain nact code dispatches: a message of the actor's protocol; an ask is answered to its sender.
   */
  deliver(message: unknown, replyTo: ((answer: unknown) => void) | undefined): void {
    const given = message as Partial<MessageData> | null | undefined
    const spec = typeof given === 'object' ? given?.[specOfMessage] : undefined
    const { actor, cell } = this
    if (spec === undefined || given?.kind !== this.kind) {
      actor.kernel.deadLetter(cell.path, 'unhandled', message)
    } else if (spec.form === 'tell') {
      cell.tell(message as MessageData)
    } else {
      actor.ask(message as MessageData, new NactAsker(replyTo), actor.kernel.limits.askTimeoutMs)
    }
  }
}

/**
 * An asker that knows only one way back: a refusal and an error arrive as `{ refusal }` and `{ error }`.
 */
class NactAsker implements Asker {
  constructor(private readonly replyTo: ((answer: unknown) => void) | undefined) {}
  reply(value: unknown): void {
    this.replyTo?.(value)
  }
  refuse(refusal: unknown): void {
    this.replyTo?.({ refusal })
  }
  fail(error: AskError): void {
    this.replyTo?.({ error })
  }
}

const name = (message: MessageData): string => `${String(message.kind)}.${String(message.tag)}`

const foreign = (kind: string, message: MessageData): Misuse =>
  new Misuse(
    'ForeignMessage',
    `${name(message)} was sent to "${kind}". Send what the constructors of that actor's own protocol make.`,
  )
const wrongForm = (message: MessageData, form: string, used: string): Misuse =>
  new Misuse(
    'WrongForm',
    `${name(message)} was ${used}. ` +
      (form === 'ask' ? 'It replies, so use ref.ask.' : 'It has no reply, so use ref.tell.'),
  )
const badTimeout = (timeoutMs: number): Misuse =>
  new Misuse('WrongForm', `timeoutMs is ${timeoutMs}; expected milliseconds, 1 or more.`)
