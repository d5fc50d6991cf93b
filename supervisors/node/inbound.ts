/** Messages from other nodes for this node's own actors: decoded at the door, answered in their codecs. */
import * as E from 'fp-ts/lib/Either.js'
import {
  decodePayload,
  encodeRefusal,
  encodeReply,
  type MessageData,
  specOf,
  specOfMessage,
} from '../../lib/api/internal.js'
import type { LocalAnswer } from '../../lib/engine/options.js'
import { formatAddress } from '../../lib/ids.js'
import type { LocalActor } from '../../lib/kernel/local-actor.js'
import type { AskEnvelope, TellEnvelope } from '../../lib/wire/envelope.js'

/** The actors of this node, as messages from outside find them. */
export interface Receivers {
  readonly name: string
  readonly node: { readonly id: string }
  readonly tree: { local(kind: string): LocalActor | undefined }
  bury(kind: string, id: string, message: unknown): void
}

export const deliverLocal = (
  parts: Receivers,
  envelope: AskEnvelope | TellEnvelope,
  answer: LocalAnswer,
): void => {
  const { kind, tag } = envelope
  const actor = parts.tree.local(kind)
  if (actor === undefined) {
    if (envelope.type === 'tell') parts.bury(kind, parts.name, envelope)
    answer('error', { tag: 'NoRecipient', address: formatAddress(kind, parts.name) })
    return
  }
  const spec = specOf(actor.behavior.protocol, tag)
  const isRight =
    spec !== undefined && spec.reach === 'id' && (spec.form === 'tell') === (envelope.type === 'tell')
  const payload = isRight ? decodePayload(spec, envelope.payload) : E.left([`no such message ${tag}`])
  if (E.isLeft(payload) || spec === undefined) {
    if (envelope.type === 'tell') parts.bury(kind, parts.name, envelope)
    const address = formatAddress(kind, parts.name)
    answer('error', { tag: 'Malformed', address, complaints: E.isLeft(payload) ? payload.left : [] })
    return
  }
  const message: MessageData = { kind, tag, payload: payload.right, [specOfMessage]: spec }
  if (envelope.type === 'tell') {
    actor.ref.tell(message)
    return
  }
  actor.ask(
    message,
    {
      reply: (value) => answer('reply', encodeReply(spec, value)),
      refuse: (refusal) => answer('refusal', encodeRefusal(spec, refusal)),
      fail: (error) =>
        answer('error', error.tag === 'Crashed' ? { ...error, node: parts.node.id, message: tag } : error),
    },
    envelope.remainingMs,
    envelope.reqId,
  )
}
