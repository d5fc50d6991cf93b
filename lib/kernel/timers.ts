import { assert } from '../std/assert.js'
import type { Random } from '../std/random.js'
import type { MessageData } from '../api/internal.js'
import type { Deadlines, Due } from './deadlines.js'
import { Errand } from './errand.js'

/** Timers of one actor at a time; one more is a programmer error. */
const timersCountMax = 1_000

/** Whose timers they are: the last one set, and what to do when one rings. */
export interface TimerOwner {
  timer: ActorTimer | undefined
  rang(timer: ActorTimer): void
}

/** What the timers of one kernel share. */
export interface TimerContext {
  readonly wheel: Deadlines
  readonly random: Random
  readonly clock: { monotonic(): number }
}

/** A timer that goes on. */
interface Repeat {
  readonly context: TimerContext
  readonly periodMs: number
  readonly jitter: number
  /** When the next one is due, before jitter. */
  at: number
}

export interface TimerPlan {
  readonly delayMs: number
  readonly jitter: number
  readonly name: string | undefined
  readonly isRepeating: boolean
}

const shifted = (ms: number, jitter: number, random: Random): number =>
  jitter === 0 ? ms : ms * (1 + jitter * (2 * random.next() - 1))

/**
 * One timer of an actor. It hangs in the kernel's one wheel and in a list of its owner, so that a million of
 * them cost no timer of the system each. When it rings it waits in the mailbox itself: what is cancelled or
 * replaced meanwhile is not handled any more.
 */
export class ActorTimer extends Errand implements Due {
  due: Due['due'] = undefined
  previous: Due | undefined = undefined
  following: Due | undefined = undefined
  readonly name: string | undefined
  /** The one set before it. */
  older: ActorTimer | undefined
  isCancelled = false
  private isWaiting = false
  private readonly repeat: Repeat | undefined

  constructor(
    private readonly owner: TimerOwner,
    readonly message: MessageData,
    { name, repeat }: { readonly name: string | undefined; readonly repeat: Repeat | undefined },
  ) {
    super()
    this.name = name
    this.older = owner.timer
    this.repeat = repeat
  }

  /** For those who read of a crash or a dead letter. */
  get tag(): string {
    return this.message.tag
  }

  expired(): void {
    const { owner, repeat } = this
    if (repeat !== undefined) this.setAgain(repeat)
    // The last ring of a repeating one still waits, so this one is left out.
    if (this.isWaiting) return
    this.isWaiting = true
    owner.rang(this)
  }

  /** It has come to the front of the mailbox. False: it was cancelled or replaced while it waited. */
  taken(): boolean {
    this.isWaiting = false
    if (this.isCancelled) return false
    if (this.repeat === undefined) unhook(this.owner, this)
    return true
  }

  private setAgain(repeat: Repeat): void {
    const { context, periodMs, jitter } = repeat
    const now = context.clock.monotonic()
    repeat.at += periodMs
    // After a pause: the ones that were missed are left out, and those to come stay where they would be.
    if (repeat.at <= now) repeat.at += (Math.floor((now - repeat.at) / periodMs) + 1) * periodMs
    context.wheel.setAt(this, repeat.at - periodMs + shifted(periodMs, jitter, context.random))
  }
}

const unhook = (owner: TimerOwner, timer: ActorTimer): void => {
  if (owner.timer === timer) {
    owner.timer = timer.older
    return
  }
  for (let each = owner.timer; each !== undefined; each = each.older) {
    if (each.older !== timer) continue
    each.older = timer.older
    return
  }
}

/** A timer of the same name is replaced. */
export const setTimer = (
  owner: TimerOwner,
  context: TimerContext,
  message: MessageData,
  { name, delayMs, jitter, isRepeating }: TimerPlan,
): void => {
  if (name !== undefined) cancelTimer(owner, context, name)
  let count = 0
  for (let each = owner.timer; each !== undefined; each = each.older) count++
  assert(count < timersCountMax, 'an actor has too many timers; give them names, or cancel them', {
    timersCountMax,
  })
  const now = context.clock.monotonic()
  const repeat = isRepeating ? { context, periodMs: delayMs, jitter, at: now + delayMs } : undefined
  owner.timer = new ActorTimer(owner, message, { name, repeat })
  context.wheel.setAt(owner.timer, now + Math.max(0, shifted(delayMs, jitter, context.random)))
}

/** Not an error when there is none of that name. */
export const cancelTimer = (owner: TimerOwner, { wheel }: TimerContext, name: string): void => {
  for (let each = owner.timer; each !== undefined; each = each.older) {
    if (each.name !== name) continue
    wheel.drop(each)
    each.isCancelled = true
    unhook(owner, each)
    return
  }
}

export const clearTimers = (owner: TimerOwner, { wheel }: TimerContext): void => {
  for (let each = owner.timer; each !== undefined; each = each.older) {
    wheel.drop(each)
    each.isCancelled = true
  }
  owner.timer = undefined
}

/** A timer that is set, as a test sees it. */
export interface PendingTimer {
  readonly name: string | undefined
  readonly message: MessageData
  /** Milliseconds until it rings. */
  readonly inMs: number
}

/** The oldest first, without those that have rung. */
export const pendingTimers = (owner: TimerOwner, { wheel }: TimerContext): readonly PendingTimer[] => {
  const found: PendingTimer[] = []
  for (let each = owner.timer; each !== undefined; each = each.older) {
    const { name, message, due } = each
    if (due !== undefined) found.unshift({ name, message, inMs: wheel.remainingMs(each) })
  }
  return found
}
