import type { AddressData, MessageData, TopicData } from '../api/internal.js'
import type { TumenNode } from '../api/node-types.js'
import type { Origin } from '../api/topic.js'

/** What leaves an actor of this node. The node gives it to the actors that it starts. */
export interface Outside {
  /** The node as handlers see it. */
  readonly node: TumenNode
  /** Sends to an entity or to an actor of some node, this one included. Never throws. */
  tell(to: AddressData, message: MessageData): void
  publish(topic: TopicData, payload: unknown): void
  /** `from` is given for topics of scope `origin`. Returns how to unsubscribe. */
  subscribe(topic: TopicData, listener: (event: unknown, from: Origin | undefined) => void): () => void
}
