/** Hands over what side copies hold, a bounded number of entities at a time, each until it is answered. */
import type { KindData, Winner } from '../api/kind.js'
import type { NodeId } from '../ids.js'
import type { Reached } from '../limits.js'
import type { AskResult } from '../routing/asks.js'
import { whyNotWire } from '../wire/codec.js'
import type { Wire } from '../wire/envelope.js'
import { type HandOver, handOverToWire, mergeTag } from './protocol.js'
import { handOverOf, type SideCopy } from './state.js'

export interface HandOversOptions {
  readonly me: NodeId
  readonly countMax: number
  readonly bytesMax: number
  readonly timeoutMs: number
  /** Between two tries. */
  readonly againMs: number
  readonly reached: Pick<Reached, 'mergesCountMax'>
  readonly kinds: ReadonlyMap<string, KindData>
  /** Monotonic. */
  now(): number
  /** A name that no other hand-over has. */
  freshReqId(): string
  /** Who has won, as far as this node knows; null when nobody has, because the owner never changed. */
  winnerOf(side: SideCopy): Winner | null
  /** Of an entity without a codec. */
  stateOf(side: SideCopy, id: string): unknown
  /** Has the entity take its last step; it is a change of the copy like any other. */
  conclude(side: SideCopy, id: string, winner: Winner): void
  ask(
    target: { readonly kind: string; readonly id: string },
    message: { readonly tag: string; readonly payload: Wire },
    given: { readonly timeoutMs: number; readonly reqId: string },
    done: (result: AskResult) => void,
  ): unknown
  /** The winner has it, or it can never have it and why. */
  ended(side: SideCopy, id: string, end: { winner: Winner | null; problem?: string }): void
}

const stepMs = 50

/** What is known of the hand-over of one entity. */
interface Progress {
  readonly openings: number
  stage: 'told' | 'asked' | 'waits'
  /** The next step is not taken before. */
  notBefore: number
}

export class HandOvers {
  readonly #options: HandOversOptions
  readonly #progress = new Map<SideCopy, Map<string, Progress>>()
  #underWayCount = 0

  constructor(options: HandOversOptions) {
    this.#options = options
  }

  /** Goes on with a copy that is closed. True when it has nothing left to hand over. */
  proceed(side: SideCopy): boolean {
    for (const id of side.changed.keys()) {
      if (this.#underWayCount >= this.#options.countMax) {
        this.#options.reached.mergesCountMax++
        return false
      }
      this.#proceedWith(side, id)
    }
    if (side.changed.size > 0) return false
    this.#progress.delete(side)
    return true
  }

  /** It serves again: what was under way counts no more. */
  reopened(side: SideCopy): void {
    this.#progress.delete(side)
  }

  #proceedWith(side: SideCopy, id: string): void {
    const all = this.#progress.get(side) ?? new Map<string, Progress>()
    this.#progress.set(side, all)
    const known = all.get(id)
    if (known?.stage === 'asked' || (known?.notBefore ?? 0) > this.#options.now()) return
    const winner = this.#options.winnerOf(side)
    const { onConflict } = this.#options.kinds.get(side.shard.kind) ?? {}
    if (known === undefined && winner !== null && onConflict !== undefined) {
      // A moment for the step, which may also throw: then the state goes as it is.
      all.set(id, { openings: side.openings, stage: 'told', notBefore: this.#options.now() + stepMs })
      this.#options.conclude(side, id, winner)
    } else this.#send(side, id, winner)
  }

  #send(side: SideCopy, id: string, winner: Winner | null): void {
    const { bytesMax, timeoutMs, ask, ended, stateOf } = this.#options
    const seq = side.changed.get(id) ?? 0
    const handOver = handOverOf(side, id, { state: stateOf(side, id), bytesMax })
    if (handOver === undefined) {
      side.changed.delete(id)
      return
    }
    const problem = this.#problemOf(side, handOver, winner)
    if (problem !== undefined) {
      side.changed.delete(id)
      ended(side, id, { winner, problem })
      return
    }
    const progress: Progress = { openings: side.openings, stage: 'asked', notBefore: 0 }
    this.#progress.get(side)?.set(id, progress)
    this.#underWayCount++
    const message = { tag: mergeTag, payload: handOverToWire(handOver) }
    const reqId = this.#reqIdOf(side, id, seq)
    ask({ kind: side.shard.kind, id }, message, { timeoutMs, reqId }, (result) => {
      this.#underWayCount--
      progress.stage = 'waits'
      progress.notBefore = this.#options.now() + this.#options.againMs
      if (progress.openings !== side.openings || result.tag !== 'reply') return
      if (side.changed.get(id) === seq) side.changed.delete(id)
      ended(side, id, { winner })
    })
  }

  /** The same for the same state, also when it is sent by a later incarnation: it is applied once. */
  #reqIdOf(side: SideCopy, id: string, seq: number): string {
    const known = side.reqIds.get(id)
    if (known?.seq === seq) return known.reqId
    const reqId = this.#options.freshReqId()
    side.reqIds.set(id, { seq, reqId })
    return reqId
  }

  /** A state without a codec may be anything; to another node it has to travel. */
  #problemOf({ shard }: SideCopy, { state }: HandOver, winner: Winner | null): string | undefined {
    if (winner === null || winner.node === this.#options.me) return undefined
    if (this.#options.kinds.get(shard.kind)?.source.type === 'mirrored') return undefined
    const why = whyNotWire(state, 'state')
    return why === '' ? undefined : why
  }
}
