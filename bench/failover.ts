import { threeNodes } from './cluster.js'
import { Tally, TallyId } from './far-tree.js'
import { keepGoing } from './far.js'
import type { Figure } from './harness.js'

const entitiesCount = 6_000
const inFlightMax = 256
const loadCount = 64
const timeoutMs = 30_000
const roundsCount = 5
const wantedMs = 2_000
/** How long the load runs before the fault. */
const beforeMs = 500

interface Round {
  /** From the fault until the first, and the last, entity of the node that is gone had answered. */
  readonly firstMs: number
  readonly allMs: number
  /** Acknowledged additions that are not in the end, and additions that were applied more than once. */
  readonly lost: number
  readonly doubled: number
}

const round = async (signal: 'SIGKILL' | 'SIGSTOP'): Promise<Round> => {
  const { node, others, close } = await threeNodes()
  const asked = new Int32Array(entitiesCount)
  const acknowledged = new Int32Array(entitiesCount)
  const add = async (i: number): Promise<number> => {
    asked[i] = (asked[i] ?? 0) + 1
    const count = await node.ref(Tally, TallyId(`tally-${i}`)).ask(Tally.Add(), { timeoutMs })
    acknowledged[i] = (acknowledged[i] ?? 0) + 1
    return count
  }
  try {
    await keepGoing(inFlightMax, entitiesCount, add)
    const all = Array.from({ length: entitiesCount }, (_, i) => i)
    const orphans = all.filter((i) => /^n2#/.test(node.where(Tally, TallyId(`tally-${i}`)).owner ?? ''))
    let isOver = false
    const load = Array.from({ length: loadCount }, async (_, i) => {
      for (let next = i; !isOver; next = (next + loadCount + 1) % entitiesCount) await add(next)
    })
    await new Promise((done) => setTimeout(done, beforeMs))
    const start = performance.now()
    others.signal(0, signal)
    const times = await Promise.all(
      orphans.map(async (i) => {
        await add(i)
        return performance.now() - start
      }),
    )
    isOver = true
    await Promise.all(load)
    let [lost, doubled] = [0, 0]
    await keepGoing(inFlightMax, entitiesCount, async (i) => {
      const count = await add(i)
      lost += Math.max(0, (acknowledged[i] ?? 0) - count)
      doubled += Math.max(0, count - (asked[i] ?? 0))
    })
    return { firstMs: Math.min(...times), allMs: Math.max(...times), lost, doubled }
  } finally {
    await close()
  }
}

const median = (values: readonly number[]): number =>
  Math.round(values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0)

/**
 * One of three processes is killed while 6,000 mirrored entities are written to: until all of its entities
 * answer again, the median of five; and once with a process that is frozen.
 */
export const failover = async (note: (line: string) => void): Promise<Figure> => {
  const rounds: Round[] = []
  for (let i = 0; i < roundsCount; i++) {
    const one = await round('SIGKILL')
    rounds.push(one)
    note(`failover: killed, first ${Math.round(one.firstMs)} ms, all ${Math.round(one.allMs)} ms`)
  }
  const frozen = await round('SIGSTOP')
  const allMs = median(rounds.map((one) => one.allMs))
  const total = (pick: (one: Round) => number): number =>
    [...rounds, frozen].reduce((sum, one) => sum + pick(one), 0)
  return {
    bench: 'failover',
    value: allMs,
    unit: 'ms',
    baseline: 'the ms it may take',
    baselineValue: wantedMs,
    ratio: Number((allMs / wantedMs).toFixed(2)),
    more: {
      firstMs: median(rounds.map((one) => one.firstMs)),
      allMs,
      frozenFirstMs: Math.round(frozen.firstMs),
      frozenAllMs: Math.round(frozen.allMs),
      lost: total((one) => one.lost),
      doubled: total((one) => one.doubled),
    },
  }
}
