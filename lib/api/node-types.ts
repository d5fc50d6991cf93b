/** A running node as its callers see it. `supervisors/node.ts` makes one. */
import type { Action } from './act.js'
import type { AdoptedRef, NactRef } from './adopted.js'
import type { Asked } from './answer.js'
import type { Down, ExitReason, FarDown, MonitorOptions } from './exit.js'
import type { Kind } from './kind.js'
import type {
  EntitiesCount,
  EntitiesPage,
  EntityEvent,
  ListOptions,
  WaitForMembersOptions,
} from './listing.js'
import type { Ask, Tell } from './message.js'
import type { NodeEvent } from './node-event.js'
import type { AnyProtocol, IdOf, KindOf } from './protocol.js'
import type { Address, AskOptions, LocalRef, Ref } from './refs.js'
import type { Listener, Topic, TopicScope } from './topic.js'
import type { MemberStatus, NodeStatus, TreeNode, Where } from './status.js'
import type { Startable } from './startable.js'
import type { LocalSupervisor } from './supervision.js'

export type { Startable }

export interface Spawned<N extends string> {
  readonly ref: Ref<N>
  readonly outcome: 'started' | 'already-started'
}

export interface Subscription {
  unsubscribe(): void
}

/** What is left out has the default of the node's config. */
export interface RebalanceOptions {
  /** Shards that one node moves in a round: `rebalanceRoundCountMax`. */
  readonly roundCountMax?: number
  /** Shards that one node moves at the same time: `rebalanceMovesCountMax`. */
  readonly movesCountMax?: number
  /** Milliseconds between two rounds: `rebalancePauseMs`. */
  readonly pauseMs?: number
  /** Milliseconds for all nodes together; what has not moved by then stays. Default 300,000. */
  readonly timeoutMs?: number
}

export interface RebalanceReport {
  /** Shards that moved. */
  readonly moved: number
  /** Shards that should live elsewhere and stayed. */
  readonly left: number
  readonly tookMs: number
}

