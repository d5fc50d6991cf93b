import * as t from 'io-ts'
import { behavior, message, nodeProtocol, reply } from '../lib/index.js'
import { nactAsk } from './baselines/nact-local.js'
import type { Bench, Side } from './harness.js'
import { oneNode } from './one-node.js'

const askCount = 5_000

const Counter = nodeProtocol('counter', { Next: message({ by: t.number }).replies(t.number) })

const ours = async (): Promise<Side> => {
  const counter = behavior(Counter, {
    init: () => 0,
    on: { Next: (total, { by }) => reply(total + by, total + by) },
  })
  const node = await oneNode(counter)
  const ref = node.local(Counter)
  return {
    round: async () => {
      for (let i = 0; i < askCount; i++) await ref.ask(Counter.Next({ by: 1 }), { timeoutMs: 1_000 })
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
  ours,
  theirs: () => nactAsk(askCount),
}
