/** Gets a command to its receiver: asked again and again under one reqId, until it is answered. */
import type { Command } from '../entity/copy.js'
import type { AskError } from '../errors.js'
import { formatAddress, type ShardId } from '../ids.js'
import type { Asks, PendingAsk } from '../routing/asks.js'
import type { Clock, Timer } from '../std/clock.js'
import type { Wire } from '../wire/envelope.js'

export interface CommandWay {
  readonly asks: Asks
  readonly clock: Clock
  readonly shard: ShardId
  /** How long one ask waits before a fresh one takes its place. */
  readonly timeoutMs: number
  readonly againMs: number
}

/** Calls `done` once. The returned function gives up, for the next owner to go on. */
export const sendCommand = (
  way: CommandWay,
  command: Command,
  reqId: string,
  done: (outcome: 'reply' | 'refusal', payload: Wire) => void,
): (() => void) => {
  const { asks, clock, shard, timeoutMs, againMs } = way
  const { kind, id, tag, payload, floor } = command
  let current: PendingAsk | null = null
  let again: Timer | null = null
  let isOver = false
  const attempt = (): void => {
    const given = { kind, id, node: undefined, shard, tag, payload, timeoutMs, reqId, floor }
    current = asks.ask(given, (result) => {
      if (isOver) return
      if (result.tag === 'error') again = clock.after(againMs, attempt)
      else {
        isOver = true
        done(result.tag, result.payload)
      }
    })
  }
  attempt()
  return () => {
    isOver = true
    again?.cancel()
    const error: AskError = { tag: 'Cancelled', address: formatAddress(kind, id) }
    if (current !== null) asks.end(current, { tag: 'error', error })
  }
}
