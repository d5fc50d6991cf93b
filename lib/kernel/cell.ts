import type { CellBody, CellStatus, ContextOf, OptionsOf, PlaceOf } from './cell-options.js'
import { CellMail, isCrowded, isHigh, isWatched } from './cell-mail.js'
import { crash, type ExitReason, killed, shutdown } from './exit-reason.js'

export type { CellBody }
export type CellOptions<M> = OptionsOf<M, Cell<any>>
export type CellContext = ContextOf<Cell<any>>

/**
 * One actor as the kernel sees it: a bounded mailbox, one message at a time, an incarnation that grows with
 * every restart, and children. What the messages mean is up to its body.
 *
 * Guarantees: mail is handled in the order it was told, control messages before mail. Every message told is
 * handled, or handed to `crashed` or `undelivered`, exactly once. What a promise of an earlier incarnation
 * gives is ignored.
 */
export class Cell<M = unknown> extends CellMail<M, Cell<any>> {
  private isInLine = false
  private isBusy = false
  /** The incarnation has ended, and none has begun. */
  private isBetween = false
  private inHand: M | undefined
  private watchedAt = 0
  private stopped: (() => void)[] | undefined
  private quiet: (() => void) | undefined
  private reason: ExitReason = shutdown

  constructor(context: CellContext, body: CellBody<M>, place: PlaceOf<Cell<any>>) {
    super(context, body, place)
    const { ledger } = context
    // Last, because whoever hears of it may look at the cell.
    if (ledger.isHeard) ledger.emit({ tag: 'ActorStarted', path: this.path, incarnation: this.incarnation })
  }

  /** True while a handler runs or its promise is pending. */
  get isHandling(): boolean {
    return this.isBusy
  }
  /** True when nothing is in hand and nothing waits. */
  get isQuiet(): boolean {
    return !this.isBusy && this.mailboxCount === 0
  }

  /** Sets the message in hand aside, until `bringBack`. */
  setAsideInHand(): void {
    if (this.inHand !== undefined) this.setAside(this.inHand)
  }

  /** From now on `lastAt` says when it last had something in hand. */
  watch(): void {
    this.attention |= isWatched
    this.watchedAt = this.context.clock.monotonic()
  }
  /** When it last finished something, on the monotonic clock, since `watch`. */
  get lastAt(): number {
    return this.watchedAt
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
    this.canGoOn()
  }

  /**
   * Begins a new incarnation with the mail that waits, first of all what was set aside: a message in hand is
   * given up. The cell stays suspended until `resume`, so that its new state can be made first.
   */
  restart(): void {
    if (this.status === 'stopping' || this.status === 'stopped') return
    if (!this.isBetween) this.giveUp(this.reason)
    this.isBetween = false
    const { ledger } = this.context
    if (!ledger.isHeard) return
    const { path, incarnation, reason } = this
    ledger.emit({ tag: 'ActorRestarted', path, incarnation, reason })
  }

  /** Ends the present incarnation and begins none: suspended until `restart`, or `resume`. */
  giveUp(reason: ExitReason): void {
    if (this.status === 'stopping' || this.status === 'stopped') return
    this.status = 'suspended'
    this.isIdle = false
    this.isBetween = true
    this.reason = reason
    this.abandon()
    this.aside?.bringBack()
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

  /** For the host only. */
  delivered(message: unknown, replyTo: ((answer: unknown) => void) | undefined): void {
    if (this.body.delivered === undefined) this.tell(message as M)
    else this.body.delivered(message, replyTo)
  }

  /** For the dispatcher only. */
  run(countMax: number): number {
    this.isInLine = false
    let count = 0
    while (count < countMax && this.status === 'running' && !this.isBusy && !this.isHeld) {
      const message = this.take()
      if (message === undefined) {
        this.isIdle = !this.isInLine
        break
      }
      count++
      this.handle(message)
    }
    if (!this.isIdle) this.continueLater()
    if (this.attention !== 0) this.attend()
    return count
  }

  protected lineUp(): void {
    this.isIdle = false
    this.isInLine = true
    this.context.dispatcher.enqueue(this)
  }

  protected canGoOn(): void {
    this.isIdle = this.status === 'running' && !this.isBusy && !this.isHeld && !this.isInLine
    if (this.isIdle && this.readyCount > 0) this.lineUp()
  }

  private handle(message: M): void {
    const { incarnation } = this
    this.isBusy = true
    this.inHand = message
    let result: void | PromiseLike<void>
    try {
      result = this.body.receive(message)
    } catch (error) {
      if (this.incarnation === incarnation) this.failed(error, message)
      return
    }
    if (result !== undefined) this.wait(result, message, incarnation)
    else if (this.incarnation === incarnation) this.handledOne()
  }

  private wait(result: PromiseLike<void>, message: M, incarnation: number): void {
    result.then(
      () => {
        if (this.incarnation !== incarnation) return
        this.handledOne()
        this.continueLater()
        if (this.attention !== 0) this.attend()
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
    this.body.crashed(error, message)
    if (wasStopping && this.statusNow() === 'stopping') this.stopChildren()
    this.becameQuiet()
  }

  /** Others change it while this cell calls them. */
  private statusNow(): CellStatus {
    return this.status
  }

  /** After a turn or a promise: in line again when there is more, else idle. */
  private continueLater(): void {
    if (this.isInLine || this.status !== 'running' || this.isBusy || this.isHeld) return
    if (this.readyCount > 0) this.lineUp()
    else this.isIdle = true
  }

  private attend(): void {
    const { attention } = this
    if ((attention & isHigh) !== 0) this.calmDown()
    if ((attention & isWatched) !== 0) this.watchedAt = this.context.clock.monotonic()
    if ((attention & isCrowded) === 0) return
    this.admit()
    if (this.isIdle && this.readyCount > 0) this.lineUp()
  }

  /** Gives up the message in hand and everything that the present incarnation started. */
  private abandon(): void {
    this.incarnation++
    this.quiet = undefined
    this.forgetHolds()
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
    if (this.body.stopping === undefined) {
      this.finish()
      return
    }
    this.body.stopping(() => {
      if (this.incarnation === incarnation) this.finish()
    })
  }

  private finish(): void {
    if (this.status === 'stopped') return
    this.status = 'stopped'
    this.isIdle = false
    const { ledger } = this.context
    const { path, incarnation, reason } = this
    this.incarnation++
    this.giveAllUp()
    this.leavePlace()
    if (ledger.isHeard) ledger.emit({ tag: 'ActorStopped', path, incarnation, reason })
    const { stopped } = this
    this.stopped = undefined
    for (const done of stopped ?? []) done()
  }
}
