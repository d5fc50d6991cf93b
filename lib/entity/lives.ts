/** How many entities live on this node. */
import type { Change } from './copy.js'
import type { Hosted } from './hosting.js'

export class Lives {
  readonly #byKind = new Map<string, number>()

  /** Of a kind. */
  count(kind: string): number {
    return this.#byKind.get(kind) ?? 0
  }

  add(hosted: Hosted, count: number): void {
    const { kind } = hosted.shard
    hosted.liveCount += count
    this.#byKind.set(kind, this.count(kind) + count)
  }

  /** Before the change is applied. */
  note(hosted: Hosted, { id, life }: Change): void {
    const wasLive = hosted.shard.copy?.entities.get(id)?.life === 'live'
    if (wasLive !== (life === 'live')) this.add(hosted, wasLive ? -1 : 1)
  }
}
