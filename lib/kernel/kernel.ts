import type { Clock } from '../std/clock.js'
import { Asks } from './asks.js'
import { Cell, type CellContext, type CellOptions } from './cell.js'
import { Dispatcher } from './dispatcher.js'
import type { DeadLetter, DeadLetterReason, EventListener } from './events.js'
import { type Down, noproc } from './exit-reason.js'
import { type ActorHost, noHost } from './host.js'
import { type Counts, Ledger } from './ledger.js'
import type { KernelLimits } from './limits.js'
import { defaultConfig } from '../config.js'

export interface KernelOptions {
  readonly clock: Clock
  /** Default: hosted nowhere, which is what a simulation wants. */
  readonly host?: ActorHost | undefined
  /** Default: those of `config.ts`. */
  readonly limits?: Partial<KernelLimits> | undefined
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
  private readonly context: CellContext

  constructor(options: KernelOptions) {
    const { clock, host = noHost } = options
    const limits = { ...defaultConfig, ...options.limits }
    const ledger = new Ledger(limits.deadLettersCountMax)
    const dispatcher = new Dispatcher(clock, limits, ledger)
    this.clock = clock
    this.limits = limits
    this.ledger = ledger
    this.asks = new Asks(clock, ledger, limits.pendingAsksCountMax)
    this.context = { clock, limits, ledger, dispatcher, host, roots: new Map() }
  }

  /**
   * Starts a cell. It takes messages at once; `suspend` it when its state has to be made first.
   *
   * Throws when a sibling has that name, or the parent has stopped: both are programmer errors.
   */
  spawn<M>(options: CellOptions<M>): Cell<M> {
    return new Cell(this.context, options)
  }

  /** Calls `watch` once when the cell ends, or at once with `noproc`. Returns how to stop watching. */
  monitor(cell: Cell<any> | undefined, watch: (down: Down) => void): () => void {
    if (cell !== undefined) return cell.monitor(watch)
    watch({ path: '', incarnation: 0, reason: noproc })
    return () => undefined
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
      this.asks.stop()
      this.context.host.stop()
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
    this.asks.stop()
    this.context.host.stop()
  }
}
