import type { ChildBase, ChildData, DynamicData, SupervisorData } from '../../lib/api/child-data.js'
import type { TreeNode } from '../../lib/api/status.js'
import type { Cell } from '../../lib/kernel/cell.js'
import { type ExitReason, killed, shutdown } from '../../lib/kernel/exit-reason.js'
import type { Kernel } from '../../lib/kernel/kernel.js'
import { type Begun, type Ended, type Lifecycle, started } from '../../lib/kernel/lifecycle.js'
import { assert } from '../../lib/std/assert.js'
import type { Timer } from '../../lib/std/clock.js'
import { type Decider, deciderOf } from './decider.js'
import type { ChildAnswer, SupervisorAction, SupervisorEvent } from './protocol.js'

/** A child that can say what is below it. */
export interface Child extends Lifecycle {
  tree?(): Pick<TreeNode, 'count' | 'strategy' | 'children'>
}
/** Makes a child, not begun yet, in its place below `parent`. */
export type MakeChild = (data: ChildData, parent: Cell<any>, ended: Ended) => Child

export interface SupervisorParts {
  readonly kernel: Kernel
  readonly data: SupervisorData | DynamicData
  readonly parent?: Cell<any> | undefined
  readonly makeChild: MakeChild
  /** It gave up, or shut itself down. */
  readonly ended: Ended
}

interface Held {
  readonly data: ChildData
  child: Child | undefined
  deadline: Timer | undefined
}

/**
 * Performs on the children what `state.ts` or `dynamic-state.ts` decides. It has a cell for its place in
 * the tree; its own events are taken one after the other, in order, without passing through that cell's
 * mailbox.
 *
 * A child keeps its place while it is ended and begun again, so refs to it stay good and mail waits for it,
 * also over the restart of this supervisor. Children added at run time are lost with such a restart, as in
 * OTP.
 */
export class Supervisor implements Child {
  readonly cell: Cell<never>
  private readonly kernel: Kernel
  private readonly held = new Map<string, Held>()
  private decider: Decider | undefined
  private readonly events: SupervisorEvent[] = []
  private isBusy = false
  private begun: ((begun: Begun) => void) | undefined
  private halted: (() => void) | undefined
  private readonly tickets = new Map<number, (answer: ChildAnswer) => void>()
  private ticket = 0

  constructor(private readonly parts: SupervisorParts) {
    const { kernel, data, parent } = parts
    this.kernel = kernel
    this.cell = kernel.spawn<never>({
      name: data.id,
      parent,
      receive: () => undefined,
      crashed: () => undefined,
      delivered: (message) => kernel.deadLetter(this.cell.path, 'unhandled', message),
    })
  }

  begin(done: (begun: Begun) => void): void {
    const { data } = this.parts
    const known = data.type === 'supervisor' ? data.children : []
    const ids = new Set(known.map(({ id }) => id))
    for (const id of [...this.held.keys()]) if (!ids.has(id)) this.closeChild(id, shutdown, 'gone')
    for (const each of known) {
      if (!this.held.has(each.id))
        this.held.set(each.id, { data: each, child: undefined, deadline: undefined })
    }
    this.events.length = 0
    this.decider = deciderOf(data)
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
    this.events.length = 0
    for (const held of [...this.held.values()].toReversed()) {
      held.deadline?.cancel()
      held.child?.abort()
    }
    this.answerAll()
  }

  close(reason: ExitReason): void {
    this.abort()
    for (const id of [...this.held.keys()].toReversed()) this.closeChild(id, reason, 'gone')
    this.cell.stop(undefined, reason)
  }

