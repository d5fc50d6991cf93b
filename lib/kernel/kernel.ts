import type { Clock } from '../std/clock.js'
import { type Random, seededRandom } from '../std/random.js'
import { Asks } from './asks.js'
import { Cell, type CellBody, type CellContext, type CellOptions } from './cell.js'
import type { PlaceOf } from './cell-options.js'
import { Dispatcher } from './dispatcher.js'
import type { DeadLetter, DeadLetterReason, EventListener } from './events.js'
import { Deadlines } from './deadlines.js'
import { type ActorHost, noHost } from './host.js'
import { type Counts, Ledger } from './ledger.js'
import type { KernelLimits } from './limits.js'
import { type LinkRules, linkRules } from './links-state.js'
import { type MailboxOptions, mailboxRules, type MailboxRules } from './mailbox-rules.js'
import type { TimerContext } from './timers.js'
import { defaultConfig } from '../config.js'
import type { Tracing } from '../observe/tracing.js'

export interface KernelOptions {
  readonly clock: Clock
  /** For the jitter of timers. Default: always the same numbers, which is what a simulation wants. */
  readonly random?: Random | undefined
  /** Default: hosted nowhere, which is what a simulation wants. */
  readonly host?: ActorHost | undefined
  /** Default: those of `config.ts`. */
  readonly limits?: Partial<KernelLimits> | undefined
  /** Default: contexts of senders are not carried. */
  readonly tracing?: Tracing | undefined
  /** For checks of the rules themselves. Default: OTP's. */
  readonly linkRules?: LinkRules | undefined
}

/**
 * The actors of one node: spawns cells, drives them with one dispatcher, and counts what becomes of
 * messages.
 */
export class Kernel {
  readonly clock: Clock
  readonly limits: KernelLimits
  /** For parts of the runtime that count for themselves. */
  readonly ledger: Ledger
  readonly asks: Asks
  readonly dispatcher: Dispatcher
  readonly linkRules: LinkRules
  readonly tracing: Tracing | undefined
  /** For what is due in the kernel, in steps of a millisecond. */
  readonly wheel: Deadlines
  /** What the timers of actors need. */
  readonly timers: TimerContext
  private readonly context: CellContext
  private readonly rules: MailboxRules

  constructor(options: KernelOptions) {
    const { clock, random = seededRandom(1), host = noHost } = options
    const limits = { ...defaultConfig, ...options.limits }
    const ledger = new Ledger(limits.deadLettersCountMax)
    const dispatcher = new Dispatcher(clock, limits, ledger)
    const wheel = new Deadlines(clock, 1)
    this.clock = clock
    this.limits = limits
    this.ledger = ledger
    this.dispatcher = dispatcher
    this.wheel = wheel
    this.timers = { wheel, random, clock }
    this.linkRules = options.linkRules ?? linkRules
    this.tracing = options.tracing
    this.asks = new Asks(clock, ledger, {
      countMax: limits.pendingAsksCountMax,
      knowsCalls: limits.diagnostics,
      tracing: options.tracing,
    })
    this.rules = mailboxRules({}, limits.mailboxCountMax)
    this.context = { clock, limits, ledger, dispatcher, host, wheel, roots: new Map() }
  }

  /** What a mailbox may hold; the same object for all that say nothing. */
  rulesOf(mailbox: MailboxOptions | undefined): MailboxRules {
    return mailbox === undefined ? this.rules : mailboxRules(mailbox, this.limits.mailboxCountMax)
  }

  /**
   * Starts a cell. It takes messages at once; `suspend` it when its state has to be made first.
   *
   * Throws when a sibling has that name, or the parent has stopped: both are programmer errors.
   */
  spawn<M>(options: CellOptions<M>): Cell<M> {
    const { name, parent, mailboxCountMax, overflow } = options
    const isDefault = mailboxCountMax === undefined && overflow === undefined
    const mailbox = { ...(mailboxCountMax === undefined ? {} : { countMax: mailboxCountMax }), overflow }
    const rules = isDefault ? this.rules : this.rulesOf(mailbox as MailboxOptions)
    return new Cell(this.context, options, { name, parent, rules })
  }

  /** As `spawn`, with the place apart from what runs there. */
  spawnAt<M>(place: PlaceOf<Cell<any>>, body: CellBody<M>): Cell<M> {
    return new Cell(this.context, body, place)
  }

  /** Says what happens to actors from now on. Returns how to stop listening. Listeners must not throw. */
  listen(listener: EventListener): () => void {
    return this.ledger.listen(listener)
  }

  /** Counts a message to somebody who is not there. */
  deadLetter(path: string, reason: DeadLetterReason, message: unknown): void {
    this.ledger.sent++
    this.ledger.bury({ path, reason, message })
  }

  /** The last dead letters, oldest first. */
  deadLetters(): readonly DeadLetter[] {
    return this.ledger.recent()
  }

  /** Where every message went. Walks all cells, so it is for status pages and tests. */
  counts(): Counts {
    let waiting = 0
    const add = (cell: Cell<any>): void => {
      waiting += cell.mailboxCount + (cell.isHandling ? 1 : 0)
      for (const child of cell.children) add(child)
    }
    for (const cell of this.context.roots.values()) add(cell)
    return this.ledger.counts(waiting)
  }

  get roots(): readonly Cell<any>[] {
    return [...this.context.roots.values()]
  }

  /** Stops all cells, last started first, then the host. `done` is called when nothing is left. */
  stop(done?: () => void): void {
    const cells = this.roots.toReversed()
    let left = cells.length
    const end = (): void => {
      this.end()
      done?.()
    }
    if (left === 0) {
      end()
      return
    }
    for (const cell of cells) cell.stop(() => --left === 0 && end())
  }

  /** Ends everything at once. */
  kill(): void {
    for (const cell of this.roots.toReversed()) cell.kill()
    this.end()
  }

  private end(): void {
    this.asks.stop()
    this.wheel.clear()
    this.context.host.stop()
  }
}
