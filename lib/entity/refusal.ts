/** What an asker gets in place of an answer. */
import type { AskError } from '../errors.js'
import { formatAddress } from '../ids.js'
import type { AskEnvelope, TellEnvelope } from '../wire/envelope.js'
import type { Hosted } from './hosting.js'
import type { EntitiesOptions } from './options.js'

/** What is answered without a step: too much waits for mirrors or a store, or the state was lost. */
export const refusalOf = (
  { config, reached, isLost }: Pick<EntitiesOptions, 'config' | 'reached' | 'isLost'>,
  { shard, toldOfLoss }: Hosted,
  envelope: AskEnvelope | TellEnvelope,
): AskError | null => {
  const { copy } = shard
  const { kind, id } = envelope
  const { heldOutputsCountMax } = config
  const isFull = copy === null || copy.seq - copy.released >= heldOutputsCountMax
  // What was taken before is answered from memory: to call it Overloaded would say that nothing was done.
  if (isFull && !(envelope.type === 'ask' && copy?.entities.get(id)?.replies.has(envelope.reqId))) {
    reached.heldOutputsCountMax++
    const address = formatAddress(kind, id)
    return { tag: 'Overloaded', address, mailboxCountMax: heldOutputsCountMax, retryAfterMs: 100 }
  }
  if (envelope.type !== 'ask' || !isLost(shard)) return null
  if (toldOfLoss.has(id) || copy.entities.has(id)) return null
  toldOfLoss.add(id)
  return { tag: 'StateLost', address: formatAddress(kind, id) }
}
