import type { ChildData, DynamicData, SupervisorData } from '../../lib/api/child-data.js'
import type { TreeNode } from '../../lib/api/status.js'
import { ChildFailed } from '../../lib/api/supervision.js'
import type { Cell } from '../../lib/kernel/cell.js'
import { type ExitReason, killed, shutdown } from '../../lib/kernel/exit-reason.js'
import type { Kernel } from '../../lib/kernel/kernel.js'
import { type Begun, type Ended, started } from '../../lib/kernel/lifecycle.js'
import { assert } from '../../lib/std/assert.js'
import type { Random } from '../../lib/std/random.js'
import { RingBuffer } from '../../lib/std/ring-buffer.js'
import type { ChildState } from './child.js'
import { type Child, HeldChild, initOf } from './held-child.js'
import { type Decider, deciderOf, type MakeDecider, rulesOf } from './decider.js'
import type { ChildAnswer, ChildRule, SupervisorAction, SupervisorEvent } from './protocol.js'

export interface SupervisorParts {
  readonly kernel: Kernel
  readonly random: Random
  readonly data: SupervisorData | DynamicData
  readonly parent?: Cell<any> | undefined
  /** Makes a child, not begun yet, in its place below `parent`. */
  readonly makeChild: (data: ChildData, parent: Cell<any>, ended: Ended) => Child
  /** Gives a child a new spec for its next life; false when it has to be made anew. */
  readonly renew: (child: Child, data: ChildData) => boolean
  /** The spec of a temporary child, without what it takes to begin it. */
  readonly forgotten: (data: ChildData) => ChildData
  /** Takes that from a child that has begun, too. */
  readonly forget: (child: Child, data: ChildData) => void
  /** A child has given up its place. Its spec is given when that is not held any more either. */
  readonly closed: (child: Child | undefined, data: ChildData | undefined) => void
  /** It gave up, or shut itself down. */
  readonly ended: Ended
  /** Default: OTP's rules. */
  readonly decider?: MakeDecider | undefined
}

/** A child as it is known from outside. */
interface Entry {
  readonly data: ChildData
  readonly state: ChildState
  readonly child: Child | undefined
}

/**
 * Performs on the children what a decider decides. It has a cell for its place in the tree; its own events
 * are taken one after the other, in order, without passing through that cell's mailbox.
 *
 * A child keeps its place while it is ended and begun again, so refs to it stay good and mail waits for it,
 * also over the restart of this supervisor. Children added at run time are lost with such a restart, as in
 * OTP.
 */
export class Supervisor implements Child {
  readonly cell: Cell<never>
  private readonly kernel: Kernel
  private data_: SupervisorData | DynamicData
  private readonly held = new Map<string, HeldChild>()
  /** Whole specs of children that are to be started, by what is kept of them, until that is decided. */
  private readonly adding = new Map<ChildRule, ChildData>()
  private decider: Decider | undefined
  private readonly events = new RingBuffer<SupervisorEvent>()
  private isBusy = false
  private begun: ((begun: Begun) => void) | undefined
  private halted: (() => void) | undefined
  private readonly tickets = new Map<number, (answer: ChildAnswer) => void>()
  private ticket = 0

  constructor(private readonly parts: SupervisorParts) {
    const { kernel, data, parent } = parts
    this.kernel = kernel
    this.data_ = data
    this.cell = kernel.spawn<never>({
      name: data.id,
      parent,
      receive: () => undefined,
      crashed: () => undefined,
      delivered: (message) => kernel.deadLetter(this.cell.path, 'unhandled', message),
    })
  }

  /** Its own spec, with what was changed since. */
  get data(): SupervisorData | DynamicData {
    return this.data_
  }
  get isRunning(): boolean {
    return this.decider !== undefined
  }

  begin(done: (begun: Begun) => void): void {
    const data = this.data_
    const init = data.type === 'supervisor' ? initOf(data) : undefined
    if (init !== undefined) {
      done(init)
      return
    }
    const known = data.type === 'supervisor' ? data.children : []
    const ids = new Set(known.map(({ id }) => id))
    for (const id of [...this.held.keys()]) if (!ids.has(id)) this.closeChild(id, shutdown, 'gone')
    for (const each of known) this.hold(each)
    this.events.drain()
    this.decider = (this.parts.decider ?? deciderOf)(data)
    this.begun = done
    this.post({ tag: 'Start' })
  }

  halt(done: () => void): void {
    if (this.decider === undefined) {
      done()
      return
    }
    this.begun = undefined
    this.halted = done
    this.post({ tag: 'Stop' })
  }

  abort(): void {
    this.decider = undefined
    this.begun = undefined
    this.halted = undefined
    this.events.drain()
    for (const held of [...this.held.values()].toReversed()) {
      held.stopTimer()
      held.child?.abort()
    }
    this.answerAll()
  }

  close(reason: ExitReason): void {
    this.abort()
    for (const id of [...this.held.keys()].toReversed()) this.closeChild(id, reason, 'gone')
    this.cell.stop(undefined, reason)
  }

