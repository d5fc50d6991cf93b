import { assert } from '../std/assert.js'
import { RingBuffer } from '../std/ring-buffer.js'
import type { CellStatus, ContextOf, OptionsOf } from './cell-options.js'
import type { DeadLetterReason } from './events.js'
import { crash, type Down, type ExitReason, killed, noproc, shutdown } from './exit-reason.js'
import type { HostedActor, Hosts } from './host.js'
import { Timers } from './timers.js'

export type CellOptions<M> = OptionsOf<M, Cell<any>>
export type CellContext = ContextOf<Cell<any>>

/**
 * One actor as the kernel sees it: a bounded mailbox, one message at a time, an incarnation that grows with
 * every restart, children, timers and monitors. What the messages mean is up to the options.
 *
 * Guarantees: mail is handled in the order it was told, control messages before mail. Every message told is
 * handled, or handed to `crashed` or `undelivered`, exactly once. What a promise of an earlier incarnation
 * gives is ignored.
 */
export class Cell<M = unknown> implements Hosts {
  readonly name: string
  readonly parent: Cell<any> | undefined
  /** Grows with each restart of this cell. */
  incarnation = 1
  status: CellStatus = 'running'

  private readonly mail: RingBuffer<M>
  private control_: RingBuffer<M> | undefined
  /** Running, with nothing in hand, and not in line: the next message has to put it there. */
  private isIdle = true
  private isInLine = false
  private isBusy = false
  private isHigh = false
  private isKilled = false
  private inHand: M | undefined
  private timers_: Timers | undefined
  private children_: Map<string, Cell<any>> | undefined
  private monitors: ((down: Down) => void)[] | undefined
  private stopped: (() => void)[] | undefined
  private quiet: (() => void) | undefined
  private reason: ExitReason = shutdown
  private readonly highCount: number
  private readonly hosted: HostedActor

  constructor(
    private readonly context: CellContext,
    private readonly options: CellOptions<M>,
  ) {
    const { name, parent } = options
    this.name = name
    this.parent = parent
    const countMax = options.mailboxCountMax ?? context.limits.mailboxCountMax
    this.mail = new RingBuffer(countMax)
    this.highCount = Math.ceil(countMax * 0.8)
    const siblings = parent === undefined ? context.roots : parent.siblingsBelow()
    assert(!siblings.has(name), 'two actors of one name under one parent', {
      name,
      parent: parent?.path ?? '/',
    })
    const isOpen = parent === undefined || parent.status === 'running' || parent.status === 'suspended'
    assert(isOpen, 'an actor is started under a parent that stops', { name, parent: parent?.path ?? '/' })
    this.hosted = context.host.spawn(name, parent?.hosted, this)
    siblings.set(name, this)
    if (context.ledger.isHeard) {
      context.ledger.emit({ tag: 'ActorStarted', path: this.path, incarnation: this.incarnation })
    }
  }

  /** The names from the root to here, with slashes. */
  get path(): string {
    return this.parent === undefined ? this.name : `${this.parent.path}/${this.name}`
  }
  get mailboxCount(): number {
    return this.mail.size + (this.control_?.size ?? 0)
  }
  get mailboxCountMax(): number {
    return this.mail.countMax
  }
  /** True while a handler runs or its promise is pending. */
  get isHandling(): boolean {
    return this.isBusy
  }
  /** The host's reference to it. */
  get hostRef(): unknown {
    return this.hosted.ref()
  }
  get children(): readonly Cell<any>[] {
    return this.children_ === undefined ? [] : [...this.children_.values()]
  }
  child(name: string): Cell<any> | undefined {
    return this.children_?.get(name)
  }

  /**
   * Puts a message at the end of the mailbox. `undefined` is no message. Never throws.
   *
   * False when it was refused because the mailbox is full or the cell stops; then `undelivered` has been
   * called.
   */
  tell(message: M): boolean {
    const { ledger } = this.context
    ledger.sent++
    const { status, mail } = this
    if (status !== 'running' && status !== 'suspended') {
      this.undeliver(message, this.isKilled ? 'killed' : 'stopped')
      return false
    }
    if (!mail.push(message)) return this.overflow(message)
    if (mail.size === this.highCount) this.reachedHigh()
    if (this.isIdle) this.lineUp()
    return true
  }

  /**
   * Puts a message before all mail, past the bound: for the few that keep a system in order, not for data.
   */
  control(message: M): boolean {
    this.context.ledger.sent++
    if (this.status === 'stopping' || this.status === 'stopped') {
      this.undeliver(message, this.isKilled ? 'killed' : 'stopped')
      return false
    }
    this.control_ ??= new RingBuffer()
    this.control_.push(message)
    if (this.isIdle) this.lineUp()
    return true
  }

