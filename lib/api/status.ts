/** What a node tells about itself, as data that the launcher only prints. */

export interface MemberStatus {
  /** `name#incarnation`. */
  readonly node: string
  readonly status: 'joining' | 'ready' | 'leaving' | 'suspect' | 'dead'
  readonly roles: readonly string[]
  /** Of tumen, such as `0.2.0`. */
  readonly release: string
}

export interface KindStatus {
  readonly kind: string
  readonly consistency: 'strict' | 'available'
  /** Entities that live here, also those that nobody has spoken to since this node took them over. */
  readonly entities: number
  /** Shards of this kind that this node owns, and those it mirrors. */
  readonly shardsOwned: number
  readonly shardsMirrored: number
}

export interface SingletonStatus {
  readonly kind: string
  /** Whose record it is; absent while nobody's, as far as this node knows. */
  readonly owner?: string
  /** It runs on this node. */
  readonly isHere: boolean
}

export interface NodeStatus {
  readonly node: string
  readonly cluster: string
  readonly status: 'joining' | 'ready' | 'leaving' | 'frozen' | 'stopped'
  /** The transport's own summary, such as `nats-server 2.9.10 at nats://127.0.0.1:4222, 1 replica`. */
  readonly transport: string
  readonly viewVersion: number
  readonly members: readonly MemberStatus[]
  readonly kinds: readonly KindStatus[]
  /** Those in this node's tree. */
  readonly singletons: readonly SingletonStatus[]
  /** Every counter of this node by name; names end in `_total`, `_bytes` or `_count`. */
  readonly counters: Readonly<Record<string, number>>
}

export interface TreeNode {
  readonly id: string
  readonly type: 'supervisor' | 'worker' | 'entities' | 'dynamic' | 'singleton'
  readonly status: 'starting' | 'running' | 'restarting' | 'stopped'
  /** How often it was restarted in this life of the node. */
  readonly restarts: number
  /** For `entities`, `dynamic` and `singleton`: how many run here. */
  readonly count?: number
  readonly strategy?: string
  readonly children: readonly TreeNode[]
}

export interface Where {
  readonly kind: string
  readonly id: string
  readonly shard: string
  /** Absent while nobody owns the shard, as far as this node knows. */
  readonly owner?: string
  readonly epoch: number
  readonly mirrors: readonly string[]
  readonly isHere: boolean
}
