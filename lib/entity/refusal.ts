/** What askers of an entity are told when there is no step, or one that failed. */
import type { Origin } from '../api/topic.js'
import { mergeTag } from '../available/protocol.js'
import { type AskError, causeAsText } from '../errors.js'
import { formatAddress, nodeId } from '../ids.js'
import type { Reached } from '../limits.js'
import type { AskEnvelope, TellEnvelope } from '../wire/envelope.js'
import { TooManyReminders } from './actions.js'
import type { Hosted, Running, Work } from './hosting.js'
import type { EntitiesOptions } from './options.js'
import { StateTooLarge, StepTooLarge } from './step.js'

export const addressOf = ({ kind, id }: Running): string => formatAddress(kind.kind, id)

/** Where it crashed, and on what. */
export const crashOf = (here: Origin, running: Running, work: Work, error: unknown): AskError => {
  const node = nodeId(here.node, here.incarnation)
  const message = work.type === 'mail' ? { message: work.envelope.tag } : {}
  const { type } = running.kind.source
  const isStateKept = type === 'mirrored' || type === 'persisted'
  return {
    tag: 'Crashed',
    address: addressOf(running),
    cause: causeAsText(error),
    node,
    ...message,
    isStateKept,
  }
}

/** Counts a crash that is a limit. */
export const noteLimit = (reached: Reached, error: unknown): void => {
  if (error instanceof TooManyReminders) reached.remindersCountMax++
  if (error instanceof StepTooLarge) reached.frameBytesMax++
  if (!(error instanceof StateTooLarge)) return
  if (error.isOwnLimit) reached.stateBytesMax++
  else reached.payloadBytesMax++
}

/** Too much waits for mirrors or stores, or the state was lost; null: the message is for a step. */
export const refusalOf = (
  options: Pick<EntitiesOptions, 'config' | 'reached' | 'keeping' | 'isLost'>,
  hosted: Hosted,
  running: Running,
  envelope: AskEnvelope | TellEnvelope,
): AskError | null => {
  const { shard, id, kind } = running
  const { copy } = shard
  const { heldOutputsCountMax } = options.config
  const isFull =
    copy === null ||
    copy.seq - copy.released >= heldOutputsCountMax ||
    (kind.reminders && options.keeping.isFull(shard))
  // What was taken before is answered from memory: to call it Overloaded would say that nothing was done.
  if (isFull && !(envelope.type === 'ask' && copy?.entities.get(id)?.replies.has(envelope.reqId))) {
    options.reached.heldOutputsCountMax++
    const address = addressOf(running)
    return { tag: 'Overloaded', address, mailboxCountMax: heldOutputsCountMax, retryAfterMs: 100 }
  }
  if (envelope.type !== 'ask' || envelope.tag === mergeTag || !options.isLost(shard)) return null
  // What has only a reminder was not live in this generation.
  if (hosted.toldOfLoss.has(id) || (copy?.entities.get(id)?.incarnation ?? 0) > 0) return null
  hosted.toldOfLoss.add(id)
  return { tag: 'StateLost', address: addressOf(running) }
}
