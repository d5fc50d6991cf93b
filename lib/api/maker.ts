/** The constructors on a protocol: the hot path of every send, and how the runtime recognises one. */
import { freezing } from './diagnostics.js'
import { foreignMessage } from './misuse.js'
import type { MessageSpecData } from './spec.js'

/** Where a message keeps how it is encoded. */
export const specOfMessage: unique symbol = Symbol('spec')

/** A message at run time: one hidden class for all kinds, so that the dispatcher stays monomorphic. */
export interface MessageData {
  readonly kind: string
  readonly tag: string
  readonly payload: unknown
  readonly [specOfMessage]: MessageSpecData
}

export interface Made {
  readonly kind: string
  readonly tag: string
  readonly spec: MessageSpecData
}
const makers = new WeakMap<object, Made>()

export const maker = (made: Made): ((payload?: unknown) => MessageData) => {
  const { kind, tag, spec } = made
  const make = (payload?: unknown): MessageData => {
    const message = { kind, tag, payload, [specOfMessage]: spec }
    return freezing.on ? freezing.deep(message) : message
  }
  Object.defineProperty(make, 'name', { value: `${kind}.${tag}` })
  makers.set(make, made)
  return make
}

/** What a constructor makes; undefined for anything that is not one. */
export const madeBy = (make: unknown): Made | undefined =>
  typeof make === 'function' ? makers.get(make) : undefined

/** How this message is encoded. Throws `Misuse` for a literal or a copy that no constructor made. */
export const specIn = (message: MessageData): MessageSpecData => {
  const spec = (message as Partial<MessageData>)[specOfMessage]
  if (spec !== undefined) return spec
  throw foreignMessage(`${String(message.kind)}.${String(message.tag)}`)
}
