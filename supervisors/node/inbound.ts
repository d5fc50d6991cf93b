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
import type { AskError } from '../../lib/errors.js'
import { formatAddress } from '../../lib/ids.js'
import type { LocalActor } from '../../lib/kernel/local-actor.js'
import type { AskEnvelope, TellEnvelope } from '../../lib/wire/envelope.js'

/** The actors of this node, as messages from outside find them. */
export interface Receivers {
  readonly name: string
  readonly node: { readonly id: string }
  readonly tree: { local(kind: string): LocalActor | undefined }
  readonly singletons: { has(kind: string): boolean }
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
    answer('error', absent(parts, kind))
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
      fail: (error) => {
        // It ended with this in its mailbox: it is begun again, here or elsewhere.
        if (error.tag === 'NoRecipient') answer('error', absent(parts, kind))
        else
          answer('error', error.tag === 'Crashed' ? { ...error, node: parts.node.id, message: tag } : error)
      },
    },
    envelope.remainingMs,
    envelope.reqId,
  )
}

const absentMs = 100
/** Nobody of that kind is here: nobody at all, or a singleton that begins here or elsewhere soon. */
const absent = ({ singletons, name }: Receivers, kind: string): AskError => {
  const address = formatAddress(kind, name)
  return singletons.has(kind)
    ? { tag: 'Unavailable', address, retryAfterMs: absentMs }
    : { tag: 'NoRecipient', address }
}
