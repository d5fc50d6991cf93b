import type { ChildData, SupervisorData } from '../../lib/api/child-data.js'
import { ignore, supervisorInitMisuse } from '../../lib/api/internal.js'
import type { TreeNode } from '../../lib/api/status.js'
import { type ExitReason, killed, shutdown } from '../../lib/kernel/exit-reason.js'
import { type Begun, ignored, type Lifecycle } from '../../lib/kernel/lifecycle.js'
import { backoffMs } from '../../lib/std/backoff.js'
import type { Clock, Timer } from '../../lib/std/clock.js'
import type { Random } from '../../lib/std/random.js'

/** A child that can say what is below it. */
export interface Child extends Lifecycle {
  tree?(): Pick<TreeNode, 'count' | 'strategy' | 'children'>
}

/**
 * One child's place below its supervisor: its spec, what runs there, and the one timer of whatever it is at:
 * its start, its stop or its backoff.
 */
export class HeldChild {
  child: Child | undefined
  /** It begins by another spec when it is next started. */
  isNew = false
  private timer: Timer | undefined

  constructor(public data: ChildData) {}

  /** Begins `child`; one that takes longer than `startMs` is ended by force and has failed. */
  begin(clock: Clock, child: Child, done: (begun: Begun) => void): void {
    this.stopTimer()
    let isOver = false
    const over = (begun: Begun): void => {
      if (isOver) return
      isOver = true
      this.stopTimer()
      done(begun)
    }
    const { id, startMs } = this.data
    const limit = (): void => {
      if (isOver || startMs === 'infinity') return
      this.timer = clock.after(startMs, () => {
        child.abort()
        over({ tag: 'failed', error: tooSlow(id, startMs) })
      })
    }
    this.within(limit, () => child.begin(over))
  }

  /** Stops what runs here in order; by force when that takes longer than `shutdownMs`. */
  stop(clock: Clock, done: (reason: ExitReason) => void): void {
    const { child } = this
    const { shutdownMs } = this.data
    this.stopTimer()
    let isOver = child === undefined
    const over = (reason: ExitReason): void => {
      if (isOver) return
      isOver = true
      this.stopTimer()
      if (reason === killed) child?.abort()
      done(reason)
    }
    if (child === undefined) {
      done(shutdown)
    } else if (shutdownMs === 'kill') {
      over(killed)
    } else {
      const limit = (): void => {
        if (isOver || shutdownMs === 'infinity') return
        this.timer = clock.after(shutdownMs, () => over(killed))
      }
      this.within(limit, () => child.halt(() => over(shutdown)))
    }
  }

  /**
   * Of two deadlines at one moment a supervisor's comes before those below it, as it began earlier. Most
   * workers are done at once and need no timer.
   */
  private within(limit: () => void, act: () => void): void {
    const isFirst = this.data.type !== 'worker'
    if (isFirst) limit()
    act()
    if (!isFirst) limit()
  }

  /** Calls `again` after the backoff of the spec, and says how long that is; `attempt` 0 is its shortest. */
  delay(of: { readonly clock: Clock; readonly random: Random }, attempt: number, again: () => void): number {
    const { minMs: firstMs, maxMs: lastMs, jitter } = this.data.backoff ?? noBackoff
    const delayMs = backoffMs({ firstMs, lastMs, factor: 2, jitter }, attempt, of.random)
    this.timer = of.clock.after(delayMs, again)
    return delayMs
  }

  stopTimer(): void {
    this.timer?.cancel()
    this.timer = undefined
  }
}

/** The spec was changed meanwhile. */
const noBackoff = { minMs: 0, maxMs: 0, jitter: 0 }

/** How its start ends before it began; undefined: it goes on. */
export const initOf = ({ id, init }: SupervisorData): Begun | undefined => {
  if (init === undefined) return undefined
  try {
    const made = init()
    if (made === undefined) return undefined
    if (made === ignore) return ignored
    return { tag: 'failed', error: supervisorInitMisuse(id) }
  } catch (error) {
    return { tag: 'failed', error }
  }
}

const tooSlow = (id: string, startMs: number): Error =>
  new Error(
    `"${id}" did not begin within ${startMs} ms: its init has neither returned nor thrown. ` +
      'Give init a deadline of its own, or raise startMs.',
  )
