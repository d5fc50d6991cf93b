/**
 * The port to the world between nodes. A transport gives frames between incarnations, and the record store.
 * Three adapters: memory (`memory.ts`), NATS (`nats.ts`), and faulty (`faulty.ts`), which wraps either.
 *
 * Promises to the layers above: frames between one pair of incarnations on one lane arrive in the order they
 * were sent, at most once, or not at all. A frame for an incarnation that is gone reaches nobody.
 * No promise about anything sent while the status is not `up`: callers do not send then.
 */
import type { NodeId } from '../ids.js'
import type { Records } from '../records/records.js'

export type LinkStatus = 'up' | 'down' | 'closed'

/** `data` carries messages, `control` leases and probes, so that a lease never waits behind bulk. */
export type Lane = 'data' | 'control'

/** What a probe found: the incarnation answered, nobody listens at its inbox, or nothing came in time. */
export type ProbeAnswer = 'answered' | 'no-responders' | 'silent'

export interface Inbox {
  /** Frames for this incarnation. The bytes belong to the receiver only during the call. */
  readonly onFrame: (frame: Uint8Array, lane: Lane) => void
}

/** What a transport found when it connected; the launcher prints it and the node checks it. */
export interface TransportFacts {
  /** For people, such as `nats-server 2.9.10 at nats://127.0.0.1:4222, 1 replica`. */
  readonly summary: string
  readonly frameBytesMax: number
  /** Copies of each record. */
  readonly replicas: number
}

/** One node's open connection to its cluster. */
export interface Session {
  readonly facts: TransportFacts
  readonly records: Records
  status(): LinkStatus
  onStatus(listener: (status: LinkStatus) => void): () => void
  /**
   * From now on frames for `node` come to `inbox`. Called once per incarnation; `done` runs when others can
   * reach it.
   */
  listen(node: NodeId, inbox: Inbox, done: () => void): void
  /** Takes the bytes as they are now: the caller must not change them afterwards. */
  send(to: NodeId, lane: Lane, frame: Uint8Array): void
  probe(to: NodeId, timeoutMs: number, done: (answer: ProbeAnswer) => void): void
  /**
   * The server says that the connection of the node of that name ended; `isSudden`: from the node's side.
   * Absent where nobody tells. It is a hint: the node may have connected again.
   */
  onDisconnected?(listener: (nodeName: string, isSudden: boolean) => void): () => void
  /** Finishes what was sent, then leaves nothing open. */
  close(): Promise<void>
}

export interface OpenOptions {
  readonly cluster: string
  /** For the server's own lists of connections. */
  readonly nodeName: string
  readonly clock: import('../std/clock.js').Clock
  readonly random: import('../std/random.js').Random
}

export interface Transport {
  /** `memory`, `nats`, … */
  readonly name: string
  /** Rejects with a `StartFailed` whose sentence says what is wrong and what to do. */
  open(options: OpenOptions): Promise<Session>
}
