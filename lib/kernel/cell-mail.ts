import { RingBuffer } from '../std/ring-buffer.js'
import { Aside, Held, type Holder } from './aside.js'
import type { CellBody, ContextOf, PlaceOf } from './cell-options.js'
import { CellPlace } from './cell-place.js'
import type { DeadLetterReason } from './events.js'
import type { MailboxRules } from './mailbox-rules.js'

/** After a turn something has to be looked at; a sum of these. */
export const isHigh = 1
export const isCrowded = 2
export const isWatched = 4

/** What one handler can make wait for room; what it sends beyond that is refused. */
const heldMost = 1_000

/** The middle layer of a cell: what waits for it, in which order, and what happens when it is too much. */
export abstract class CellMail<M, C extends CellMail<any, C>> extends CellPlace<M, C> implements Holder {
  protected readonly mail: RingBuffer<M>
  protected aside: Aside<M> | undefined
  /** Running, with nothing in hand, and not in line: the next message has to put it there. */
  protected isIdle = true
  /** A message that it sent waits for room elsewhere, so that it takes none itself. */
  protected isHeld = false
  protected attention = 0
  protected isKilled = false
  private readonly highCount: number
  private readonly rules: MailboxRules

  constructor(context: ContextOf<C>, body: CellBody<M>, place: PlaceOf<C>) {
    super(context, body, place)
    const { rules } = place
    this.rules = rules
    this.highCount = rules.highCount
    this.mail = new RingBuffer(rules.countMax)
  }

  /** Messages that wait, also those that are set aside or wait for room. */
  get mailboxCount(): number {
    return this.mail.size + (this.aside?.count ?? 0)
  }
  get mailboxCountMax(): number {
    return this.mail.countMax
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
    if (status !== 'running' && status !== 'suspended') return this.turnAway(message)
    if (!mail.push(message)) return this.overflow(message)
    if (mail.size === this.highCount) this.reachedHigh()
    if (this.isIdle) this.lineUp()
    return true
  }

  /** Puts a message at the end of the mailbox past its bound: for what cannot be told again, as a timer's. */
  append(message: M): boolean {
    this.context.ledger.sent++
    const { status, mail } = this
    if (status !== 'running' && status !== 'suspended') return this.turnAway(message)
    mail.append(message)
    if (mail.size === this.highCount) this.reachedHigh()
    if (this.isIdle) this.lineUp()
    return true
  }

  /**
   * Puts a message before all mail, past the bound: for the few that keep a system in order, not for data.
   */
  control(message: M): boolean {
    this.context.ledger.sent++
    if (this.status === 'stopping' || this.status === 'stopped') return this.turnAway(message)
    this.ownAside().control.push(message)
    if (this.isIdle) this.lineUp()
    return true
  }

  /** Sets the message in hand aside, until `bringBack`. One more than allowed is given up. */
  setAside(message: M): void {
    const aside = this.ownAside()
    aside.stash ??= new RingBuffer(this.rules.stashCountMax)
    const { ledger } = this.context
    // It has been in hand, and waits again.
    ledger.handled--
    if (aside.stash.push(message)) return
    ledger.reached.stashCountMax++
    this.undeliver(message, 'stash-full')
  }

  /** Puts all that was set aside before the mail, in the order in which it was taken. */
  bringBack(): void {
    if (this.aside === undefined) return
    this.aside.bringBack()
    if (this.isIdle && this.readyCount > 0) this.lineUp()
  }

  /** For messages of this cell that wait for room elsewhere. */
  letGo(incarnation: number): void {
    const { aside } = this
    if (aside === undefined || incarnation !== this.incarnation) return
    if (--aside.holdsCount > 0) return
    this.isHeld = false
    this.canGoOn()
  }

  /** For what waits for room: it has waited for `holdMs`. */
  tooLate(held: Held<M>): void {
    held.end()
    this.aside?.forgetHeld()
    this.undeliver(held.message, 'mailbox-full')
  }

