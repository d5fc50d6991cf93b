/** The place of a singleton in the tree of one node: its actor lives there while this node owns it. */
import { type BehaviorData, ignore, type SingletonData } from '../../lib/api/internal.js'
import type { TreeNode } from '../../lib/api/status.js'
import { NotServing } from '../../lib/kernel/asks.js'
import type { Cell } from '../../lib/kernel/cell.js'
import { crash, type ExitReason, shutdown } from '../../lib/kernel/exit-reason.js'
import type { Kernel } from '../../lib/kernel/kernel.js'
import { type Begun, type Ended, started } from '../../lib/kernel/lifecycle.js'
import { LocalActor } from '../../lib/kernel/local-actor.js'
import type { Outside } from '../../lib/kernel/outside.js'
import type { Timer } from '../../lib/std/clock.js'
import type { Child } from '../local/held-child.js'

export interface SingletonPlaceOptions {
  readonly kernel: Kernel
  readonly data: SingletonData
  readonly parent: Cell<any>
  readonly outside: Outside
  readonly ended: Ended
  /** This node owns it and is not handing it over. */
  readonly mayBegin: () => boolean
  /** This node's lease holds and its record names this node, at this very moment. */
  readonly mayAct: () => boolean
  /** How long a hand-over waits for its mail, and then for its `onStop`. */
  readonly patienceMs: number
}

const drainStepMs = 5

export class SingletonPlace implements Child {
  readonly cell: Cell<never>
  readonly #options: SingletonPlaceOptions
  readonly #behavior: BehaviorData
  #actor: LocalActor | null = null
  /** Its supervisor has begun it, and has not ended it. */
  #isPlaced = false
  /** Its init said `ignore`: not again before this node owns it anew. */
  #hasDeclined = false
  #isStopping = false
  /** Ends a start that is under way. */
  #whenLost: () => void = () => undefined
  #timer: Timer | null = null

  constructor(options: SingletonPlaceOptions) {
    const { kernel, data, parent, mayAct } = options
    this.#options = options
    this.#behavior = gated(data.behavior, mayAct)
    this.cell = kernel.spawn<never>({
      name: data.id,
      parent,
      receive: () => undefined,
      crashed: () => undefined,
      delivered: (message) => kernel.deadLetter(this.cell.path, 'unhandled', message),
    })
  }

  /** Undefined while it runs elsewhere. */
  get actor(): LocalActor | undefined {
    return this.#actor ?? undefined
  }

  begin(done: (begun: Begun) => void): void {
    this.#isPlaced = true
    this.#hasDeclined = false
    if (this.#options.mayBegin()) this.#run(done)
    else done(started)
  }
  halt(done: () => void): void {
    this.#isPlaced = false
    this.#halt('infinity', done)
  }
  abort(): void {
    this.#isPlaced = false
    this.#end(shutdown)
  }
  close(reason: ExitReason): void {
    this.#end(reason)
    this.cell.stop(undefined, reason)
  }
  tree(): Pick<TreeNode, 'count' | 'strategy' | 'children'> {
    return { count: this.#actor === null ? 0 : 1, children: [] }
  }

  /** This node owns it: it begins, unless it runs already. */
  own(): void {
    if (this.#isPlaced && this.#actor === null && !this.#hasDeclined) this.#run(undefined)
  }
  /** It is being handed over: what waits for it is handled, then it ends in order. */
  handOver(): void {
    const { kernel, patienceMs } = this.#options
    const actor = this.#actor
    if (actor === null || this.#isStopping) return
    this.#isStopping = true
    const until = kernel.clock.monotonic() + patienceMs
    const step = (): void => {
      if (this.#actor !== actor) return
      if (actor.cell.mailboxCount > 0 && kernel.clock.monotonic() < until) this.#after(drainStepMs, step)
      else this.#halt(patienceMs, () => undefined)
    }
    step()
  }
  /** It is not this node's any more, or may not be: it ends now. */
  disown(): void {
    this.#hasDeclined = false
    this.#end(shutdown)
  }

  #run(done: ((begun: Begun) => void) | undefined): void {
    const { kernel, outside, data } = this.#options
    const actor = new LocalActor(kernel, {
      name: data.behavior.kind,
      parent: this.cell,
      behavior: this.#behavior,
      outside,
      ended: (reason) => this.#ended(actor, reason),
    })
    this.#actor = actor
    this.#isStopping = false
    let isOver = false
    const over = (begun: Begun): void => {
      if (isOver) return
      isOver = true
      this.#timer?.cancel()
      if (begun.tag !== 'started') this.#end(shutdown, actor)
      // Its supervisor need not know that this node lost it meanwhile.
      if (begun.tag === 'started' || !this.#options.mayAct()) done?.(started)
      else this.#failed(begun, done)
    }
    this.#whenLost = () => over(started)
    if (done === undefined && data.startMs !== 'infinity')
      this.#after(data.startMs, () =>
        over({
          tag: 'failed',
          error: new Error(`"${data.id}" did not begin within ${String(data.startMs)} ms.`),
        }),
      )
    actor.begin(over)
  }
  #failed(begun: Begun, done: ((begun: Begun) => void) | undefined): void {
    this.#hasDeclined = begun.tag === 'ignored'
    if (done !== undefined) done(begun.tag === 'ignored' ? started : begun)
    else if (begun.tag === 'failed') this.#options.ended(crash(begun.error), this)
  }

  /** By itself: its supervisor decides, unless it ended because it may not act. */
  #ended(actor: LocalActor, reason: ExitReason): void {
    if (this.#actor !== actor) return
    this.#end(reason)
    if (this.#isPlaced && this.#options.mayAct()) this.#options.ended(reason, this)
  }

  #halt(limitMs: number | 'infinity', done: () => void): void {
    const actor = this.#actor
    if (actor === null) {
      done()
      return
    }
    this.#isStopping = true
    const over = (): void => {
      this.#end(shutdown, actor)
      done()
    }
    if (limitMs !== 'infinity') this.#after(limitMs, over)
    actor.halt(over)
  }

  #end(reason: ExitReason, only = this.#actor): void {
    const actor = this.#actor
    if (actor === null || actor !== only) return
    this.#timer?.cancel()
    this.#timer = null
    this.#actor = null
    this.#isStopping = false
    actor.close(reason)
    this.#whenLost()
  }

  #after(delayMs: number, run: () => void): void {
    this.#timer?.cancel()
    this.#timer = this.#options.kernel.clock.after(delayMs, run)
  }
}

/**
 * The same behavior, which acts only while this node may: a process that stood still learns that it lost its
 * lease later than the messages that waited in it.
 */
const gated = (behavior: BehaviorData, mayAct: () => boolean): BehaviorData => {
  const check = <A>(outcome: A): A => {
    if (!mayAct()) throw new NotServing()
    return outcome
  }
  const gate =
    <A extends readonly unknown[]>(handle: (...given: A) => unknown) =>
    (...given: A): unknown => {
      check(undefined)
      const outcome = handle(...given)
      return outcome instanceof Promise ? outcome.then(check) : outcome
    }
  const { init, on, onIdle, onExit, hearers } = behavior
  return {
    ...behavior,
    init: (self) => (mayAct() ? init(self) : ignore),
    on: Object.fromEntries(Object.entries(on).map(([tag, handle]) => [tag, gate(handle)])),
    onIdle: onIdle === undefined ? undefined : gate(onIdle),
    onExit: onExit === undefined ? undefined : gate(onExit),
    hearers: hearers.map(({ topic, handle }) => ({ topic, handle: gate(handle) })),
  }
}
