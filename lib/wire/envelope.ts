/** What travels between nodes, before it is bytes. `frame.ts` turns envelopes into frames and back. */
import type { NodeId, ShardId } from '../ids.js'

/** What can travel: JSON values, byte arrays and undefined. */
export type Wire =
  | undefined
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | readonly Wire[]
  | { readonly [key: string]: Wire }

/**
 * Where an output of a mirrored entity stands in the history of its shard. Receivers of tells remember the
 * last one per sending shard and ignore what is not newer.
 */
export interface Position {
  readonly shard: ShardId
  readonly gen: number
  readonly seq: number
  /** Which output of that change, from 0. */
  readonly part: number
  readonly epoch: number
}

interface Addressed {
  readonly kind: string
  /** Empty for the node's own actor of that kind. */
  readonly id: string
  readonly tag: string
  readonly payload: Wire
  /** How often it was passed on: a node that is not the owner forwards once. */
  readonly hops: number
}
export interface TellEnvelope extends Addressed {
  readonly type: 'tell'
  readonly from?: Position | undefined
}
export interface AskEnvelope extends Addressed {
  readonly type: 'ask'
  readonly asker: NodeId
  /** Number of the ask at its asker; the answer carries it. */
  readonly ask: number
  readonly reqId: string
  /** What is left of the deadline when this is sent. */
  readonly remainingMs: number
  /** For commands: the sender's lowest number that is still unanswered, else absent. */
  readonly floor?: number
}
export interface AnswerEnvelope {
  readonly type: 'answer'
  readonly ask: number
  readonly outcome: 'reply' | 'refusal' | 'error'
  /** The encoded reply or refusal; for an error a tagged record, see `routing/protocol.ts`. */
  readonly payload: Wire
}
export interface PublishEnvelope {
  readonly type: 'publish'
  readonly topic: string
  readonly payload: Wire
  readonly from?: Position | undefined
}
/** Between the owner of a shard and its mirrors; `body` is defined in `ownership/protocol.ts`. */
export interface MirrorEnvelope {
  readonly type: 'mirror'
  readonly shard: ShardId
  readonly verb: 'append' | 'fill' | 'ack' | 'refuse' | 'drop'
  readonly body: Wire
}
/** Everything else that nodes say to each other: spawn, status, … `verb` names it. */
export interface ControlEnvelope {
  readonly type: 'control'
  readonly verb: string
  readonly body: Wire
}

export type Envelope =
  | TellEnvelope
  | AskEnvelope
  | AnswerEnvelope
  | PublishEnvelope
  | MirrorEnvelope
  | ControlEnvelope
