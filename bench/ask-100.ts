import * as t from 'io-ts'
import { behavior, message, nodeProtocol, reply } from '../lib/index.js'
import { nactAskMany } from './baselines/nact-many.js'
import type { Bench, Side } from './harness.js'
import { oneNode } from './one-node.js'

const inFlightCount = 100
const eachCount = 50

const Counter = nodeProtocol('counter', { Next: message({ by: t.number }).replies(t.number) })

const ours = async (): Promise<Side> => {
  const counter = behavior(Counter, {
    init: () => 0,
    on: { Next: (total, { by }) => reply(total + by, total + by) },
  })
  const node = await oneNode(counter)
  const ref = node.local(Counter)
  const one = async (): Promise<void> => {
    for (let i = 0; i < eachCount; i++) await ref.ask(Counter.Next({ by: 1 }), { timeoutMs: 1_000 })
  }
  return {
    round: async () => {
      await Promise.all(Array.from({ length: inFlightCount }, one))
      return inFlightCount * eachCount
    },
    close: () => node.stop(),
  }
}

/** Asks to one actor of this node, 100 in flight. */
export const ask100: Bench = {
  name: 'ask-100',
  unit: 'asks/s',
  baseline: 'nact query',
  ours,
  theirs: () => nactAskMany(inFlightCount, eachCount),
}
