import * as t from 'io-ts'
import { behavior, message, nodeProtocol, reply } from '../lib/index.js'
import { nactAsk } from './baselines/nact-local.js'
import type { Bench, Side } from './harness.js'
import { here } from './here.js'

const askCount = 5_000

const Counter = nodeProtocol('counter', { Next: message({ by: t.number }).replies(t.number) })

const ours = async (): Promise<Side> => {
  const { start, stop } = here()
  const ref = start(
    'counter',
    behavior(Counter, { init: () => 0, on: { Next: (total, { by }) => reply(total + by, total + by) } }),
  )
  return {
    round: async () => {
      for (let i = 0; i < askCount; i++) await ref.ask(Counter.Next({ by: 1 }), { timeoutMs: 1_000 })
      return askCount
    },
    close: stop,
  }
}

/** Asks to one actor of this node, one after the other. */
export const askLocal: Bench = {
  name: 'ask-local',
  unit: 'asks/s',
  baseline: 'nact query',
  ours,
  theirs: () => nactAsk(askCount),
}
