/** What an engine receives, and who gets it. */
import type { Origin } from '../api/topic.js'
import { originOf } from '../entity/mail.js'
import type { NodeId } from '../ids.js'
import type { Ownership } from '../ownership/ownership.js'
import { type Asks, resultOf } from '../routing/asks.js'
import { followedVerb, followVerb } from '../routing/detours.js'
import type { Router } from '../routing/router.js'
import type { AskEnvelope, Envelope, TellEnvelope } from '../wire/envelope.js'
import type { EngineCounts, EngineEvents } from './options.js'
import type { Outgoing } from './outgoing.js'
import { positionFilter } from './positions.js'
import { rebalancedVerb, type Rebalancer, rebalanceVerb } from './rebalance.js'

export interface IncomingOptions {
  readonly shardCount: number
  readonly here: Origin
  readonly counts: EngineCounts
  readonly on: Pick<EngineEvents, 'published' | 'control' | 'local'>
  readonly out: Outgoing
  readonly asks: () => Asks
  readonly ownership: () => Ownership
  readonly router: () => Router
  readonly rebalancer: () => Rebalancer
}

export class Incoming {
  readonly #options: IncomingOptions
  readonly #noveltyOf: ReturnType<typeof positionFilter>

  constructor(options: IncomingOptions) {
    this.#options = options
    this.#noveltyOf = positionFilter(options.shardCount)
  }

  deliver(envelope: Envelope, from: NodeId): void {
    const { on } = this.#options
    switch (envelope.type) {
      case 'answer':
        if (!this.#options.asks().answered(envelope.ask, resultOf(envelope.outcome, envelope.payload)))
          this.#options.counts.lateAnswers++
        break
      case 'mirror':
        this.#options.ownership().onMirror(from, envelope)
        break
      case 'publish':
        if (this.#noveltyOf(envelope.topic, envelope.from) === 'new')
          on.published(envelope.topic, envelope.payload, originOf(from, this.#options.here))
        break
      case 'control':
        if (envelope.verb === 'record') this.#options.ownership().onNotice(envelope.body)
        else if (envelope.verb === followVerb) this.#options.router().follow(envelope.body)
        else if (envelope.verb === followedVerb) this.#options.router().followed(envelope.body)
        else if (envelope.verb === rebalanceVerb) this.#options.rebalancer().onRequest(envelope.body, from)
        else if (envelope.verb === rebalancedVerb) this.#options.rebalancer().onReport(envelope.body)
        else on.control(envelope, from)
        break
      case 'tell':
      case 'ask':
        if (envelope.id === '') this.local(envelope, from)
        else this.#options.router().receive(envelope, from)
    }
  }

  local(envelope: AskEnvelope | TellEnvelope, from: NodeId): void {
    if (envelope.type === 'tell') {
      const novelty = this.#noveltyOf(envelope.kind, envelope.from)
      if (novelty === 'overtaken') return this.#options.out.bury(envelope, 'Overtaken')
      this.#options.counts.tellsHandled++
      if (novelty === 'known') return
    }
    this.#options.on.local(envelope, from, (outcome, payload) => {
      if (envelope.type === 'ask') this.#options.out.answer(envelope, outcome, payload)
    })
  }
}
