/** Publications on one node: who listens to what, and what leaves the node. */
import * as E from 'fp-ts/lib/Either.js'
import type { TopicData } from '../api/topic.js'
import type { Origin } from '../api/topic.js'
import { complaintsOf } from '../api/complaints.js'
import type { Wire } from '../wire/envelope.js'

export type TopicListener = (event: unknown, from: Origin | undefined) => void

export interface PubSubOptions {
  /** To every node of the cluster, this one included; false when it could not leave. */
  broadcast(topic: string, payload: Wire): boolean
  /** A publication that does not fit its topic's codec, in words. */
  malformed(topic: string, complaints: readonly string[]): void
}

export interface PubSub {
  publish(topic: TopicData, payload: unknown): void
  subscribe(topic: TopicData, listener: TopicListener): () => void
  /** From a node of the cluster, this one included. */
  arrived(topic: string, payload: Wire, origin: Origin): void
}

interface Subscription {
  readonly topic: TopicData
  readonly listener: TopicListener
}

export const createPubSub = (options: PubSubOptions): PubSub => {
  const byName = new Map<string, Set<Subscription>>()

  const fanOut = (name: string, call: (subscription: Subscription) => void): void => {
    const known = byName.get(name)
    // One listener may end another's subscription.
    for (const subscription of [...(known ?? [])]) if (known?.has(subscription)) call(subscription)
  }
  return {
    publish: (topic, payload) => {
      const { name, scope, codec } = topic
      if (scope === 'node' || codec === undefined)
        fanOut(name, ({ listener }) => listener(payload, undefined))
      else if (!codec.is(payload)) options.malformed(name, ['the payload is not what the topic declares'])
      else options.broadcast(name, codec.encode(payload))
    },
    subscribe: (topic, listener) => {
      const subscription = { topic, listener }
      const known = byName.get(topic.name) ?? new Set()
      byName.set(topic.name, known.add(subscription))
      return () => {
        known.delete(subscription)
        if (known.size === 0 && byName.get(topic.name) === known) byName.delete(topic.name)
      }
    },
    arrived: (name, payload, origin) => {
      fanOut(name, ({ topic, listener }) => {
        if (topic.codec === undefined) return
        const event = topic.codec.decode(payload)
        if (E.isLeft(event)) options.malformed(name, complaintsOf(event.left))
        else listener(event.right, topic.scope === 'origin' ? origin : undefined)
      })
    },
  }
}
