/** Open asks as data, and which tells are new. */
import type { Position } from '../wire/envelope.js'
import type { Heard } from './copy.js'
import type { Asker } from './protocol.js'

/**
 * What `at.asked` holds: who asked what, as one string that survives a failover. Made when it is looked at,
 * because most asks are answered at once.
 */
export const openAsk = (asker: Asker, tag: string): { readonly asked: string } => ({
  get asked() {
    return JSON.stringify([asker.node, asker.ask, asker.reqId, tag, asker.floor ?? -1])
  },
})

export interface OpenAsk {
  readonly asker: Asker
  readonly tag: string
}
export const parseAsked = (asked: string): OpenAsk => {
  const [node, ask, reqId, tag, floor] = JSON.parse(asked) as [string, number, string, string, number]
  return { asker: { node, ask, reqId, ...(floor < 0 ? {} : { floor }) }, tag }
}

/** Positions grow by generation, then change, then output; a lower epoch is a former owner speaking. */
export const isNewer = (last: Heard | undefined, position: Position): boolean => {
  if (last === undefined) return true
  const [gen, seq, part, epoch] = last
  if (position.gen !== gen) return position.gen > gen
  if (position.epoch < epoch) return false
  return position.seq !== seq ? position.seq > seq : position.part > part
}

/**
 * Of a position that is not newer: whether it is one that was heard before. Else it was overtaken by a newer
 * one on its way, and what it carries is lost.
 */
export const isRepeated = (last: Heard | undefined, position: Position): boolean => {
  if (last === undefined || position.gen !== last[0]) return false
  const [, seq, part, epoch] = last
  // A later owner says again what it does not know to have left: all of that is older than the takeover.
  return position.epoch > epoch || (position.seq === seq && position.part === part)
}
