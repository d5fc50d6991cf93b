import { assert } from '../std/assert.js'
import type { Random } from '../std/random.js'
import type { Deadlines, Due } from './deadlines.js'

/** Timers of one actor at a time; one more is a programmer error. */
const timersCountMax = 1_000

/** Whose timers they are: the last one set, and what to do when one rings. */
export interface TimerOwner<M> {
  timer: ActorTimer<M> | undefined
  /** False: the last ring of this one is still waiting, so this one is left out. */
  rang(message: M): boolean
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
 * One pending timer of an actor. It hangs in the kernel's one wheel and in a list of its owner, so that a
 * million of them cost no timer of the system each.
 */
export class ActorTimer<M> implements Due {
  due: Due['due'] = undefined
  previous: Due | undefined = undefined
  following: Due | undefined = undefined
  readonly name: string | undefined
  /** The one set before it. */
  older: ActorTimer<M> | undefined
  private readonly repeat: Repeat | undefined

  constructor(
    private readonly owner: TimerOwner<M>,
    private readonly message: M,
    { name, repeat }: { readonly name: string | undefined; readonly repeat: Repeat | undefined },
  ) {
    this.name = name
    this.older = owner.timer
    this.repeat = repeat
  }

  expired(): void {
    const { owner, message, repeat } = this
    if (repeat === undefined) {
      unhook(owner, this)
    } else {
      const { context, periodMs, jitter } = repeat
      const now = context.clock.monotonic()
      repeat.at += periodMs
      // After a pause: the ones that were missed are left out, and those to come stay where they would be.
      if (repeat.at <= now) repeat.at += (Math.floor((now - repeat.at) / periodMs) + 1) * periodMs
      context.wheel.setAt(this, repeat.at - periodMs + shifted(periodMs, jitter, context.random))
    }
    owner.rang(message)
  }
}

const unhook = <M>(owner: TimerOwner<M>, timer: ActorTimer<M>): void => {
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
export const setTimer = <M>(
  owner: TimerOwner<M>,
  context: TimerContext,
  message: M,
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

/** Not an error when there is none of that name: it may just have rung. */
export const cancelTimer = <M>(owner: TimerOwner<M>, { wheel }: TimerContext, name: string): void => {
  for (let each = owner.timer; each !== undefined; each = each.older) {
    if (each.name !== name) continue
    wheel.drop(each)
    unhook(owner, each)
    return
  }
}

export const clearTimers = <M>(owner: TimerOwner<M>, { wheel }: TimerContext): void => {
  for (let each = owner.timer; each !== undefined; each = each.older) wheel.drop(each)
  owner.timer = undefined
}