export interface StopOptions {
  /** Milliseconds for handing entities over before they are stopped as they are: default `drainMs`. */
  readonly drainMs?: number
  /**
   * Milliseconds for the whole stop; what has not ended by then is ended by force, also what may take as long
   * as it wants. Default 60,000.
   */
  readonly limitMs?: number
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
   * Errors: rejects with `AskFailed`: `UnknownKind`, `Unavailable`, `Overloaded`, `AskTimeout` or
   * `NodeStopped`; `NoRecipient` when the kind's `init` says `ignore` for this id.
   */
  spawn<N extends string, I>(kind: Kind<N, I>, id: I): Promise<Spawned<N>>
  /**
   * Ends an entity, from any node, at once: what waits in its mailbox is not handled by this life, and no
   * handler runs. `not-found` when it did not live. A later `spawn` begins a new one; so does the next
   * message to a kind with `activate: 'first-message'`.
   *
   * Guarantees: when it resolves, the end survives the loss of any one node, like every change.
   *
   * Errors: as `spawn`.
   */
  terminate<N extends string, I>(kind: Kind<N, I>, id: I): Promise<'stopped' | 'not-found'>
  /**
   * The entities of a kind that live anywhere in the cluster, page by page, in an order of its own. One that
   * lives from the first page to the last is listed exactly once, also when it moves meanwhile; what begins
   * or ends meanwhile may be in it or not.
   *
   * Errors: rejects with `AskFailed`: `UnknownKind`, `Unavailable` or `NodeStopped`. A member that does not
   * answer is no error: the page names it.
   *
   * @example
   * for (let after: string | undefined; ; ) {
   *   const page = await node.entities(party, after === undefined ? {} : { after })
   *   for (const { id, node } of page.entities) console.log(id, node)
   *   if (page.next === undefined) break
   *   after = page.next
   * }
   */
  entities<N extends string, I>(kind: Kind<N, I>, options?: ListOptions): Promise<EntitiesPage<I>>
  /** How many entities of a kind live, by node and in all. Errors: as `entities`. */
  count<N extends string, I>(
    kind: Kind<N, I>,
    options?: Pick<ListOptions, 'timeoutMs'>,
  ): Promise<EntitiesCount>
  /**
   * Tells what becomes of the entities of a kind on all nodes from now on: started, stopped, moved. Each
   * event at most once, those of one owner in order. Lost ones are noticed: then, and first of all, comes a
   * `resync`. What it costs the owners is one message per turn in which something begins or ends.
   */
  watchEntities<N extends string, I>(
    kind: Kind<N, I>,
    listener: (event: EntityEvent<I>) => void,
  ): Subscription
  /** The nodes of the cluster as this one sees them: members come and go by themselves. */
  members(): readonly MemberStatus[]
  /**
   * Resolves with the ready members when there are that many, this node counted.
   *
   * Errors: rejects with `StartFailed` (`StartTimeout`) when they are fewer after `timeoutMs`.
   */
  waitForMembers(count: number, options?: WaitForMembersOptions): Promise<readonly MemberStatus[]>
  /**
   * This node's own actor of that protocol. Throws `Misuse` (`KindNotInTree`) when the tree has none; once
   * the node has stopped, asks of what it gives reject with `NodeStopped`.
   */
  local<P extends AnyProtocol>(protocol: P): LocalRef<KindOf<P>>
  /** The same actor of another node, by `name#incarnation` or name: not with what never leaves a node. */
  remote<P extends AnyProtocol>(nodeId: string, protocol: P): Ref<KindOf<P>>
  /**
   * The one actor of that protocol in the cluster, which the trees of some nodes have as `singleton(…)`; it
   * runs on one of them. While it moves an ask waits for it, within its deadline; a tell may be lost.
   */
  singleton<P extends AnyProtocol>(protocol: P): Ref<KindOf<P>>
  /**
   * Starts one more actor of this node under `dynamic(under)` of the tree, with the restart type declared
   * there.
   *
   * Errors: rejects with `AskFailed`: `Overloaded` at the supervisor's `countMax`, `Crashed` when its init
   * throws, `NoRecipient` when it says `ignore`; with `Misuse` when `under` names no dynamic supervisor.
   */
  start<N extends string>(under: string, behavior: Startable<N>): Promise<LocalRef<N>>
  /**
   * A supervisor of this node's tree, by its id or, where several have that id, by its path such as
   * `root/matches`. Throws `Misuse` (`KindNotInTree`) when there is none, `NodeStopped` on one that stopped.
   */
  supervisor(idOrPath: string): LocalSupervisor
  publish<A, S extends TopicScope>(topic: Topic<string, A, S>, payload: NoInfer<A>): void
  /** The handler must not throw; it runs in order of publication, per publisher. */
  subscribe<A, S extends TopicScope>(topic: Topic<string, A, S>, handle: Listener<A, S>): Subscription
  /**
   * Tells what happens on this node from now on: crashes and restarts of actors, dead letters, full
   * mailboxes, who blocked the event loop and for how long, lost state. Each has a level and a sentence.
   * The listener must not throw.
   */
  listen(listener: (event: NodeEvent) => void): Subscription
  /**
   * Tells once when the present life of an actor of this node ends: crashed, stopped, or ended by its
   * supervisor. At once, with reason `noproc`, when nobody lives there. The listener must not throw.
   */
  monitor(ref: LocalRef<string>, listener: (down: Down) => void): Subscription
  /**
   * The same for what may live on another node: an entity (`node.ref`), or the actor of a node
   * (`node.remote`). An entity is followed through hand-overs and losses of its node; what is said is its
   * end: `normal` when it stopped, `noproc` when nobody lives there, `noconnection` when its state was lost
   * with its node. An actor of a node that goes away: `noconnection`; it may live. Of a singleton: the end of
   * its present life, also when it ends to begin elsewhere.
   *
   * Guarantees: one end per call; what the watched actor told this node before comes first. A lost frame
   * delays it by `monitorRenewMs`. Limits: `monitorsCountMax` on each side; beyond it `overloaded`.
   */
  monitor(ref: Ref<string>, listener: (down: FarDown) => void, options?: MonitorOptions): Subscription
  /**
   * The nact actor that the tree has as `adopt(id, …)`. Throws `Misuse` (`KindNotInTree`) when there is
   * none.
   */
  adopted(id: string): AdoptedRef
  /** Any nact actor of this process, by nact's own reference: told and asked, but not monitored. */
  nact(ref: object): NactRef
  /** What this node knows of itself and its cluster, as data. */
  status(): NodeStatus
  /** The supervision tree of this node, with what runs in it. */
  tree(): TreeNode
  /** Which node owns an entity and which mirror it, by this node's view. */
  where<P extends AnyProtocol>(protocol: P, id: IdOf<P>): Where
  /** Where a singleton runs. */
  where(protocol: { readonly kind: string; on(node: string): Address<string> }): Where
  /**
   * Moves every shard to the node that should own it by the members of now, one node after the other, within
   * the budget. Nothing is lost, and asks are answered meanwhile. Nothing moves while a member is suspected
   * or two releases are present: `left` says how much stayed.
   *
   * Errors: rejects with `AskFailed` (`NodeStopped`) on a node that is no member.
   */
  rebalance(options?: RebalanceOptions): Promise<RebalanceReport>
  /** Drains, hands over and leaves. Resolves when nothing of this node is left running. Idempotent. */
  stop(options?: StopOptions): Promise<void>
}

