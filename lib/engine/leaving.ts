/** A planned leave: every shard is handed to a mirror, until no record names this node. */
import type { NodeId } from '../ids.js'
import type { View } from '../membership/membership.js'
import type { Ownership } from '../ownership/ownership.js'
import type { Clock } from '../std/clock.js'

export interface HandOverOptions {
  readonly clock: Clock
  readonly me: NodeId
  readonly ownership: Ownership
  readonly membership: { view(): View; isGone(node: NodeId): boolean }
  readonly drainMs: number
  /** Side copies that are not merged yet. */
  readonly sidesCount: () => number
}

const stepMs = 20
const givesAtOnceMax = 128

/** Calls `done` when nothing names this node any more, nobody is left to take it, or time is up. */
export const handOver = (options: HandOverOptions, done: () => void): void => {
  const { clock, me, ownership, membership } = options
  const until = clock.monotonic() + options.drainMs
  const stays = (node: NodeId): boolean =>
    !membership.isGone(node) && membership.view().members.get(node)?.status === 'ready'
  const step = (): void => {
    const hasHeirs = membership.view().ready.some((member) => member.node !== me)
    const isEmpty = ownership.namedCount() === 0 && options.sidesCount() === 0
    if (!hasHeirs || isEmpty || clock.monotonic() >= until) {
      done()
      return
    }
    let giving = 0
    for (const shard of ownership.owned) if (shard.role === 'giving') giving++
    for (const shard of ownership.owned) {
      if (giving >= givesAtOnceMax) break
      if (shard.role !== 'owner') continue
      const heir = shard.record?.insync.find(stays)
      if (heir !== undefined && ownership.give(shard, heir)) giving++
    }
    clock.after(stepMs, step)
  }
  step()
}
