import * as t from 'io-ts'
import { behavior, message, next, nodeProtocol } from '../lib/index.js'
import { nactTellOne } from './baselines/nact-local.js'
import type { Bench, Side } from './harness.js'
import { oneNode } from './one-node.js'

const burstCount = 1_000
const burstsCount = 20

const Counter = nodeProtocol('counter', { Add: message({ n: t.number }) })

const ours = async (): Promise<Side> => {
  let target = 0
  let reached: () => void = () => undefined
  const counter = behavior(Counter, {
    init: () => 0,
    on: {
      Add: (total, { n }) => {
        if (total + n === target) reached()
        return next(total + n)
      },
    },
  })
  const node = await oneNode(counter)
  const ref = node.local(Counter)
  const burst = (): Promise<void> =>
    new Promise((done) => {
      target += burstCount
      reached = done
      for (let i = 0; i < burstCount; i++) ref.tell(Counter.Add({ n: 1 }))
    })
  return {
    round: async () => {
      for (let i = 0; i < burstsCount; i++) await burst()
      return burstCount * burstsCount
    },
    close: () => node.stop(),
  }
}

/** Messages to one actor, told in bursts that fit its mailbox. */
export const tellOne: Bench = {
  name: 'tell-one',
  unit: 'messages/s',
  baseline: 'nact dispatch',
  ours,
  theirs: () => nactTellOne(burstCount),
}
