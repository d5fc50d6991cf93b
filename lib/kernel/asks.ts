import type { MessageData } from '../api/internal.js'
import { AskFailed, type AskError } from '../errors.js'
import { JournalFailed } from '../persistence/failure.js'
import type { Clock } from '../std/clock.js'
import { type Call, presentCall } from './call-chain.js'
import { Deadlines, type Due } from './deadlines.js'
import { Errand } from './errand.js'
import type { Ledger } from './ledger.js'
import type { Tracing } from '../observe/tracing.js'

/** What an asker is told of a crash. A write that was not confirmed may have happened. */
export const crashAnswer = (error: unknown, address: string, message: string): AskError => {
  if (error instanceof NotServing) return { tag: 'Unavailable', address, retryAfterMs: notServingMs }
  return error instanceof JournalFailed && error.code === 'WriteFailed'
    ? { tag: 'UnknownOutcome', address }
    : { tag: 'Crashed', address, cause: error, message }
}

const notServingMs = 100

/** The actor may not act at the moment: whoever asked finds it elsewhere, or later. */
export class NotServing extends Error {
  constructor() {
    super(
      'This node may not act for the cluster at the moment: its lease is over, or the record names another.',
    )
  }
}

/** Who waits for an answer. Exactly one of the three is called, once. */
export interface Asker {
  reply(value: unknown): void
  refuse(refusal: unknown): void
  fail(error: AskError): void
}

export interface OpenAskOptions {
  readonly address: string
  readonly message: MessageData
  readonly timeoutMs: number
  readonly reqId: string | undefined
}

/** An ask that nobody answered yet, as it waits in a mailbox or, put off, with its actor. */
export class OpenAsk extends Errand implements Due {
  due: Due['due'] = undefined
  previous: Due | undefined = undefined
  following: Due | undefined = undefined
  isOpen = true
  readonly message: MessageData
  readonly timeoutMs: number
  readonly reqId: string | undefined
  readonly address: string
  /** The handler that waits for it, as far as that is known. */
  readonly from: Call | undefined
  /** The context of its sender, where the node has a tracer. */
  readonly context: unknown

  constructor(
    private readonly asks: Asks,
    private readonly asker: Asker,
    options: OpenAskOptions,
  ) {
    super()
    this.from = asks.knowsCalls ? presentCall() : undefined
    this.context = asks.tracing?.capture()
    this.address = options.address
    this.message = options.message
    this.timeoutMs = options.timeoutMs
    this.reqId = options.reqId
  }

  /** For those who read of a crash or a dead letter. */
  get tag(): string {
    return this.message.tag
  }

  reply(value: unknown): void {
    if (this.close()) this.asker.reply(value)
  }
  refuse(refusal: unknown): void {
    if (this.close()) this.asker.refuse(refusal)
  }
  fail(error: AskError): void {
    if (this.isOpen && this.close()) this.asker.fail(error)
  }
  expired(): void {
    this.fail({ tag: 'AskTimeout', address: this.address, timeoutMs: this.timeoutMs })
  }

  private close(): boolean {
    if (!this.isOpen) {
      this.asks.late(this)
      return false
    }
    this.isOpen = false
    this.asks.closed(this)
    return true
  }
}

export interface AsksOptions {
  /** Open asks; one more is refused. */
  readonly countMax: number
  /** Asks know which handler waits for them. */
  readonly knowsCalls: boolean
  readonly tracing: Tracing | undefined
}

/** All asks of one kernel that are open. */
export class Asks {
  openCount = 0
  readonly countMax: number
  readonly knowsCalls: boolean
  readonly tracing: Tracing | undefined
  private isStopped = false
  private readonly deadlines: Deadlines

  constructor(
    clock: Clock,
    private readonly ledger: Ledger,
    { countMax, knowsCalls, tracing }: AsksOptions,
  ) {
    this.countMax = countMax
    this.knowsCalls = knowsCalls
    this.tracing = tracing
    this.deadlines = new Deadlines(clock)
  }

  /** Undefined when it was refused at once: `countMax` asks are open, or the node has stopped. */
  open(asker: Asker, options: OpenAskOptions): OpenAsk | undefined {
    const { address } = options
    if (this.isStopped || this.openCount >= this.countMax) {
      this.ledger.sent++
      this.ledger.errors++
      // A deadline set now would hold the process of a stopped node.
      if (this.isStopped) asker.fail({ tag: 'NoRecipient', address })
      else {
        this.ledger.reached.pendingAsksCountMax++
        asker.fail({ tag: 'Overloaded', address, mailboxCountMax: this.countMax, retryAfterMs: 100 })
      }
      return undefined
    }
    const ask = new OpenAsk(this, asker, options)
    this.openCount++
    this.deadlines.set(ask, options.timeoutMs)
    return ask
  }

  /** Milliseconds until its deadline; 0 when it is over. */
  remainingMs(ask: OpenAsk): number {
    return this.deadlines.remainingMs(ask)
  }

  /** For `OpenAsk` only. */
  closed(ask: OpenAsk): void {
    this.openCount--
    this.deadlines.drop(ask)
  }

  /** For `OpenAsk` only: an answer that nobody waits for any more. */
  late(ask: OpenAsk): void {
    this.ledger.bury({ path: ask.address, reason: 'late-reply', message: ask.message })
  }

  /**
   * Cancels the one timer. Asks that are still open would wait for ever, so their actors are stopped
   * before.
   */
  stop(): void {
    this.isStopped = true
    this.deadlines.clear()
  }
}

/** The promise form of an asker. */
export class PromiseAsker implements Asker {
  resolve!: (value: unknown) => void
  reject!: (error: unknown) => void
  private unwatch: (() => void) | undefined

  constructor(
    private readonly address: string,
    private readonly message: MessageData,
  ) {}

  /** Once aborted the ask fails with `Cancelled`. */
  watch(signal: AbortSignal, ask: OpenAsk): void {
    const abort = (): void => ask.fail({ tag: 'Cancelled', address: this.address })
    if (signal.aborted) {
      abort()
      return
    }
    signal.addEventListener('abort', abort, { once: true })
    this.unwatch = () => signal.removeEventListener('abort', abort)
  }
  reply(value: unknown): void {
    this.unwatch?.()
    this.resolve(value)
  }
  refuse(refusal: unknown): void {
    this.unwatch?.()
    const { address, message } = this
    this.reject(new AskFailed({ tag: 'Refused', address, message: message.tag, refusal }))
  }
  fail(error: AskError): void {
    this.unwatch?.()
    this.reject(new AskFailed(error))
  }
}
