/**
 * What a supervisor is told, and what it decides. Both are plain data; `state.ts` turns one into the other.
 */
import type { AutoShutdown, RestartBackoff, Restart, Strategy } from '../../lib/api/child-data.js'
import type { ExitReason } from '../../lib/kernel/exit-reason.js'

/** What a decision needs to know of a child; a spec says it. */
export interface ChildRule {
  readonly id: string
  readonly restart: Restart
  readonly significant: boolean
  readonly backoff?: RestartBackoff | undefined
}

export interface SupervisorRules {
  readonly strategy: Strategy
  readonly intensity: number
  readonly periodMs: number
  readonly autoShutdown: AutoShutdown
}

/** A wish of somebody who waits for the answer. */
export type SupervisorRequest =
  | { readonly tag: 'StartChild'; readonly rule: ChildRule; readonly ticket: number }
  | { readonly tag: 'TerminateChild'; readonly id: string; readonly ticket: number }
  | { readonly tag: 'RestartChild'; readonly id: string; readonly ticket: number }
  | { readonly tag: 'DeleteChild'; readonly id: string; readonly ticket: number }
  /** New rules, and new rules of the children where they are given. */
  | {
      readonly tag: 'Change'
      readonly rules: SupervisorRules
      readonly children: readonly ChildRule[] | undefined
      readonly ticket: number
    }

/** What happened. `run` tells the lives of one child apart: news of an earlier life is ignored. */
export type SupervisorEvent =
  /** Start all children in order. */
  | { readonly tag: 'Start' }
  | { readonly tag: 'Started'; readonly id: string; readonly run: number; readonly info?: unknown }
  /** It wants not to be started. */
  | { readonly tag: 'Ignored'; readonly id: string; readonly run: number }
  | { readonly tag: 'StartFailed'; readonly id: string; readonly run: number; readonly error: unknown }
  /** A child ended by itself, or has been stopped. */
  | { readonly tag: 'Ended'; readonly id: string; readonly run: number; readonly reason: ExitReason }
  /** The answer to `retry` and to `delay`. */
  | { readonly tag: 'Retry'; readonly id: string; readonly run: number }
  /** Stop all children, last started first, and end. */
  | { readonly tag: 'Stop' }
  | SupervisorRequest

/** What became of a request about one child; OTP's words. */
export type ChildAnswer =
  | { readonly tag: 'ok'; readonly info?: unknown }
  | { readonly tag: 'ignored' }
  | { readonly tag: 'already-started' }
  | { readonly tag: 'already-present' }
  | { readonly tag: 'not-found' }
  | { readonly tag: 'running' }
  | { readonly tag: 'restarting' }
  /** A dynamic supervisor has as many children as it may. */
  | { readonly tag: 'full'; readonly countMax: number }
  /** A dynamic supervisor does not do that. */
  | { readonly tag: 'dynamic' }
  | { readonly tag: 'failed'; readonly error: unknown }
  /** The supervisor itself does not run. */
  | { readonly tag: 'not-running' }

/**
 * What to do, in list order. A start or stop is answered by an event later; nothing else waits for it here.
 */
export type SupervisorAction =
  | { readonly tag: 'start'; readonly id: string; readonly run: number }
  /** In order, within the child's own deadline, then by force; answered by `Ended`. */
  | { readonly tag: 'stop'; readonly id: string; readonly run: number }
  /**
   * The child is given up: its place and its mail go, and its spec too unless it is kept for a start by
   * hand.
   */
  | {
      readonly tag: 'close'
      readonly id: string
      readonly reason: ExitReason
      readonly spec: 'kept' | 'gone'
    }
  /**
   * Come back with `Retry` after the present turn: a start failed, and others may act before it is tried
   * again.
   */
  | { readonly tag: 'retry'; readonly id: string; readonly run: number }
  /** Come back with `Retry` after the child's backoff; `attempt` 0 is its shortest. */
  | { readonly tag: 'delay'; readonly id: string; readonly run: number; readonly attempt: number }
  | { readonly tag: 'answer'; readonly ticket: number; readonly answer: ChildAnswer }
  /** All children have started. */
  | { readonly tag: 'ready' }
  /** The first start failed at `id`; what had started has been stopped. */
  | { readonly tag: 'failed'; readonly id: string; readonly error: unknown }
  /** More restarts than allowed: the children are about to be stopped. */
  | { readonly tag: 'exceeded' }
  /** All children have been stopped: the supervisor ends. */
  | { readonly tag: 'end'; readonly reason: ExitReason }
