/** Lets each output of a mirrored entity through once per receiver of this node. */
import { isNewer, isRepeated } from '../entity/asked.js'
import type { Heard } from '../entity/copy.js'
import type { Position } from '../wire/envelope.js'

/** `known`: heard before. `overtaken`: a newer one came before it, so it is lost. */
export type Novelty = 'new' | 'known' | 'overtaken'

/** Remembers at most `countMax` pairs of receiver and sending shard. */
export const positionFilter = (
  countMax: number,
): ((receiver: string, from: Position | undefined) => Novelty) => {
  const last = new Map<string, Heard>()
  return (receiver, from) => {
    if (from === undefined) return 'new'
    const key = `${receiver} ${from.shard}`
    const before = last.get(key)
    if (!isNewer(before, from)) return isRepeated(before, from) ? 'known' : 'overtaken'
    last.delete(key)
    last.set(key, [from.gen, from.seq, from.part, from.epoch])
    if (last.size > countMax) {
      const oldest = last.keys().next()
      if (!oldest.done) last.delete(oldest.value)
    }
    return 'new'
  }
}
