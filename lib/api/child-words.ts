/** The words that supervision is written with; OTP's. */
import type { child } from './brand.js'

/** One child of a supervisor, and all below it. */
export interface ChildSpec {
  readonly id: string
  readonly [child]: true
}

/** Who falls with whom. */
export type Strategy = 'one_for_one' | 'one_for_all' | 'rest_for_one'
/** When to start it again: always, after a crash, never. */
export type Restart = 'permanent' | 'transient' | 'temporary'
export type AutoShutdown = 'never' | 'any_significant' | 'all_significant'
/** Milliseconds that it may take to stop, before it is killed. */
export type ShutdownMs = number | 'kill' | 'infinity'

/** Milliseconds that it may take to begin, before its start counts as failed. */
export type StartMs = number | 'infinity'

/**
 * How long a child that crashed waits for its restart: not at all after the first crash, then `minMs`, then
 * twice as long each time up to `maxMs`. After a minute without a crash, or twice `maxMs` if that is longer,
 * the next one counts as the first. The restart counts for the intensity when it happens, not before.
 */
export interface RestartBackoff {
  readonly minMs: number
  readonly maxMs: number
  /** 0 to 1: the share of each delay that is left to chance. Default 0.3. */
  readonly jitter?: number
}
