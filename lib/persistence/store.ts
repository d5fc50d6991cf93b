/** The store of journals as a node uses it: so many calls at once, each with a time limit. */
import type { Config } from '../config.js'
import type { Reached } from '../limits.js'
import type { Clock } from '../std/clock.js'
import { createPauses } from '../std/pauses.js'
import { type Random, token } from '../std/random.js'
import type { Store } from './line.js'
import type { PersistenceEngine } from './protocol.js'

export interface StoreOptions {
  readonly engine: PersistenceEngine
  readonly clock: Clock
  readonly random: Random
  readonly config: Pick<Config, 'sourceMs' | 'sourceCallsCountMax'>
  readonly reached: Pick<Reached, 'sourceCallsCountMax'>
  /** Said once for each time that it is down, however many calls fail. */
  failed(key: string, cause: string): void
}

export const createStore = (options: StoreOptions): Store & { stop(): void } => {
  const { engine, clock, random, config, reached } = options
  const pauses = createPauses(clock)
  const stem = token(random, 12)
  const waiting: (() => void)[] = []
  let entriesCount = 0
  let runningCount = 0
  let isDown = false

  const turn = async (): Promise<void> => {
    if (runningCount < config.sourceCallsCountMax) {
      runningCount++
      return
    }
    reached.sourceCallsCountMax++
    // Whoever ends gives its place on.
    await new Promise<void>((resolve) => void waiting.push(resolve))
  }
  const end = (): void => {
    const next = waiting.shift()
    if (next === undefined) runningCount--
    else next()
  }
  return {
    engine,
    clock,
    random,
    pauses,
    entryName: () => `${stem}.${++entriesCount}`,
    call: async (work) => {
      await turn()
      try {
        const answer = await pauses.inTime(config.sourceMs, work)
        isDown = false
        return answer
      } finally {
        end()
      }
    },
    failed: (key, cause) => {
      if (!isDown) options.failed(key, cause)
      isDown = true
    },
    stop: () => pauses.stop(),
  }
}
