/** A running node as its callers see it. `supervisors/node.ts` makes one. */
import type { Asked } from './answer.js'
import type { types } from './brand.js'
import type { Kind } from './kind.js'
import type { NodeEvent } from './node-event.js'
import type { AnyProtocol, IdOf, KindOf } from './protocol.js'
import type { LocalRef, Ref } from './refs.js'
import type { Listener, Topic, TopicScope } from './topic.js'
import type { NodeStatus, TreeNode, Where } from './status.js'

export interface Spawned<N extends string> {
  readonly ref: Ref<N>
  readonly outcome: 'started' | 'already-started'
}

export interface Subscription {
  unsubscribe(): void
}

export interface StopOptions {
  /** Milliseconds for handing entities over before they are stopped as they are: default `drainMs`. */
  readonly drainMs?: number
}

/** A behavior as far as a node's callers see it. */
export interface Startable<N extends string> {
  readonly kind: N
  readonly [types]: 'behavior'
}

export interface TumenNode {
  /** `name#incarnation`. */
  readonly id: string
  readonly name: string
  /**
   * A handle to any entity, without I/O. Says nothing about whether the entity exists, nor about whether
   * its kind is in this node's tree: other nodes may run it.
   */
  ref<P extends AnyProtocol>(protocol: P, id: IdOf<P>): Ref<KindOf<P>>
  /**
   * Starts an entity, or finds it started. When it resolves, every later lookup from any node finds it.
   *
   * Errors: rejects with `AskFailed`: `UnknownKind`, `Unavailable`, `Overloaded` or `AskTimeout`.
   */
  spawn<N extends string, I>(kind: Kind<N, I>, id: I): Promise<Spawned<N>>
  /** This node's own actor of that protocol. Throws `Misuse` (`KindNotInTree`) when the tree has none. */
  local<P extends AnyProtocol>(protocol: P): LocalRef<KindOf<P>>
  /** The same actor of another node, by `name#incarnation` or name: not with what never leaves a node. */
  remote<P extends AnyProtocol>(nodeId: string, protocol: P): Ref<KindOf<P>>
  /**
   * Starts one more actor of this node under `dynamic(under)` of the tree, with the restart type declared
   * there.
   *
   * Errors: rejects with `AskFailed`: `Overloaded` at the supervisor's `countMax`, `Crashed` when its init
   * throws.
   */
  start<N extends string>(under: string, behavior: Startable<N>): Promise<LocalRef<N>>
  publish<A, S extends TopicScope>(topic: Topic<string, A, S>, payload: NoInfer<A>): void
  /** The handler must not throw; it runs in order of publication, per publisher. */
  subscribe<A, S extends TopicScope>(topic: Topic<string, A, S>, handle: Listener<A, S>): Subscription
  /**
   * Tells what happens on this node from now on: crashes and restarts of actors, dead letters, full
   * mailboxes, who blocked the event loop and for how long, lost state. Each has a level and a sentence.
   * The listener must not throw.
   */
  listen(listener: (event: NodeEvent) => void): Subscription
  /** What this node knows of itself and its cluster, as data. */
  status(): NodeStatus
  /** The supervision tree of this node, with what runs in it. */
  tree(): TreeNode
  /** Which node owns an entity and which mirror it, by this node's view. */
  where<P extends AnyProtocol>(protocol: P, id: IdOf<P>): Where
  /** Drains, hands over and leaves. Resolves when nothing of this node is left running. Idempotent. */
  stop(options?: StopOptions): Promise<void>
}

/** What a local actor's handler is given: its own ref, its node, and the time. It may wait and use refs. */
export interface Self<N extends string> extends LocalRef<N> {
  readonly node: TumenNode
  /** Milliseconds since 1970, when the message was taken. */
  readonly now: number
}

/** In the handler of an ask: also the ask itself, for an answer later. */
export type AskedSelf<N extends string, R, X> = Self<N> & { readonly asked: Asked<R, X> }
