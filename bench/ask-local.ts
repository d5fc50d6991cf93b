import * as t from 'io-ts'
import { behavior, message, nodeProtocol, reply } from '../lib/index.js'
import { nactAsk } from './baselines/nact-local.js'
import { nactAskMany } from './baselines/nact-many.js'
import type { Bench, Side } from './harness.js'
import { oneNode } from './one-node.js'

const askCount = 5_000
const inFlightCount = 100

const Counter = nodeProtocol('counter', { Next: message({ by: t.number }).replies(t.number) })

/** `inFlight` askers at a time, each of which asks one after the other. */
const ours = async (inFlight: number): Promise<Side> => {
  const counter = behavior(Counter, {
    init: () => 0,
    on: { Next: (total, { by }) => reply(total + by, total + by) },
  })
  const node = await oneNode(counter)
  const ref = node.local(Counter)
  const eachCount = askCount / inFlight
  const one = async (): Promise<void> => {
    for (let i = 0; i < eachCount; i++) await ref.ask(Counter.Next({ by: 1 }), { timeoutMs: 1_000 })
  }
  return {
    round: async () => {
      await Promise.all(Array.from({ length: inFlight }, one))
      return askCount
    },
    close: () => node.stop(),
  }
}

/** Asks to one actor of this node, one after the other. */
export const askLocal: Bench = {
  name: 'ask',
  unit: 'asks/s',
  baseline: 'nact query',
  ours: () => ours(1),
  theirs: () => nactAsk(askCount),
}

/** The same, 100 in flight. */
export const ask100: Bench = {
  name: 'ask-100',
  unit: 'asks/s',
  baseline: 'nact query',
  ours: () => ours(inFlightCount),
  theirs: () => nactAskMany(inFlightCount, askCount / inFlightCount),
}
