/** A whole copy as messages for a mirror, in parts that fit into frames. */
import { entityToWire } from '../entity/copy.js'
import type { Wire } from '../wire/envelope.js'
import { sizeOf } from '../wire/size.js'
import type { Fill } from './protocol.js'
import type { Copy } from './state.js'

const partBytesMax = 128 * 1024

export const fillOf = (copy: Copy, head: { epoch: number; session: number; t0: number }): readonly Fill[] => {
  const parts: Wire[][] = [[]]
  let bytes = 0
  for (const entity of copy.entities.values()) {
    const wire = entityToWire(entity)
    bytes += sizeOf(wire)
    parts[parts.length - 1]?.push(wire)
    if (bytes <= partBytesMax) continue
    parts.push([])
    bytes = 0
  }
  const { released, seq, gen } = copy
  return parts.map((entities, part) => {
    const isLast = part === parts.length - 1
    const log = isLast ? copy.log.filter((change) => change.seq > released) : []
    return { ...head, released, seq, gen, part, isLast, entities, log }
  })
}
