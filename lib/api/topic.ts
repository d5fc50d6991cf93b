/** Topics: what is published to many, and which nodes act on it. */
import { isName } from '../ids.js'
import type { types } from './brand.js'
import { Misuse, notDeclared } from './misuse.js'
import { anyCodec, type AnyCodec } from './spec.js'
import { checkTravels, type WireCodec } from './wire.js'

/** `cluster`: every node acts. `origin`: travels with the node it came from. `node`: never leaves. */
export type TopicScope = 'cluster' | 'origin' | 'node'

/** Where something happened. */
export interface Origin {
  readonly node: string
  readonly incarnation: number
  /** True on the node where it happened: act here, and it is acted upon once. */
  readonly isHere: boolean
}

export interface Topic<N extends string, A, S extends TopicScope> {
  readonly name: N
  readonly scope: S
  readonly [types]: (payload: A) => A
}

/**
 * What a subscriber gets: only `origin` topics say where it happened, so only they can be acted upon once.
 */
export type Listener<A, C extends TopicScope> = C extends 'origin'
  ? (event: A, from: Origin) => void
  : (event: A) => void

/** A topic at run time. */
export interface TopicData {
  readonly name: string
  readonly scope: TopicScope
  /** Absent when it never leaves the node. */
  readonly codec: AnyCodec | undefined
}

/** Throws `Misuse` for what `topic` did not make. */
export const topicData = (topic: object): TopicData => {
  if (made.has(topic)) return topic as TopicData
  throw notDeclared('a topic made by topic.cluster, topic.origin or topic.node')
}
const made = new WeakSet<object>()

const declared = <A>(name: string, scope: TopicScope, codec?: WireCodec<A>): object => {
  if (!isName(name)) {
    throw new Misuse(
      'InvalidDeclaration',
      `topic ${JSON.stringify(name)}: the name is 1 to 63 letters, digits, "-" and "_".`,
    )
  }
  if (scope !== 'node') checkTravels(codec, `topic ${name}`)
  const data: TopicData = { name, scope, codec: codec === undefined ? undefined : anyCodec(codec) }
  made.add(data)
  return Object.freeze(data)
}

/**
 * Declares a topic. Publishing is at most once per subscriber and in order per publisher; a topic of a name
 * must be declared alike on all nodes.
 */
export const topic = {
  /** Every node that subscribes acts. */
  cluster: <const N extends string, A>(name: N, payload: WireCodec<A>): Topic<N, A, 'cluster'> =>
    declared(name, 'cluster', payload) as Topic<N, A, 'cluster'>,
  /** Every subscriber hears it and is told where it happened, so that one node acts. */
  origin: <const N extends string, A>(name: N, payload: WireCodec<A>): Topic<N, A, 'origin'> =>
    declared(name, 'origin', payload) as Topic<N, A, 'origin'>,
  /** Never leaves the node, so it may carry sockets and functions, and needs no codec. */
  node: <A>(name: string): Topic<string, A, 'node'> => declared(name, 'node') as Topic<string, A, 'node'>,
}
