import * as t from 'io-ts'
import { behavior, type LocalRef, message, next, nodeProtocol } from '../lib/index.js'
import { nactTellMany } from './baselines/nact-many.js'
import type { Bench, Side } from './harness.js'
import { crowd } from './one-node.js'

const actorCount = 1_000
/** To each actor, within one burst. */
const eachCount = 20

const Counter = nodeProtocol('counter', { Add: message({ n: t.number }) })

const ours = async (): Promise<Side> => {
  let left = 0
  let over: () => void = () => undefined
  const counter = behavior(Counter, {
    init: () => 0,
    on: {
      Add: (total, { n }) => {
        if (--left === 0) over()
        return next(total + n)
      },
    },
  })
  const node = await crowd()
  const refs: LocalRef<'counter'>[] = []
  for (let i = 0; i < actorCount; i++) refs.push(await node.start('crowd', counter))
  return {
    round: async () => {
      left = actorCount * eachCount
      await new Promise<void>((done) => {
        over = done
        for (let i = 0; i < eachCount; i++) for (const ref of refs) ref.tell(Counter.Add({ n: 1 }))
      })
      return actorCount * eachCount
    },
    close: () => node.stop(),
  }
}

/** Messages to 1,000 actors in turn. */
export const tellMany: Bench = {
  name: 'tell-many',
  unit: 'messages/s',
  baseline: 'nact dispatch',
  ours,
  theirs: () => nactTellMany(actorCount, eachCount),
}
