/** What an engine sends: answers, tells, publications and asks, and what becomes of what cannot leave. */
import type { Config } from '../config.js'
import type { Output } from '../entity/copy.js'
import { type AskError, encodeAskError } from '../errors.js'
import { formatAddress, type NodeId } from '../ids.js'
import type { Links } from '../links/links.js'
import type { Membership } from '../membership/membership.js'
import type { Shard } from '../ownership/state.js'
import type { PendingAsk } from '../routing/asks.js'
import type { Router } from '../routing/router.js'
import type {
  AskEnvelope,
  Envelope,
  Position,
  PublishEnvelope,
  TellEnvelope,
  Wire,
} from '../wire/envelope.js'
import type { EngineCounts, EngineEvents } from './options.js'

export interface OutgoingOptions {
  readonly config: Config
  readonly counts: EngineCounts
  readonly on: Pick<EngineEvents, 'event'>
  readonly membership: Membership
  readonly links: () => Links
  readonly router: () => Router
  readonly sendCommand: (shard: Shard, id: string, number: number) => void
}

export class Outgoing {
  /** What was sent last was refused, because its receiver has not taken what came before. */
  wasFull = false
  readonly #options: OutgoingOptions

  constructor(options: OutgoingOptions) {
    this.#options = options
  }

  send(to: NodeId, envelope: Envelope): boolean {
    return this.#options.links().send(to, envelope)
  }

  bury(envelope: TellEnvelope, reason: string): void {
    this.#options.counts.tellsBuried++
    const address = formatAddress(envelope.kind, envelope.id)
    this.#options.on.event({ tag: 'DeadLetter', address, message: envelope.tag, reason })
  }

  answer(
    { asker, ask }: AskEnvelope,
    outcome: 'reply' | 'refusal' | 'error',
    payload: Wire | AskError,
  ): void {
    const wire = outcome === 'error' ? encodeAskError(payload as AskError) : (payload as Wire)
    this.send(asker, { type: 'answer', ask, outcome, payload: wire })
  }

  release(shard: Shard, id: string, output: Output, from: Position | undefined): void {
    switch (output.to) {
      case 'asker': {
        const { ask, outcome, payload } = output
        this.send(output.asker, { type: 'answer', ask, outcome, payload })
        break
      }
      case 'entity': {
        const { kind, tag, payload } = output
        this.tellEntity({ type: 'tell', kind, id: output.id, tag, payload, hops: 0, from })
        break
      }
      case 'node': {
        const { kind, tag, payload } = output
        this.tellNode(output.node, { type: 'tell', kind, id: '', tag, payload, hops: 0, from })
        break
      }
      case 'topic':
        this.broadcast({ type: 'publish', topic: output.topic, payload: output.payload, from })
        break
      case 'command':
        this.#options.sendCommand(shard, id, output.number)
    }
  }

  #full(address: string): AskError {
    const { linkWindowBytes: windowBytes, askResendMs: retryAfterMs } = this.#options.config
    return { tag: 'Overloaded', address, mailboxCountMax: windowBytes, retryAfterMs, windowBytes }
  }

  tellEntity(envelope: TellEnvelope): void {
    this.#options.counts.tellsSent++
    this.wasFull = false
    const way = this.#options.router().send(envelope)
    if (way === 'nowhere') this.bury(envelope, 'UnknownKind')
    else if (way === 'sent') return
    // Held back it would be overtaken by those that find room.
    else if (this.wasFull) this.bury(envelope, 'Overloaded')
    else this.#options.router().hold(envelope)
  }

  tellNode(to: NodeId, envelope: TellEnvelope): void {
    this.#options.counts.tellsSent++
    this.wasFull = false
    if (!this.send(to, envelope)) this.bury(envelope, this.wasFull ? 'Overloaded' : 'Unavailable')
  }

  broadcast(envelope: PublishEnvelope): void {
    for (const node of this.#options.membership.view().members.keys())
      if (!this.#options.membership.isGone(node)) this.send(node, envelope)
  }

  sendAsk(ask: PendingAsk, envelope: AskEnvelope): boolean | AskError {
    const { node, kind } = ask.given
    if (node === undefined) {
      this.wasFull = false
      const way = this.#options.router().send(envelope)
      if (this.wasFull && way === 'later') ask.trouble = this.#full(formatAddress(kind, ask.given.id))
      return way === 'nowhere' ? { tag: 'UnknownKind', kind } : way === 'sent'
    }
    const address = formatAddress(kind, node)
    if (!this.#options.membership.isGone(node)) {
      this.wasFull = false
      const isSent = this.send(node, envelope)
      if (this.wasFull) ask.trouble = this.#full(address)
      return isSent
    }
    return ask.wasSent ? { tag: 'UnknownOutcome', address } : { tag: 'NoRecipient', address }
  }
}
