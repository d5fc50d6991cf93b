/** The supervisors of a running node as application code sees and changes them. Answers are OTP's. */
import type {
  AutoShutdown,
  ChildSpec,
  Restart,
  RestartBackoff,
  ShutdownMs,
  StartMs,
  Strategy,
} from './child-words.js'
import type { Startable } from './startable.js'
import type { LocalRef } from './refs.js'
import type { Ignore } from './starting.js'

/** What became of the wish to start a child. */
export type StartChildAnswer<N extends string = string> =
  /** `ref` is there for workers; `info` is what the child's init gave with `withInfo`. */
  | { readonly tag: 'started'; readonly id: string; readonly ref?: LocalRef<N>; readonly info?: unknown }
  /** Its init said `ignore`. The spec is kept, unless it is temporary or the supervisor dynamic. */
  | { readonly tag: 'ignored' }
  /** A child of that id runs; or an actor elsewhere in this node's tree has the worker's protocol. */
  | { readonly tag: 'already-started'; readonly ref?: LocalRef<N> }
  /** The id is known and does not run: `restartChild` or `deleteChild`. */
  | { readonly tag: 'already-present' }
  /** The spec cannot be, and this is why. */
  | { readonly tag: 'invalid'; readonly complaint: string }
  | { readonly tag: 'full'; readonly countMax: number }
  /** What its init threw, or that it took longer than `startMs`. The spec is not kept. */
  | { readonly tag: 'failed'; readonly error: unknown }
  | SupervisorGone

/** The supervisor itself does not run. */
export interface SupervisorGone {
  readonly tag: 'not-running'
}

/** What became of the wish to start a child again that does not run. */
export type RestartChildAnswer =
  | { readonly tag: 'started'; readonly id: string; readonly ref?: LocalRef<string>; readonly info?: unknown }
  | { readonly tag: 'ignored' }
  | { readonly tag: 'running' }
  /** It is about to be restarted anyway. */
  | { readonly tag: 'restarting' }
  | { readonly tag: 'not-found' }
  /** What its init threw. The spec is kept. */
  | { readonly tag: 'failed'; readonly error: unknown }
  /** The children of a dynamic supervisor have no specs of their own. */
  | { readonly tag: 'dynamic' }
  | SupervisorGone

export type TerminateChildAnswer =
  /** It does not run; also when it did not run before. */
  | { readonly tag: 'ok' }
  | { readonly tag: 'not-found' }
  /** By a ref only the children of a dynamic supervisor are found; others by their id. */
  | { readonly tag: 'not-dynamic' }
  | SupervisorGone

export type DeleteChildAnswer =
  | { readonly tag: 'ok' }
  | { readonly tag: 'running' }
  | { readonly tag: 'restarting' }
  | { readonly tag: 'not-found' }
  | { readonly tag: 'dynamic' }
  | SupervisorGone

export type ChangeAnswer =
  | { readonly tag: 'ok' }
  /** Nothing was changed. */
  | { readonly tag: 'invalid'; readonly complaint: string }
  /** A dynamic supervisor has no strategy, no automatic shutdown and no list of children. */
  | { readonly tag: 'dynamic' }
  | SupervisorGone

/** New flags and specs for a supervisor that runs; what is left out stays as it is. */
export interface SupervisorChange {
  readonly strategy?: Strategy
  readonly intensity?: number
  readonly periodMs?: number
  readonly autoShutdown?: AutoShutdown
  /**
   * Replaces the specs of these ids; running children go on, and begin by the new spec when they are next
   * started. New ids are known, not started; ids that are not in the list stay.
   */
  readonly children?: readonly ChildSpec[]
  /** Of the children of a dynamic supervisor: for those started from now on. */
  readonly restart?: Restart
  readonly startMs?: StartMs
  readonly backoff?: RestartBackoff
  /** Of the children of a dynamic supervisor: at once, for all of them. */
  readonly shutdownMs?: ShutdownMs
}

/** One child as it is now. */
export interface ChildInfo {
  readonly id: string
  readonly type: 'worker' | 'supervisor' | 'entities' | 'dynamic' | 'singleton'
  /** `stopped`: known and not running. `restarting`: it fell and will be started again. */
  readonly status: 'starting' | 'running' | 'stopping' | 'restarting' | 'stopped'
  /** Of a worker that runs. */
  readonly ref?: LocalRef<string>
  /** The protocol of a worker, the kind of entities. */
  readonly kind?: string
}

export interface ChildCounts {
  /** Specs; 1 for a dynamic supervisor, whose children share one. */
  readonly specs: number
  /** Children that run. */
  readonly active: number
  readonly supervisors: number
  /** Also those that do not run. */
  readonly workers: number
}

/** A child spec with every default filled in. */
export interface ChildSpecInfo {
  readonly id: string
  readonly type: ChildInfo['type']
  readonly kind?: string
  readonly restart: Restart
  readonly significant: boolean
  readonly shutdownMs: ShutdownMs
  readonly startMs: StartMs
  readonly backoff?: Required<RestartBackoff>
}

/** How a supervisor is set. A dynamic one is always `one_for_one` and `never`. */
export interface SupervisorFlags {
  readonly type: 'supervisor' | 'dynamic'
  readonly strategy: Strategy
  readonly intensity: number
  readonly periodMs: number
  readonly autoShutdown: AutoShutdown
}

/**
 * One supervisor of this node's tree. It stays good while the supervisor is restarted.
 *
 * Guarantees: requests are answered one after the other, in order; one that comes during a restart waits for
 * its end. Every promise resolves: refusals are answers, not errors.
 *
 * Reference: OTP `supervisor`.
 */
export interface LocalSupervisor {
  /** The ids from the root to here, with slashes. */
  readonly path: string
  /** Adds a child and starts it. A dynamic supervisor takes workers or behaviors and names the latter. */
  startChild<N extends string>(child: Startable<N> | ChildSpec): Promise<StartChildAnswer<N>>
  /** Stops a child in order. Its spec stays, unless it is temporary. Dynamic supervisors also take a ref. */
  terminateChild(child: string | LocalRef<string>): Promise<TerminateChildAnswer>
  /** Starts a child that was terminated, or that ended and is not restarted by itself. */
  restartChild(id: string): Promise<RestartChildAnswer>
  /** Forgets the spec of a child that does not run. */
  deleteChild(id: string): Promise<DeleteChildAnswer>
  /** All children, the newest first. */
  children(): readonly ChildInfo[]
  child(child: string | LocalRef<string>): ChildInfo | undefined
  count(): ChildCounts
  /** The spec of a child. Of a temporary one that was added at run time it no longer holds how it begins. */
  spec(id: string): ChildSpecInfo | undefined
  flags(): SupervisorFlags
  /** Changes flags and specs while it runs; `ignore` changes nothing. */
  change(change: SupervisorChange | Ignore): Promise<ChangeAnswer>
  /** Ends it by force with all below it, as a fault would; its own supervisor decides what follows. */
  kill(): void
}

/** A child of the tree did not start, or took longer than its `startMs`. `cause` is what it threw. */
export class ChildFailed extends Error {
  override readonly name = 'ChildFailed'
  /** Where it is in the tree: ids from the root, with slashes. */
  readonly path: string
  constructor(path: string, cause: unknown) {
    super(`${path} did not start: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
    this.path = path
  }
}