  /** Ends by force as by a fault of its own. */
  kill(): void {
    if (this.decider === undefined) return
    const begun = this.begun
    this.abort()
    if (begun === undefined) this.parts.ended(killed, this)
    else begun({ tag: 'failed', error: new Error(`${this.cell.path} was killed while it started`) })
  }

  /** Another spec for its next life. */
  renew(data: SupervisorData | DynamicData): void {
    this.data_ = data
  }

  /** Adds a child and starts it. `done` is called once. */
  startChild(data: ChildData, done: (answer: ChildAnswer) => void): void {
    const kept = data.restart === 'temporary' ? this.parts.forgotten(data) : data
    this.adding.set(kept, data)
    this.request(
      (ticket) => ({ tag: 'StartChild', rule: kept, ticket }),
      (answer) => {
        this.adding.delete(kept)
        done(answer)
      },
    )
  }
  /** Stops a child in order. Its spec stays, unless it is temporary or this supervisor is dynamic. */
  terminateChild(id: string, done: (answer: ChildAnswer) => void): void {
    this.request((ticket) => ({ tag: 'TerminateChild', id, ticket }), done)
  }
  /** Starts a child that was terminated, or ended and is not restarted by itself. */
  restartChild(id: string, done: (answer: ChildAnswer) => void): void {
    this.request((ticket) => ({ tag: 'RestartChild', id, ticket }), done)
  }
  /** Forgets the spec of a child that does not run. */
  deleteChild(id: string, done: (answer: ChildAnswer) => void): void {
    this.request((ticket) => ({ tag: 'DeleteChild', id, ticket }), done)
  }
  /** New flags, and new specs when `children` is given; both come from `data`, which has been checked. */
  change(
    data: SupervisorData | DynamicData,
    isOfChildren: boolean,
    done: (answer: ChildAnswer) => void,
  ): void {
    const specs = data.type === 'supervisor' && isOfChildren ? data.children : undefined
    this.request(
      (ticket) => ({ tag: 'Change', rules: rulesOf(data), children: specs, ticket }),
      (answer) => {
        if (answer.tag === 'ok') this.changed(data, specs ?? [])
        done(answer)
      },
    )
  }

  child(id: string): Child | undefined {
    return this.held.get(id)?.child
  }
  /** What is known of one child. */
  entry(id: string): Entry | undefined {
    const state = this.decider?.child(id)
    return state === undefined ? undefined : this.entryOf(state)
  }
  /** The oldest first. */
  *children(): Iterable<Entry> {
    for (const state of this.decider?.children() ?? []) {
      const entry = this.entryOf(state)
      if (entry !== undefined) yield entry
    }
  }
  private entryOf(state: ChildState): Entry | undefined {
    const held = this.held.get(state.rule.id)
    const data = held?.data ?? this.adding.get(state.rule)
    return data === undefined ? undefined : { data, state, child: held?.child }
  }

  tree(): Pick<TreeNode, 'count' | 'strategy' | 'children'> {
    const data = this.data_
    if (data.type === 'dynamic') return { count: this.decider?.count() ?? 0, children: [] }
    const children = [...this.held.entries()].map(([id, held]) => this.nodeOf(id, held))
    return { strategy: data.strategy, children }
  }

  private nodeOf(id: string, { data, child }: HeldChild): TreeNode {
    const known = this.decider?.child(id)
    const status = known === undefined ? 'stopped' : statusOf(known)
    return {
      id,
      type: data.type,
      status: status === 'stopping' ? 'running' : status,
      restarts: Math.max(0, (known?.run ?? 0) - 1),
      children: [],
      ...child?.tree?.(),
    }
  }

  /** A child that is kept gets the spec it begins by next; a new one is only known. */
  private hold(data: ChildData): void {
    const held = this.held.get(data.id)
    if (held === undefined) this.held.set(data.id, new HeldChild(data))
    else if (held.data !== data) {
      held.data = data
      held.isNew = true
    }
  }

  private changed(data: SupervisorData | DynamicData, specs: readonly ChildData[]): void {
    this.data_ = data
    for (const spec of specs) this.hold(spec)
    if (data.type !== 'dynamic') return
    const { childShutdownMs: shutdownMs } = data
    for (const held of this.held.values()) held.data = { ...held.data, shutdownMs }
  }

  private request(event: (ticket: number) => SupervisorEvent, done: (answer: ChildAnswer) => void): void {
    if (this.decider === undefined) {
      done({ tag: 'not-running' })
      return
    }
    const ticket = ++this.ticket
    this.tickets.set(ticket, done)
    this.post(event(ticket))
  }

  private answerAll(): void {
    const waiting = [...this.tickets.values()]
    this.tickets.clear()
    for (const done of waiting) done({ tag: 'not-running' })
  }

  /**
   * What an action brings about at once is posted while that action still runs, so events have to line up.
   */
  private post(event: SupervisorEvent): void {
    this.events.push(event)
    if (this.isBusy) return
    this.isBusy = true
    for (let next = this.events.shift(); next !== undefined; next = this.events.shift()) {
      const { decider } = this
      if (decider === undefined) break
      for (const action of decider.step(next, this.kernel.clock.monotonic())) {
        if (this.decider === decider) this.perform(action)
      }
    }
    this.isBusy = false
  }

