import { type BehaviorData, ignore, InfoData, initMisuse } from '../api/internal.js'
import { ActorSteps, isThenable, type Item, tagOf } from './actor-steps.js'
import { crashAnswer, OpenAsk } from './asks.js'
import { Bonds, type Bound } from './bonds.js'
import type { Cell, CellBody } from './cell.js'
import { Exited, Heard } from './errand.js'
import type { DeadLetterReason } from './events.js'
import { crash, type ExitReason, killed, type Life, shutdown } from './exit-reason.js'
import { IdleWatch } from './idle-watch.js'
import type { Kernel } from './kernel.js'
import { type Begun, type Ended, ignored, type Lifecycle, started } from './lifecycle.js'
import type { Signal } from './links-state.js'
import type { LocalActorRef, Referred } from './local-ref.js'
import { LocalSelf } from './local-self.js'
import type { Outside } from './outside.js'
import { clearTimers } from './timers.js'

export interface LocalActorOptions {
  readonly name: string
  readonly parent?: Cell<any> | undefined
  readonly behavior: BehaviorData
  readonly outside: Outside
  /** Its life ended without the supervisor having asked: it crashed, or stopped itself. */
  readonly ended: Ended
}

/**
 * Runs one behavior in one cell. It lives from `begin` until it crashes, stops itself, or is halted; then
 * its supervisor begins it again, on the same mail, or closes it.
 */
export class LocalActor extends ActorSteps implements CellBody<Item>, Lifecycle, Referred, Bound {
  readonly cell: Cell<Item>
  readonly ref: LocalActorRef
  protected self: LocalSelf
  private life_: 'new' | 'beginning' | 'living' | 'halting' | 'over' = 'new'
  private bonds_: Bonds | undefined = undefined
  private idle: IdleWatch | undefined = undefined
  private unsubscribe: (() => void)[] | undefined = undefined
  private readonly ended: Ended

  constructor(kernel: Kernel, options: LocalActorOptions) {
    const { name, parent, behavior, outside, ended } = options
    super(kernel, behavior, outside)
    this.ended = ended
    this.cell = kernel.spawnAt({ name, parent, rules: kernel.rulesOf(behavior.mailbox) }, this)
    this.cell.suspend()
    this.self = new LocalSelf(this)
    this.ref = this.self
  }

  begin(done: (begun: Begun) => void): void {
    const isFirst = this.life_ === 'new'
    this.life_ = 'beginning'
    this.ownEnd = undefined
    if (isFirst) this.hear()
    else this.beginAnew()
    const { incarnation } = this.cell
    const isStale = (): boolean => this.cell.incarnation !== incarnation || this.life_ !== 'beginning'
    const failed = (error: unknown): void => {
      if (isStale()) return
      this.report(error)
      this.over(crash(error), () => done({ tag: 'failed', error }))
    }
    const begun = (made: unknown): void => {
      if (isStale()) return
      const misuse = initMisuse(this.kind, made)
      if (misuse !== undefined) failed(misuse)
      else if (made === ignore) this.over(shutdown, () => done(ignored))
      else {
        this.live(made instanceof InfoData ? made.state : made)
        done(made instanceof InfoData ? { tag: 'started', info: made.info } : started)
      }
    }
    let first: unknown
    try {
      first = this.behavior.init(this.self)
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
    if (this.life_ !== 'new') this.hear()
  }

  halt(done: () => void): void {
    // It ends already by itself, and says so.
    if (this.life_ === 'halting') return
    if (this.life_ !== 'living') {
      this.abort()
      done()
      return
    }
    this.life_ = 'halting'
    this.cell.suspend(() => this.cleanUp(shutdown, () => done()))
  }

  abort(): void {
    if (this.life_ !== 'over') this.over(killed, () => undefined)
  }

  close(reason: ExitReason): void {
    this.abort()
    this.forgetTopics()
    this.cell.stop(undefined, reason)
  }

  crashed(error: unknown, item: Item): void {
    const failure = crashAnswer(error, this.address, tagOf(item))
    if (item instanceof OpenAsk) item.fail(failure)
    this.inHand = undefined
    this.loseAsks(failure)
    // Whoever halts it waits for the message in hand, and finds that it is over.
    if (this.life_ === 'halting') this.life_ = 'over'
    else this.over(crash(error), () => this.ended(crash(error), this))
  }

  undelivered(item: Item, reason: DeadLetterReason): boolean {
    if (!(item instanceof OpenAsk)) return false
    const { address } = this
    if (reason === 'mailbox-full' || reason === 'stash-full') {
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

  bonds(): Bonds | undefined {
    if (this.life_ === 'new' || this.life_ === 'over') return undefined
    this.bonds_ ??= new Bonds(this, this.kernel.linkRules)
    return this.bonds_
  }

  life(): Life {
    const { path, incarnation } = this.cell
    return { address: this.ref.address, path, incarnation }
  }

  signalled(signal: Signal, from: Life): void {
    if (this.life_ === 'new' || this.life_ === 'over') return
    const receipt = this.kernel.linkRules.receive(signal, this.behavior.onExit !== undefined)
    if (receipt === 'ignored') return
    const { by, reason } = signal
    if (receipt === 'message') {
      this.cell.append(new Exited({ from, by, reason }))
      return
    }
    this.over(reason, () => this.ended(reason, this))
  }

  /** Nothing came for `idleMs`. */
  idled(): void {
    this.ownEnd = { tag: 'normal' }
    this.endItself()
  }

  protected endItself(): void {
    const end = this.ownEnd
    if (end === undefined || this.life_ !== 'living') return
    this.ownEnd = undefined
    this.life_ = 'halting'
    // The cell may still be in the message that decided this; it is over when that is.
    this.cell.suspend(() => this.cleanUp(end, (reason) => this.ended(reason, this)))
  }

  private beginAnew(): void {
    this.cell.restart()
    this.self = new LocalSelf(this)
  }

  private live(state: unknown): void {
    this.become(state)
    this.life_ = 'living'
    this.cell.resume()
    const { idleMs } = this.behavior
    if (idleMs !== undefined) this.idle = new IdleWatch(this, this.kernel, idleMs)
    this.endItself()
  }

  private cleanUp(wanted: ExitReason, done: (reason: ExitReason) => void): void {
    // It crashed in its last message: there is no state to clean up.
    if (this.life_ !== 'halting') {
      this.over(wanted, () => done(wanted))
      return
    }
    const { incarnation } = this.cell
    const end = (reason: ExitReason): void => {
      if (this.cell.incarnation === incarnation && this.life_ === 'halting')
        this.over(reason, () => done(reason))
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

  /** The life is over. First its supervisor acts on it, then those hear of it who are bound to it. */
  private over(reason: ExitReason, act: () => void): void {
    const { bonds_, kernel } = this
    const announce = bonds_?.end(this.life(), reason)
    this.life_ = 'over'
    this.bonds_ = undefined
    this.idle?.stop()
    this.idle = undefined
    clearTimers(this, kernel.timers)
    this.cell.giveUp(reason)
    this.state = undefined
    this.loseAsks({ tag: 'UnknownOutcome', address: this.address })
    act()
    if (announce !== undefined) kernel.clock.defer(announce)
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
