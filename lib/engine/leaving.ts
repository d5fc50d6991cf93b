/**
 * A planned leave: every shard is handed to a mirror, or to a node that becomes one first, each as soon as it
 * can be, until no record names this node.
 */
import type { NodeId } from '../ids.js'
import type { View } from '../membership/membership.js'
import type { Ownership } from '../ownership/ownership.js'
import type { Shard } from '../ownership/state.js'
import type { Clock } from '../std/clock.js'

export interface HandOverOptions {
  readonly clock: Clock
  readonly me: NodeId
  readonly ownership: Ownership
  readonly membership: { view(): View; isGone(node: NodeId): boolean }
  readonly drainMs: number
  /** How many copies of the state of this kind other nodes are to hold. */
  readonly copiesOf: (kind: string) => number
  /** Side copies that are not merged yet. */
  readonly sidesCount: () => number
}

const stepMs = 10
/** Shards on their way to a mirror, and those whose new owner has to be filled first. */
const givesAtOnceMax = 256
const fillsAtOnceMax = 64

/**
 * Calls `done` when nothing names this node any more, nobody is left to take it, or time is up. When a state
 * would be lost then, because no other node has it yet, the time is once more as long.
 */
export const handOver = (options: HandOverOptions, done: () => void): void => {
  const { clock, me, ownership, membership } = options
  const until = clock.monotonic() + options.drainMs
  const stays = (node: NodeId): boolean =>
    node !== me && !membership.isGone(node) && membership.view().members.get(node)?.status === 'ready'
  const otherFor = (shard: Shard): NodeId | undefined =>
    ownership.placeOf(shard.kind).rank(shard.id).find(stays)
  /** A shard that nobody else can run stays until the end; mirrors are replaced by their owners. */
  const isHolding = (): boolean => {
    if (options.sidesCount() > 0 || ownership.namedCount() > ownership.owned.size) return true
    for (const shard of ownership.owned) if (otherFor(shard) !== undefined) return true
    return false
  }
  /** Nobody is left to take it, but a store has still to say that it has what is to be answered. */
  const isHeld = (): boolean => {
    for (const { holds } of ownership.owned) if (holds.size > 0) return true
    return false
  }
  const wouldLose = (): boolean => {
    for (const shard of ownership.owned) {
      const isKept = options.copiesOf(shard.kind) === 0 || (shard.copy?.entities.size ?? 0) === 0
      if (!isKept && shard.record?.insync.some(stays) !== true && otherFor(shard) !== undefined) return true
    }
    return false
  }
  const begin = (): void => {
    let [giving, filling] = [0, 0]
    for (const { role, moveTo } of ownership.owned) {
      if (role === 'giving') giving++
      else if (moveTo !== null) filling++
    }
    for (const shard of ownership.owned) {
      if (shard.role !== 'owner' || shard.moveTo !== null) continue
      const heir = shard.record?.insync.find(stays)
      if (heir !== undefined) {
        if (giving < givesAtOnceMax && ownership.give(shard, heir)) giving++
        continue
      }
      const other = filling < fillsAtOnceMax ? otherFor(shard) : undefined
      if (other !== undefined && ownership.move(shard, other)) filling++
    }
  }
  const step = (): void => {
    const hasHeirs = membership.view().ready.some((member) => member.node !== me)
    const isOver = hasHeirs ? !isHolding() : !isHeld()
    const now = clock.monotonic()
    if (isOver || (now >= until && !(now < until + options.drainMs && wouldLose()))) return done()
    begin()
    clock.after(stepMs, step)
  }
  step()
}