  private perform(action: SupervisorAction): void {
    switch (action.tag) {
      case 'start':
        this.startHeld(action.id, action.run)
        return
      case 'stop':
        this.stopHeld(action.id, action.run)
        return
      case 'close':
        this.closeChild(action.id, action.reason, action.spec)
        return
      case 'retry':
      case 'delay':
        this.retryHeld(action)
        return
      case 'answer': {
        const done = this.tickets.get(action.ticket)
        this.tickets.delete(action.ticket)
        done?.(action.answer)
        return
      }
      case 'ready':
        this.finishBegin(started)
        return
      case 'failed': {
        const { error, id } = action
        this.decider = undefined
        const failed =
          error instanceof ChildFailed ? error : new ChildFailed(`${this.cell.path}/${id}`, error)
        this.finishBegin({ tag: 'failed', error: failed })
        return
      }
      case 'exceeded':
        this.reportExceeded()
        return
      case 'end':
        this.end(action.reason)
    }
  }

  private finishBegin(answer: Begun): void {
    const begun = this.begun
    this.begun = undefined
    begun?.(answer)
  }

  private end(reason: ExitReason): void {
    const halted = this.halted
    this.decider = undefined
    this.halted = undefined
    for (const held of this.held.values()) held.stopTimer()
    this.answerAll()
    if (halted === undefined) this.parts.ended(reason, this)
    else halted()
  }

  private startHeld(id: string, run: number): void {
    const rule = this.decider?.child(id)?.rule
    const added = rule === undefined ? undefined : this.adding.get(rule)
    if (added !== undefined) this.held.set(id, new HeldChild(rule as ChildData))
    const held = this.held.get(id)
    assert(held !== undefined, 'a supervisor starts a child it does not hold', { id })
    const child = this.childFor(held, added ?? held.data)
    held.begin(this.kernel.clock, child, (begun) => {
      if (begun.tag === 'failed') {
        this.post({ tag: 'StartFailed', id, run, error: begun.error })
      } else if (begun.tag === 'ignored') {
        this.post({ tag: 'Ignored', id, run })
      } else {
        if (added !== undefined && added !== held.data) this.parts.forget(child, held.data)
        this.post({ tag: 'Started', id, run, info: begun.info })
      }
    })
  }

  /** It keeps its place, unless another spec needs another one. */
  private childFor(held: HeldChild, data: ChildData): Child {
    const { isNew } = held
    held.isNew = false
    if (isNew && held.child !== undefined && !this.parts.renew(held.child, data)) {
      held.child.close(shutdown)
      this.parts.closed(held.child, undefined)
      held.child = undefined
    }
    held.child ??= this.parts.makeChild(data, this.cell, this.childEnded)
    return held.child
  }

  private readonly childEnded: Ended = (reason, child) => {
    const id = child.cell.name
    const held = this.held.get(id)
    if (held?.child !== child) return
    held.stopTimer()
    const run = this.decider?.child(id)?.run
    if (run !== undefined) this.post({ tag: 'Ended', id, run, reason })
  }

  private stopHeld(id: string, run: number): void {
    const over = (reason: ExitReason): void => this.post({ tag: 'Ended', id, run, reason })
    const held = this.held.get(id)
    if (held === undefined) over(shutdown)
    else held.stop(this.kernel.clock, over)
  }

  private retryHeld(action: Extract<SupervisorAction, { readonly tag: 'retry' | 'delay' }>): void {
    const { decider } = this
    const { id, run } = action
    const again = (): void => {
      if (this.decider === decider) this.post({ tag: 'Retry', id, run })
    }
    const { clock, ledger } = this.kernel
    const held = this.held.get(id)
    if (action.tag === 'retry' || held === undefined) {
      clock.defer(again)
      return
    }
    const delayMs = held.delay({ clock, random: this.parts.random }, action.attempt, again)
    if (ledger.isHeard) ledger.emit({ tag: 'RestartDelayed', path: `${this.cell.path}/${id}`, delayMs })
  }

  private closeChild(id: string, reason: ExitReason, spec: 'kept' | 'gone'): void {
    const held = this.held.get(id)
    if (held === undefined) return
    const { child, data } = held
    held.stopTimer()
    held.child = undefined
    child?.close(reason)
    // What was changed below stays changed when it is started again by hand.
    if (child instanceof Supervisor && !held.isNew) held.data = child.data
    if (spec === 'gone') this.held.delete(id)
    this.parts.closed(child, spec === 'gone' ? data : undefined)
  }

  private reportExceeded(): void {
    const { intensity, periodMs } = this.data_
    const { ledger } = this.kernel
    if (ledger.isHeard) ledger.emit({ tag: 'IntensityExceeded', path: this.cell.path, intensity, periodMs })
  }
}

/** A child's state in the words of those who look on. */
export const statusOf = (
  child: ChildState,
): 'starting' | 'running' | 'stopping' | 'restarting' | 'stopped' => {
  const { status } = child
  return status === 'ended' || status === 'retrying' || status === 'delayed' ? 'restarting' : status
}
