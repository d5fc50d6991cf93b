/**
 * Gets a command to its receiver: asked again and again under one reqId, until it is answered, or until it is
 * certain that it never will be.
 */
import type { Undeliverable } from '../api/answer.js'
import type { Command } from '../entity/copy.js'
import type { CommandOutcome } from '../entity/protocol.js'
import { type AskError, describe } from '../errors.js'
import { formatAddress, type ShardId } from '../ids.js'
import type { Reached } from '../limits.js'
import type { Asks, PendingAsk } from '../routing/asks.js'
import type { Clock, Timer } from '../std/clock.js'
import type { Wire } from '../wire/envelope.js'

export interface CommandWay {
  readonly asks: Asks
  readonly clock: Clock
  readonly shard: ShardId
  readonly limits: CommandLimits
  readonly reached: Pick<Reached, 'commandAttemptsCountMax'>
}
interface CommandLimits {
  /** How long one ask waits before a fresh one takes its place. */
  readonly askTimeoutMsMax: number
  readonly commandResendMs: number
  /** Crashes of the receiver after which it is given up. */
  readonly commandAttemptsCountMax: number
  readonly payloadBytesMax: number
}

/** The pause between two tries doubles up to this many times its first. */
const pauseFactorMax = 16
const detailCharsMax = 1_000

/** What no other try would change. */
const permanent = { NoRecipient: true, UnknownKind: true, Malformed: true, PayloadTooLarge: true } as const
const isPermanent = (error: AskError): error is Extract<AskError, { tag: keyof typeof permanent }> =>
  // Without an address: an error that a newer node has and this one does not know.
  Object.hasOwn(permanent, error.tag) && !(error.tag === 'Malformed' && error.address === '')

const undeliverable = (to: string, why: Undeliverable['why'], error: AskError): Wire => ({
  tag: 'Undeliverable',
  why,
  address: to,
  detail: describe(error).slice(0, detailCharsMax),
})

/** Calls `done` once. The returned function gives up, for the next owner to go on. */
export const sendCommand = (
  way: CommandWay,
  command: Command,
  reqId: string,
  done: (outcome: CommandOutcome, payload: Wire) => void,
): (() => void) => {
  const { asks, clock, shard, limits, reached } = way
  const { kind, id, tag, payload, floor, bytes } = command
  const { askTimeoutMsMax: timeoutMs, commandResendMs, commandAttemptsCountMax, payloadBytesMax } = limits
  const address = formatAddress(kind, id)
  let current: PendingAsk | null = null
  let again: Timer | null = null
  let isOver = false
  let tries = 0
  let crashes = 0
  const end = (outcome: CommandOutcome, answer: Wire): void => {
    isOver = true
    done(outcome, answer)
  }
  const giveUp = (why: Undeliverable['why'], error: AskError): void =>
    end('undeliverable', undeliverable(address, why, error))
  const failed = (error: AskError): void => {
    if (error.tag === 'Crashed' && ++crashes >= commandAttemptsCountMax) {
      reached.commandAttemptsCountMax++
      giveUp('Crashed', error)
    } else if (isPermanent(error)) giveUp(error.tag, error)
    else again = clock.after(commandResendMs * Math.min(2 ** tries++, pauseFactorMax), attempt)
  }
  const attempt = (): void => {
    const given = { kind, id, node: undefined, shard, tag, payload, timeoutMs, reqId, floor }
    current = asks.ask(given, (result) => {
      if (isOver) return
      if (result.tag === 'error') failed(result.error)
      else end(result.tag, result.payload)
    })
  }
  if (bytes === undefined) attempt()
  else
    again = clock.after(0, () =>
      giveUp('PayloadTooLarge', { tag: 'PayloadTooLarge', address, bytes, payloadBytesMax }),
    )
  return () => {
    isOver = true
    again?.cancel()
    if (current !== null) asks.end(current, { tag: 'error', error: { tag: 'Cancelled', address } })
  }
}
