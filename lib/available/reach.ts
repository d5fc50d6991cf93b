/** Which members this node reaches, found by probes while somebody asks. */
import type { NodeId } from '../ids.js'
import type { Clock } from '../std/clock.js'
import type { Session } from '../transport/transport.js'

export interface ReachOptions {
  readonly clock: Clock
  readonly session: Pick<Session, 'status' | 'probe'>
  readonly probeMs: number
  readonly isGone: (node: NodeId) => boolean
  /** A member came into reach or went out of it. */
  readonly changed: () => void
}

interface Known {
  isProbing: boolean
  probedAt: number
  outSince: number
}

export class Reach {
  readonly #options: ReachOptions
  readonly #known = new Map<NodeId, Known>()
  isStopped = false

  constructor(options: ReachOptions) {
    this.#options = options
  }

  /**
   * Since when it is out of reach, monotonic; `Infinity` while it is in reach, or nothing else is known.
   */
  outSince(node: NodeId): number {
    const { clock, session, probeMs, isGone } = this.#options
    if (session.status() !== 'up') return Number.NEGATIVE_INFINITY
    const now = clock.monotonic()
    let known = this.#known.get(node)
    if (known === undefined) {
      known = { isProbing: false, probedAt: Number.NEGATIVE_INFINITY, outSince: Infinity }
      this.#known.set(node, known)
    }
    if (isGone(node)) {
      if (known.outSince === Infinity) known.outSince = now
    } else if (!known.isProbing && now - known.probedAt >= probeMs) this.#probe(node, known, now)
    return known.outSince
  }

  forget(node: NodeId): void {
    this.#known.delete(node)
  }

  #probe(node: NodeId, known: Known, now: number): void {
    const { clock, session, probeMs, changed } = this.#options
    known.isProbing = true
    known.probedAt = now
    session.probe(node, 2 * probeMs, (answer) => {
      if (this.isStopped) return
      const wasIn = known.outSince === Infinity
      known.isProbing = false
      if (answer === 'answered') known.outSince = Infinity
      else if (wasIn) known.outSince = clock.monotonic()
      if (wasIn !== (known.outSince === Infinity)) changed()
    })
  }
}
