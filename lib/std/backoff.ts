import type { Random } from './random.js'

/**
 * How long to wait before a thing is tried again.
 *
 * `firstMs` before the first new try, then `factor` times more each time, never more than `lastMs`. `jitter`,
 * 0 to 1, is the share of each delay that is left to chance, so that many who
 * failed together do not return together.
 */
export interface Backoff {
  readonly firstMs: number
  readonly lastMs: number
  readonly factor: number
  readonly jitter: number
}

/** The delay before try `attempt` (0 is the first repetition), in whole milliseconds, at most `lastMs`. */
export const backoffMs = (backoff: Backoff, attempt: number, random: Random): number => {
  const full = Math.min(backoff.lastMs, backoff.firstMs * backoff.factor ** Math.max(0, attempt))
  return Math.round(full * (1 - backoff.jitter * random.next()))
}