  protected abstract lineUp(): void
  /** It may handle messages again, unless something else prevents it. */
  protected abstract canGoOn(): void

  /** How many messages it can handle now. */
  protected get readyCount(): number {
    return this.mail.size + (this.aside?.readyCount ?? 0)
  }

  protected take(): M | undefined {
    return this.aside === undefined ? this.mail.shift() : (this.aside.next() ?? this.mail.shift())
  }

  /** A new incarnation answers for none of the messages that wait for room elsewhere. */
  protected forgetHolds(): void {
    if (this.aside === undefined) return
    this.aside.holdsCount = 0
    this.isHeld = false
  }

  /** What waits for room, as far as there is some now. */
  protected admit(): void {
    const { aside, mail, context } = this
    if (aside === undefined) return
    while (mail.size < mail.countMax) {
      const held = aside.nextHeld()
      if (held === undefined) {
        this.attention &= ~isCrowded
        return
      }
      context.wheel.drop(held)
      mail.push(held.message)
      held.end()
    }
  }

  protected calmDown(): void {
    if (this.mail.size * 2 < this.highCount) this.attention &= ~isHigh
  }

  protected undeliver(message: M, reason: DeadLetterReason): void {
    const { ledger } = this.context
    if (this.body.undelivered?.(message, reason) === true) ledger.errors++
    else ledger.bury({ path: this.path, reason, message })
  }

  /** Nothing that waits will be handled. */
  protected giveAllUp(): void {
    const { aside } = this
    const left: DeadLetterReason = this.isKilled ? 'killed' : 'stopped'
    aside?.bringBack()
    for (let message = this.take(); message !== undefined; message = this.take())
      this.undeliver(message, left)
    for (let held = aside?.nextHeld(); held !== undefined; held = aside?.nextHeld()) {
      this.context.wheel.drop(held)
      this.undeliver(held.message, left)
      held.end()
    }
  }

  private turnAway(message: M): false {
    this.undeliver(message, this.isKilled ? 'killed' : 'stopped')
    return false
  }

  private overflow(message: M): boolean {
    const { mail, context, rules } = this
    context.ledger.reached.mailboxCountMax++
    const { overflow } = rules
    if (overflow === 'hold' && this.hold(message)) return true
    if (overflow === 'reject' || overflow === 'hold') {
      this.undeliver(message, 'mailbox-full')
      return false
    }
    const given = overflow === 'drop-oldest' ? mail.shift() : mail.pop()
    mail.push(message)
    if (given !== undefined) this.undeliver(given, 'mailbox-full')
    return true
  }

  /** False when nobody can be held for it: told from outside, by itself, or too many wait already. */
  private hold(message: M): boolean {
    const { context, rules } = this
    const sender = context.dispatcher.current as CellMail<any, any> | undefined
    if (sender === undefined || sender === (this as unknown)) return false
    if ((sender.aside?.holdsCount ?? 0) >= heldMost) return false
    const aside = this.ownAside()
    const held = new Held(message, sender, this)
    aside.held ??= new RingBuffer()
    aside.held.push(held)
    aside.heldCount++
    this.attention |= isCrowded
    sender.holdBack()
    context.wheel.set(held, rules.holdMs)
    return true
  }

  private holdBack(): void {
    this.ownAside().holdsCount++
    this.isHeld = true
    this.isIdle = false
  }

  private reachedHigh(): void {
    if ((this.attention & isHigh) !== 0) return
    this.attention |= isHigh
    const { ledger } = this.context
    if (!ledger.isHeard) return
    const { path, mailboxCount, mailboxCountMax } = this
    ledger.emit({ tag: 'MailboxHigh', path, mailboxCount, mailboxCountMax })
  }

  private ownAside(): Aside<M> {
    this.aside ??= new Aside()
    return this.aside
  }
}
