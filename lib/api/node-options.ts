/** What a node is started with. */
import type { ConfigInput } from '../config.js'
import type { PersistenceEngine, SnapshotStore } from '../persistence/protocol.js'
import type { Tracing } from '../observe/tracing.js'
import type { Clock } from '../std/clock.js'
import type { Random } from '../std/random.js'
import type { Transport } from '../transport/transport.js'
import type { ChildSpec } from './child-data.js'

export interface NodeOptions {
  /** Nodes of one cluster find each other; 1 … 63 letters, digits, `-` and `_`. */
  readonly cluster: string
  /** Stays the same over restarts; a fresh one when left out. */
  readonly name?: string
  /** Default: `memory()`, which joins the nodes of this process. */
  readonly transport?: Transport
  /** For placement by role. */
  readonly roles?: readonly string[]
  /**
   * The share of entities that this node takes beside the others, above 0: 2 takes twice as many as 1, the
   * default. For kinds placed by `placement.weighted`.
   */
  readonly weight?: number
  readonly tree: ChildSpec
  /**
   * Where the journals of persisted kinds are kept: `memoryEngine()`, `jetStreamEngine(…)` of tumen/nats, or
   * an engine made for nact. The same for all nodes. Whoever opened it closes it, after the node has stopped.
   */
  readonly persistence?: PersistenceEngine
  /** Where kinds with `snapshotOnLeave` leave their state, such as `snapshotFiles(directory)`. */
  readonly snapshots?: SnapshotStore
  /** Every knob, each with its default; an unknown or impossible one is `InvalidConfig`. */
  readonly config?: ConfigInput
  /** Carries the context of senders to the handlers of this node's actors, such as `otelTracing(api)`. */
  readonly tracing?: Tracing
  /** For tests: the time of this node. Default: the system's. */
  readonly clock?: Clock
  /** For tests: the chance of this node. Default: the system's. */
  readonly random?: Random
}
