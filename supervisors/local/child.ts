/** One child as its supervisor knows it, and when it is started again. */
import { type ExitReason, shutdown } from '../../lib/kernel/exit-reason.js'
import type { ChildRule } from './protocol.js'

export interface ChildState {
  rule: ChildRule
  /**
   * `ended`: by itself, and not judged yet. `retrying`: its restart failed and will be tried again.
   * `delayed`: it waits out its backoff. Either is counted when it is tried.
   */
  status: 'stopped' | 'starting' | 'running' | 'stopping' | 'ended' | 'retrying' | 'delayed'
  /** Grows with each start. */
  run: number
  lastReason: ExitReason
  /** Crashes in a row, and when the last one was; only with a backoff. */
  crashes?: { count: number; at: number }
}

export const newChild = (rule: ChildRule): ChildState => ({
  rule,
  status: 'stopped',
  run: 0,
  lastReason: shutdown,
})

/** Whether it fell and will be started again by itself. */
export const isRestarting = ({ status }: ChildState): boolean =>
  status === 'ended' || status === 'retrying' || status === 'delayed'

/** Whether a child that ended by itself is started again. */
export const isRestarted = (restart: ChildRule['restart'], reason: ExitReason): boolean =>
  restart === 'permanent' || (restart === 'transient' && reason.tag !== 'normal' && reason.tag !== 'shutdown')

const calmMs = 60_000

/**
 * Counts a crash at `now`, monotonic milliseconds. How often its restart has been delayed in a row, for the
 * length of this delay; undefined when it is not delayed.
 */
export const delayAttempt = (child: ChildState, now: number): number | undefined => {
  const { backoff } = child.rule
  if (backoff === undefined) return undefined
  const calm = Math.max(calmMs, 2 * backoff.maxMs)
  const { crashes } = child
  const count = crashes === undefined || now - crashes.at > calm ? 1 : crashes.count + 1
  child.crashes = { count, at: now }
  return count === 1 ? undefined : count - 2
}
