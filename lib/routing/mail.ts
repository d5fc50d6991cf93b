/** Mail that waits for its shard to have an owner here or elsewhere: bounded in count and time. */
import type { NodeId, ShardId } from '../ids.js'
import type { Clock, Timer } from '../std/clock.js'
import type { AskEnvelope, ControlEnvelope, TellEnvelope } from '../wire/envelope.js'

/** Asks and tells, and the questions that follow them. */
export type Waiting = AskEnvelope | TellEnvelope | ControlEnvelope

export interface Letter {
  readonly envelope: Waiting
  readonly from: NodeId
  readonly until: number
}

export interface WaitingMail {
  readonly count: number
  /** False when too much waits already. */
  keep(shard: ShardId, envelope: Waiting, from: NodeId, forMs: number): boolean
  take(shard: ShardId): readonly Letter[]
  clear(): void
}

export const createWaitingMail = (
  clock: Clock,
  countMax: number,
  expired: (letter: Letter) => void,
): WaitingMail => {
  const byShard = new Map<ShardId, Letter[]>()
  let count = 0
  let timer: Timer | null = null

  const check = (): void => {
    timer = null
    const now = clock.monotonic()
    for (const [shard, letters] of [...byShard]) {
      const over = letters.filter((letter) => letter.until <= now)
      if (over.length === 0) continue
      const left = letters.filter((letter) => letter.until > now)
      if (left.length === 0) byShard.delete(shard)
      else byShard.set(shard, left)
      count -= over.length
      for (const letter of over) expired(letter)
    }
    arm()
  }
  const arm = (): void => {
    if (timer === null && count > 0) timer = clock.after(100, check)
  }
  return {
    get count() {
      return count
    },
    keep: (shard, envelope, from, forMs) => {
      if (count >= countMax) return false
      const letters = byShard.get(shard)
      const letter = { envelope, from, until: clock.monotonic() + forMs }
      if (letters === undefined) byShard.set(shard, [letter])
      else letters.push(letter)
      count++
      arm()
      return true
    },
    take: (shard) => {
      const letters = byShard.get(shard) ?? []
      byShard.delete(shard)
      count -= letters.length
      return letters
    },
    clear: () => {
      timer?.cancel()
      timer = null
      count = 0
      const left = [...byShard.values()].flat()
      byShard.clear()
      for (const letter of left) if (letter.envelope.type === 'tell') expired(letter)
    },
  }
}
