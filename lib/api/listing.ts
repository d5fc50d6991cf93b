/** What a node tells of the entities of the whole cluster, and of its members. */

export interface ListOptions {
  /** Entities of one page: 1 … 1,000, default 100. */
  readonly limit?: number
  /** The `next` of the page before. Default: from the beginning. */
  readonly after?: string
  /** Milliseconds that every member has to answer: default `askTimeoutMs`. */
  readonly timeoutMs?: number
}

export interface EntityPlace<I> {
  readonly id: I
  /** The node that owns it: `name#incarnation`. */
  readonly node: string
}

export interface EntitiesPage<I> {
  readonly entities: readonly EntityPlace<I>[]
  /** For `after` of the next page; absent on the last one. */
  readonly next?: string
  /**
   * Nodes whose entities may be missing here: they did not answer in time, or what they owned has no owner
   * at the moment. Empty: the page is complete.
   */
  readonly unanswered: readonly string[]
}

export interface EntitiesCount {
  readonly total: number
  /** By `name#incarnation`, also those that own none. */
  readonly byNode: Readonly<Record<string, number>>
  /** Nodes whose entities may be missing, as in a page. */
  readonly unanswered: readonly string[]
}

/**
 * What became of an entity anywhere in the cluster. `moved`: it lives on `node` from now on. `resync`: what
 * was told before may have gaps; whoever keeps a list reads it again with `node.entities`.
 */
export type EntityEvent<I> =
  | { readonly type: 'started' | 'stopped' | 'moved'; readonly id: I; readonly node: string }
  | {
      readonly type: 'resync'
      /**
       * `begun`: from here on everything is told. `gap`: events of `node` were lost. `joined`, `left`: it is,
       * or is no longer, one of those that tell. `state-lost`: every copy of some was gone.
       */
      readonly reason: 'begun' | 'gap' | 'joined' | 'left' | 'state-lost'
      readonly node?: string
    }

export interface WaitForMembersOptions {
  /** Milliseconds until it rejects with `StartFailed` (`StartTimeout`). Default 60,000. */
  readonly timeoutMs?: number
  /** Counts only members with this role. */
  readonly role?: string
}
