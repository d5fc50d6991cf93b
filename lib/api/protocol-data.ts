/** What the runtime knows of a declared protocol. */
import { notDeclared, twoProtocols } from './misuse.js'
import type { AnyCodec, MessageSpecData } from './spec.js'

export interface ProtocolData {
  readonly kind: string
  /** `id`: entities of the cluster. `node`: one actor per node. */
  readonly scope: 'id' | 'node'
  readonly id: AnyCodec | undefined
  readonly specs: ReadonlyMap<string, MessageSpecData>
  /** For an inner protocol: the one it belongs to. */
  readonly outer: ProtocolData | undefined
}

const registered = new WeakMap<object, ProtocolData>()

export const register = (protocol: object, data: ProtocolData): void => {
  registered.set(protocol, data)
}

/** Throws `Misuse` for what `protocol`, `nodeProtocol` or `inner` did not make. */
export const dataOf = (protocol: object): ProtocolData => {
  const data = registered.get(protocol)
  if (data !== undefined) return data
  throw notDeclared('a protocol made by protocol(…) or nodeProtocol(…)')
}

/** How one message is encoded and where it may go; undefined when the protocol has no such message. */
export const specOf = (protocol: object, tag: string): MessageSpecData | undefined =>
  dataOf(protocol).specs.get(tag)

/** Throws `Misuse` when two different protocols of one tree have one name. */
export const checkOneProtocolPerName = (protocols: Iterable<object>): void => {
  const byName = new Map<string, ProtocolData>()
  for (const protocol of protocols) {
    const data = dataOf(protocol)
    const other = byName.get(data.kind)
    if (other !== undefined && other !== data) throw twoProtocols(data.kind)
    byName.set(data.kind, data)
  }
}
