/** This incarnation as the origin of what it says. */
import * as E from 'fp-ts/lib/Either.js'
import type { Origin } from '../api/topic.js'
import { type NodeId, parseNodeId } from '../ids.js'

export const hereOf = (me: NodeId): Origin => {
  const parts = parseNodeId(me)
  const { name, incarnation } = E.isRight(parts) ? parts.right : { name: me, incarnation: 0 }
  return { node: name, incarnation, isHere: true }
}