  /** Adds a child and starts it. `done` is called once. */
  startChild(data: ChildData, done: (answer: ChildAnswer) => void): void {
    if (!this.held.has(data.id)) this.held.set(data.id, { data, child: undefined, deadline: undefined })
    const { id, restart, significant } = data
    const rule = { id, restart, significant }
    this.request(
      (ticket) => ({ tag: 'StartChild', rule, ticket }),
      (answer) => {
        if (this.decider?.child(id) === undefined) this.held.delete(id)
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
  child(id: string): Child | undefined {
    return this.held.get(id)?.child
  }

  tree(): Pick<TreeNode, 'count' | 'strategy' | 'children'> {
    const { data } = this.parts
    if (data.type === 'dynamic') return { count: this.decider?.count() ?? 0, children: [] }
    const children = [...this.held.entries()].map(([id, held]) => this.nodeOf(id, held))
    return { strategy: data.strategy, children }
  }

  private nodeOf(id: string, { data, child }: Held): TreeNode {
    const known = this.decider?.child(id)
    const shown = {
      starting: 'starting',
      running: 'running',
      stopping: 'running',
      stopped: 'stopped',
    } as const
    const status = known?.status ?? 'stopped'
    return {
      id,
      type: data.type,
      status: status === 'ended' || status === 'retrying' ? 'restarting' : shown[status],
      restarts: Math.max(0, (known?.run ?? 0) - 1),
      children: [],
      ...child?.tree?.(),
    }
  }

  private request(event: (ticket: number) => SupervisorEvent, done: (answer: ChildAnswer) => void): void {
    if (this.decider === undefined) {
      done({ tag: 'not-found' })
      return
    }
    const ticket = ++this.ticket
    this.tickets.set(ticket, done)
    this.post(event(ticket))
  }

  private answerAll(): void {
    const waiting = [...this.tickets.values()]
    this.tickets.clear()
    for (const done of waiting) done({ tag: 'not-found' })
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
      case 'retry': {
        const { decider } = this
        const { id, run } = action
        this.kernel.clock.defer(() => {
          if (this.decider === decider) this.post({ tag: 'Retry', id, run })
        })
        return
      }
      case 'answer': {
        const done = this.tickets.get(action.ticket)
        this.tickets.delete(action.ticket)
        done?.(action.answer)
        return
      }
      case 'ready':
        this.finishBegin(started)
        return
      case 'failed':
        this.decider = undefined
        this.finishBegin({ tag: 'failed', error: action.error })
        return
      case 'exceeded':
        this.reportExceeded()
        return
      case 'end':
        this.end(action.reason)
    }
  }

  private finishBegin(answer: Begun): void {
    const { begun } = this
    this.begun = undefined
    begun?.(answer)
  }

  private end(reason: ExitReason): void {
    const { halted, begun } = this
    this.decider = undefined
    this.halted = undefined
    this.begun = undefined
    this.answerAll()
    if (halted !== undefined) halted()
    else if (begun !== undefined)
      begun({ tag: 'failed', error: new Error(`supervisor ${this.cell.path} gave up while it started`) })
    else this.parts.ended(reason)
  }

  private startHeld(id: string, run: number): void {
    const held = this.held.get(id)
    assert(held !== undefined, 'a supervisor starts a child it does not hold', { id })
    held.child ??= this.parts.makeChild(held.data, this.cell, (reason) => {
      const current = this.decider?.child(id)?.run
      if (current !== undefined) this.post({ tag: 'Ended', id, run: current, reason })
    })
    held.child.begin((begun) => {
      if (begun.tag === 'failed') this.post({ tag: 'StartFailed', id, run, error: begun.error })
      else this.post({ tag: 'Started', id, run })
    })
  }

  private stopHeld(id: string, run: number): void {
    const held = this.held.get(id)
    const child = held?.child
    if (held === undefined || child === undefined) {
      this.post({ tag: 'Ended', id, run, reason: shutdown })
      return
    }
    const { shutdownMs } = held.data as ChildBase
    let isOver = false
    const over = (reason: ExitReason): void => {
      if (isOver) return
      isOver = true
      held.deadline?.cancel()
      held.deadline = undefined
      if (reason === killed) child.abort()
      this.post({ tag: 'Ended', id, run, reason })
    }
    if (shutdownMs === 'kill') {
      over(killed)
      return
    }
    if (shutdownMs !== 'infinity') held.deadline = this.kernel.clock.after(shutdownMs, () => over(killed))
    child.halt(() => over(shutdown))
  }

  private closeChild(id: string, reason: ExitReason, spec: 'kept' | 'gone'): void {
    const held = this.held.get(id)
    held?.deadline?.cancel()
    held?.child?.close(reason)
    if (held !== undefined) held.child = undefined
    if (spec === 'gone') this.held.delete(id)
  }

  private reportExceeded(): void {
    const { intensity, periodMs } = this.parts.data
    const { ledger } = this.kernel
    if (ledger.isHeard) ledger.emit({ tag: 'IntensityExceeded', path: this.cell.path, intensity, periodMs })
  }
}
