/** What another node says of a shard, given to the step that it is for. */
import type { NodeId } from '../ids.js'
import { onAppend, onDrop, onFill } from './mirror.js'
import { onAck, onRefuse } from './owner.js'
import type { MirrorMessage } from './protocol.js'
import type { Shard, StepContext } from './state.js'

export const heard = (shard: Shard, from: NodeId, message: MirrorMessage, context: StepContext): void => {
  switch (message.verb) {
    case 'append':
      return onAppend(shard, from, message, context)
    case 'fill':
      return onFill(shard, from, message, context)
    case 'ack':
      return onAck(shard, from, message, context)
    case 'refuse':
      return onRefuse(shard, from, message, context)
    case 'drop':
      return onDrop(shard, message)
  }
}
