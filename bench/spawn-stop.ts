import { act, behavior, message, next, nodeProtocol } from '../lib/index.js'
import { nactSpawnStop } from './baselines/nact-many.js'
import type { Bench, Side } from './harness.js'
import { crowd } from './one-node.js'

const actorCount = 1_000

const Guest = nodeProtocol('guest', { Leave: message() })

const ours = async (): Promise<Side> => {
  let left = 0
  let over: () => void = () => undefined
  const guest = behavior(Guest, {
    init: () => 0,
    on: { Leave: (state) => next(state, act.stop()) },
    onStop: () => {
      if (--left === 0) over()
    },
  })
  const node = await crowd()
  return {
    round: async () => {
      left = actorCount
      const gone = new Promise<void>((done) => {
        over = done
      })
      const starting = Array.from({ length: actorCount }, () => node.start('crowd', guest))
      for (const ref of await Promise.all(starting)) ref.tell(Guest.Leave())
      await gone
      // nact lets go of what has stopped a turn later.
      await new Promise((done) => setImmediate(done))
      return actorCount
    },
    close: () => node.stop(),
  }
}

/** Supervised actors that are started, told one message, and end; 1,000 at a time. */
export const spawnStop: Bench = {
  name: 'spawn-stop',
  unit: 'actors/s',
  baseline: 'nact spawn and stop',
  ours,
  theirs: () => nactSpawnStop(actorCount),
}
