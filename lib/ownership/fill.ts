/** A whole copy as messages for a mirror, in parts that fit into frames. */
import { type Change, type EntityCopy, entityToWire, type Remembered } from '../entity/copy.js'
import type { Wire } from '../wire/envelope.js'
import { sizeOf } from '../wire/size.js'
import type { Fill } from './protocol.js'
import type { Copy } from './state.js'

/** How long a message to a mirror may be before it is cut, when frames are as long as that. */
export const partBytesOf = (frameBytesMax: number): number => Math.min(128 * 1024, frameBytesMax >> 1)

/** Whether a message to a mirror is so long that it is worth cutting. */
export const isLong = (body: Wire, partBytes: number): boolean => sizeOf(body) > partBytes

/** An entity as rows: the first has all but the answers that are too many for it, the others more answers. */
function* rowsOf(entity: EntityCopy, partBytes: number): Iterable<Wire> {
  let replies = new Map<string, Remembered>()
  let bytes = 0
  let isFirst = true
  const row = (): Wire => {
    const begun = { ...entity, replies }
    const rest = { state: undefined, timers: new Map(), outbox: new Map(), heard: new Map() }
    return entityToWire(isFirst ? begun : { ...begun, ...rest })
  }
  for (const [reqId, kept] of entity.replies) {
    replies.set(reqId, kept)
    bytes += sizeOf(kept.payload)
    if (bytes <= partBytes) continue
    yield row()
    isFirst = false
    replies = new Map()
    bytes = 0
  }
  if (isFirst || replies.size > 0) yield row()
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
