/** A whole copy as messages for a mirror, in parts that fit into frames. */
import { type Change, type EntityCopy, entityToWire } from '../entity/copy.js'
import type { Wire } from '../wire/envelope.js'
import { sizeOf } from '../wire/size.js'
import type { Fill } from './protocol.js'
import type { Copy } from './state.js'

/** How long a message to a mirror may be before it is cut, when frames are as long as that. */
export const partBytesOf = (frameBytesMax: number): number => Math.min(128 * 1024, frameBytesMax >> 1)

/** Whether a message to a mirror is so long that it is worth cutting. */
export const isLong = (body: Wire, partBytes: number): boolean => sizeOf(body) > partBytes

/** An entity as rows: the first has its state, and each has so much of what else is kept as fits into it. */
function* rowsOf(entity: EntityCopy, partBytes: number): Iterable<Wire> {
  let row = { replies: new Map(), timers: new Map(), outbox: new Map(), heard: new Map() }
  let state = entity.state
  let bytes = sizeOf(state)
  let isEmpty = false
  const parts = [
    [entity.replies, 'replies'],
    [entity.timers, 'timers'],
    [entity.outbox, 'outbox'],
    [entity.heard, 'heard'],
  ] as const
  for (const [part, name] of parts)
    for (const [key, kept] of part) {
      row[name].set(key, kept)
      isEmpty = false
      bytes += sizeOf(kept as unknown as Wire)
      if (bytes <= partBytes) continue
      yield entityToWire({ ...entity, ...row, state })
      row = { replies: new Map(), timers: new Map(), outbox: new Map(), heard: new Map() }
      state = undefined
      bytes = 0
      isEmpty = true
    }
  if (!isEmpty) yield entityToWire({ ...entity, ...row, state })
}

interface Part {
  readonly entities: Wire[]
  readonly log: Change[]
  bytes: number
}

export const fillOf = (
  copy: Copy,
  head: { readonly epoch: number; readonly session: number; readonly t0: number },
  partBytes: number,
): readonly Fill[] => {
  const parts: Part[] = []
  const roomFor = (bytes: number): Part => {
    const last = parts.at(-1)
    const part =
      last === undefined || (last.bytes > 0 && last.bytes + bytes > partBytes)
        ? { entities: [], log: [], bytes: 0 }
        : last
    if (part !== last) parts.push(part)
    part.bytes += bytes
    return part
  }
  roomFor(0)
  for (const entity of copy.entities.values())
    for (const row of rowsOf(entity, partBytes)) roomFor(sizeOf(row)).entities.push(row)
  const { released, seq, gen, isWhole } = copy
  for (const change of copy.log)
    if (change.seq > released) roomFor(sizeOf(change as unknown as Wire)).log.push(change)
  return parts.map(({ entities, log }, part) => {
    const isLast = part === parts.length - 1
    const whole = isWhole === true ? { isWhole } : {}
    return { ...head, released, seq, gen, part, isLast, ...whole, entities, log }
  })
}