  /**
   * Tells this cell `message` in `delayMs`, unless it restarted or stopped before. The bound does not
   * apply.
   */
  after(delayMs: number, message: M, name?: string): void {
    if (this.status === 'stopped') return
    this.timers_ ??= new Timers(this.context.clock)
    this.timers_.set(delayMs, name, () => {
      if (this.mail.size < this.mail.countMax) this.tell(message)
      else this.control(message)
    })
  }

  cancel(name: string): void {
    this.timers_?.cancel(name)
  }

  /**
   * Handles nothing until `resume`; mail is taken and kept. `done` is called when no message is in hand: at
   * once, or when the one in hand has been finished or has failed; not when it is given up.
   */
  suspend(done?: () => void): void {
    if (this.status === 'running') this.status = 'suspended'
    this.isIdle = false
    if (this.isBusy) this.quiet = done
    else done?.()
  }

  resume(): void {
    if (this.status !== 'suspended') return
    this.status = 'running'
    this.reason = shutdown
    this.isIdle = !this.isBusy && !this.isInLine
    if (this.isIdle && this.mailboxCount > 0) this.lineUp()
  }

  /**
   * Begins a new incarnation with the mail that waits: a message in hand is given up, timers are cancelled.
   * The cell stays suspended until `resume`, so that its new state can be made first.
   */
  restart(): void {
    if (this.status === 'stopping' || this.status === 'stopped') return
    this.giveUp(this.reason)
    const { ledger } = this.context
    if (ledger.isHeard) {
      ledger.emit({ tag: 'ActorRestarted', path: this.path, incarnation: this.incarnation })
    }
  }

  /**
   * Ends the present incarnation and begins none: suspended until `restart`, or `resume`. Monitors are
   * told.
   */
  giveUp(reason: ExitReason): void {
    if (this.status === 'stopping' || this.status === 'stopped') return
    const { path, incarnation } = this
    this.status = 'suspended'
    this.isIdle = false
    this.abandon()
    this.reason = shutdown
    this.tellMonitors({ path, incarnation, reason })
  }

  /**
   * Ends it in order: no new mail; the message in hand is finished; children stop; `stopping` cleans up;
   * what waited is handed to `undelivered`. `done` is called when all that is over, also when it was over
   * before.
   */
  stop(done?: () => void, reason: ExitReason = shutdown): void {
    if (this.status === 'stopped') {
      done?.()
      return
    }
    if (done !== undefined) {
      this.stopped ??= []
      this.stopped.push(done)
    }
    if (this.status === 'stopping') return
    this.status = 'stopping'
    this.isIdle = false
    this.reason = reason
    if (!this.isBusy) this.stopChildren()
  }

  /** Ends it, and everything below it, at once: a message in hand is given up and nothing is cleaned up. */
  kill(): void {
    if (this.status === 'stopped') return
    this.isKilled = true
    this.reason = killed
    this.status = 'stopping'
    for (const child of this.children.toReversed()) child.kill()
    this.abandon()
    this.finish()
  }

  /**
   * Calls `watch` once when this incarnation ends: by a stop, a kill, or a crash that was not resumed. At
   * once, with `noproc`, when the cell has stopped. Returns how to stop watching.
   */
  monitor(watch: (down: Down) => void): () => void {
    if (this.status === 'stopped') {
      watch({ path: this.path, incarnation: this.incarnation, reason: noproc })
      return () => undefined
    }
    this.monitors ??= []
    this.monitors.push(watch)
    return () => {
      this.monitors = this.monitors?.filter((other) => other !== watch)
    }
  }

  /** For the host only. */
  delivered(message: unknown, replyTo: ((answer: unknown) => void) | undefined): void {
    if (this.options.delivered === undefined) this.tell(message as M)
    else this.options.delivered(message, replyTo)
  }

  /** For the dispatcher only. */
  run(countMax: number): number {
    this.isInLine = false
    let count = 0
    while (count < countMax && this.status === 'running' && !this.isBusy) {
      const message = this.control_?.shift() ?? this.mail.shift()
      if (message === undefined) {
        this.isIdle = !this.isInLine
        break
      }
      count++
      this.handle(message)
    }
    if (!this.isIdle && this.status === 'running' && !this.isBusy) this.continueLater()
    if (this.isHigh && this.mail.size * 2 < this.highCount) this.isHigh = false
    return count
  }

  private handle(message: M): void {
    const { incarnation } = this
    this.isBusy = true
    this.inHand = message
    let result: void | PromiseLike<void>
    try {
      result = this.options.receive(message)
    } catch (error) {
      if (this.incarnation === incarnation) this.failed(error, message)
      return
    }
    if (this.incarnation !== incarnation) return
    if (result === undefined) this.handledOne()
    else this.wait(result, message)
  }