/**
 * What the handlers of a local actor are given: its own ref, its node, and what it can do beside its outcome.
 * It may wait and use refs. It is good for one life: what an earlier life of the actor left running cannot
 * link, monitor or set timers any more (`Misuse`).
 */
export interface Self<N extends string> extends LocalRef<N> {
  readonly node: TumenNode
  /** Milliseconds since 1970, when the message was taken. */
  readonly now: number
  /**
   * Milliseconds that whoever asked still waits for the answer, 0 or more; Infinity while a tell is
   * handled.
   */
  readonly remainingMs: number
  /** To itself. */
  tell(message: Tell<N, string, unknown, 'id' | 'node'>): void
  /**
   * In the name of this actor: what `ref.tell` does, and a mailbox that holds its senders holds this actor
   * also when the handler has waited before.
   */
  tell<M extends string>(to: LocalRef<M>, message: Tell<NoInfer<M>, string, unknown, 'id' | 'node'>): void
  tell<M extends string>(to: Ref<M>, message: Tell<NoInfer<M>, string, unknown, 'id'>): void
  /** Itself: only with an answer that nobody awaits in a handler. */
  ask<R, X>(message: Ask<N, string, unknown, R, X, 'id' | 'node'>, options?: AskOptions): Promise<R>
  /**
   * What `ref.ask` does, but never longer than the ask in hand: its deadline is carried on, so nobody works
   * for an asker who is gone.
   */
  ask<M extends string, R, X>(
    to: LocalRef<M>,
    message: Ask<NoInfer<M>, string, unknown, R, X, 'id' | 'node'>,
    options?: AskOptions,
  ): Promise<R>
  ask<M extends string, R, X>(
    to: Ref<M>,
    message: Ask<NoInfer<M>, string, unknown, R, X, 'id'>,
    options?: AskOptions,
  ): Promise<R>
  /** Does at once what an outcome would do after the handler: also in `init`, and after an await. */
  perform(...actions: readonly Action[]): void
  /**
   * Ties this life and that of another actor of this node together, both ways: when one ends, the other
   * gets an exit signal with its reason. At most one link per pair. When nobody lives there the signal
   * comes at once, with reason `noproc`.
   *
   * What a signal does: `normal` nothing; any other reason ends the actor with the same reason, without its
   * `onStop`, and its supervisor decides. An actor with `onExit` gets it as a message instead, in order
   * with those that the other told it before.
   */
  link(to: LocalRef<string>): void
  /** Not an error when there is no link. */
  unlink(from: LocalRef<string>): void
  /**
   * Sends an exit signal. `normal` does nothing to others, and ends the actor itself. `kill` cannot be
   * caught: it ends the actor also when it has an `onExit`; those linked to it get a signal with reason
   * `kill`, which they can catch.
   */
  exit(to: LocalRef<string>, reason: ExitReason): void
  /**
   * Tells this actor what `message` makes, once, when the present life of another actor of this node ends;
   * at once, with reason `noproc`, when nobody lives there. One way; each call is one more monitor. It ends
   * with the life that began it.
   */
  monitor(
    to: LocalRef<string>,
    message: (down: Down) => Tell<N, string, unknown, 'id' | 'node'>,
  ): Subscription
  /** The same for an entity or the actor of another node, see `node.monitor`. */
  monitor(
    to: Ref<string>,
    message: (down: FarDown) => Tell<N, string, unknown, 'id' | 'node'>,
    options?: MonitorOptions,
  ): Subscription
}

/** In the handler of an ask: also the ask itself, for an answer later. */
export type AskedSelf<N extends string, R, X> = Self<N> & { readonly asked: Asked<R, X> }
