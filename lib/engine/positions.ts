/** Lets each output of a mirrored entity through once per receiver of this node. */
import { isNewer } from '../entity/asked.js'
import type { Heard } from '../entity/copy.js'
import type { Position } from '../wire/envelope.js'

/**
 * True when it is new for that receiver. Remembers at most `countMax` pairs of receiver and sending shard.
 */
export const positionFilter = (
  countMax: number,
): ((receiver: string, from: Position | undefined) => boolean) => {
  const last = new Map<string, Heard>()
  return (receiver, from) => {
    if (from === undefined) return true
    const key = `${receiver} ${from.shard}`
    if (!isNewer(last.get(key), from)) return false
    last.delete(key)
    last.set(key, [from.gen, from.seq, from.part, from.epoch])
    if (last.size > countMax) {
      const oldest = last.keys().next()
      if (!oldest.done) last.delete(oldest.value)
    }
    return true
  }
}