  private wait(result: PromiseLike<void>, message: M): void {
    const { incarnation } = this
    result.then(
      () => {
        if (this.incarnation !== incarnation) return
        this.handledOne()
        if (this.status === 'running') this.continueLater()
      },
      (error: unknown) => {
        if (this.incarnation === incarnation) this.failed(error, message)
      },
    )
  }

  private handledOne(): void {
    this.isBusy = false
    this.inHand = undefined
    this.context.ledger.handled++
    if (this.status === 'stopping') this.stopChildren()
    else if (this.quiet !== undefined) this.becameQuiet()
  }

  private becameQuiet(): void {
    const { quiet } = this
    this.quiet = undefined
    quiet?.()
  }

  private failed(error: unknown, message: M): void {
    const { ledger } = this.context
    this.isBusy = false
    this.inHand = undefined
    ledger.errors++
    if (ledger.isHeard) {
      const { path, incarnation } = this
      ledger.emit({ tag: 'ActorCrashed', path, incarnation, error, message })
    }
    const wasStopping = this.status === 'stopping'
    if (this.status === 'running') this.status = 'suspended'
    this.isIdle = false
    if (!wasStopping) this.reason = crash(error)
    this.options.crashed(error, message)
    if (wasStopping && this.status === 'stopping') this.stopChildren()
    this.becameQuiet()
  }

  /** After a turn or a promise: in line again when there is more, else idle. */
  private continueLater(): void {
    if (this.isInLine) return
    if (this.mailboxCount > 0) this.lineUp()
    else this.isIdle = true
  }

  private lineUp(): void {
    this.isIdle = false
    this.isInLine = true
    this.context.dispatcher.enqueue(this)
  }

  private overflow(message: M): boolean {
    this.context.ledger.reached.mailboxCountMax++
    if (this.options.overflow === 'drop-oldest') {
      const oldest = this.mail.shift()
      if (oldest !== undefined) this.undeliver(oldest, 'mailbox-full')
      return this.mail.push(message)
    }
    this.undeliver(message, 'mailbox-full')
    return false
  }

  private reachedHigh(): void {
    if (this.isHigh) return
    this.isHigh = true
    const { ledger } = this.context
    if (!ledger.isHeard) return
    const { path, mailboxCount, mailboxCountMax } = this
    ledger.emit({ tag: 'MailboxHigh', path, mailboxCount, mailboxCountMax })
  }

  private undeliver(message: M, reason: DeadLetterReason): void {
    const { ledger } = this.context
    if (this.options.undelivered?.(message, reason) === true) ledger.errors++
    else ledger.bury({ path: this.path, reason, message })
  }

  /** Gives up the message in hand and everything that the present incarnation started. */
  private abandon(): void {
    this.incarnation++
    this.quiet = undefined
    this.timers_?.clear()
    const { inHand } = this
    if (!this.isBusy || inHand === undefined) return
    this.isBusy = false
    this.inHand = undefined
    this.undeliver(inHand, 'killed')
  }

  private stopChildren(): void {
    const { children, incarnation } = this
    let left = children.length
    if (left === 0) {
      this.cleanUp()
      return
    }
    const one = (): void => {
      if (--left === 0 && this.incarnation === incarnation) this.cleanUp()
    }
    for (const child of children.toReversed()) child.stop(one, shutdown)
  }

  private cleanUp(): void {
    const { incarnation } = this
    if (this.options.stopping === undefined) {
      this.finish()
      return
    }
    this.options.stopping(() => {
      if (this.incarnation === incarnation) this.finish()
    })
  }

  private finish(): void {
    if (this.status === 'stopped') return
    this.timers_?.clear()
    this.status = 'stopped'
    this.isIdle = false
    const { ledger, roots } = this.context
    const { path, incarnation, reason } = this
    this.incarnation++
    const left: DeadLetterReason = this.isKilled ? 'killed' : 'stopped'
    for (const message of this.control_?.drain() ?? []) this.undeliver(message, left)
    for (const message of this.mail.drain()) this.undeliver(message, left)
    const siblings = this.parent === undefined ? roots : this.parent.siblingsBelow()
    siblings.delete(this.name)
    this.hosted.stop()
    if (ledger.isHeard) ledger.emit({ tag: 'ActorStopped', path, incarnation, reason })
    const { stopped } = this
    this.stopped = undefined
    this.tellMonitors({ path, incarnation, reason })
    for (const done of stopped ?? []) done()
  }

  private tellMonitors(down: Down): void {
    const { monitors } = this
    this.monitors = undefined
    for (const watch of monitors ?? []) watch(down)
  }

  private siblingsBelow(): Map<string, Cell<any>> {
    this.children_ ??= new Map()
    return this.children_
  }
}
