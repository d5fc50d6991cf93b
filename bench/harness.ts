/**
 * Measures two ways of doing the same thing in one process, turn by turn, so that both meet the same
 * machine.
 */

/** One side, set up and ready. */
export interface Side {
  /** Does a batch of work, some milliseconds long, and says how many operations that was. */
  round(): Promise<number>
  /** CPU time taken so far by all processes of this side, in microseconds. Absent: not measured. */
  cpuMicros?(): Promise<number>
  close(): Promise<void>
}

export interface Bench {
  readonly name: string
  readonly unit: string
  /** What the other side is. */
  readonly baseline: string
  readonly ours: () => Promise<Side>
  readonly theirs: () => Promise<Side>
  /** Smaller values are better, such as bytes. Default: larger ones are. */
  readonly smallerIsBetter?: boolean
}

export interface Figure {
  readonly bench: string
  readonly value: number
  readonly unit: string
  readonly baseline: string
  readonly baselineValue: number
  readonly ratio: number
  /** CPU time per operation in microseconds, in all processes of a side together. */
  readonly cpuMicros?: number
  readonly baselineCpuMicros?: number
  /** What else the bench found; part of the JSON line. */
  readonly more?: Readonly<Record<string, number>>
}

const measureMs = 1_200
/** Within a run the sides take turns of this length, so that a busy moment of the machine meets both. */
const turnMs = 200
const leastMs = 1_000
const warmUpMs = 300
const timesCount = 5

interface Measured {
  readonly count: number
  readonly tookMs: number
  readonly cpuMicros: number
}

const runFor = async (side: Side, ms: number): Promise<Measured> => {
  const cpuBefore = (await side.cpuMicros?.()) ?? 0
  const start = performance.now()
  let count = 0
  let tookMs = 0
  while (tookMs < ms) {
    count += await side.round()
    tookMs = performance.now() - start
  }
  return { count, tookMs, cpuMicros: ((await side.cpuMicros?.()) ?? 0) - cpuBefore }
}

const added = (one: Measured, other: Measured): Measured => ({
  count: one.count + other.count,
  tookMs: one.tookMs + other.tookMs,
  cpuMicros: one.cpuMicros + other.cpuMicros,
})

const runBoth = async (ours: Side, theirs: Side): Promise<readonly [Measured, Measured]> => {
  let a: Measured = { count: 0, tookMs: 0, cpuMicros: 0 }
  let b: Measured = { count: 0, tookMs: 0, cpuMicros: 0 }
  while (a.tookMs < measureMs || b.tookMs < measureMs) {
    a = added(a, await runFor(ours, turnMs))
    b = added(b, await runFor(theirs, turnMs))
  }
  return [a, b]
}

/** Operations per second. A shorter run says more about the machine's mood than about the code. */
const rate = ({ count, tookMs }: Measured): number => {
  if (tookMs < leastMs) throw new Error(`measured for ${Math.round(tookMs)} ms only; a second is the least`)
  return (count / tookMs) * 1_000
}

const cpuPerOperation = (runs: readonly Measured[]): number =>
  Number(median(runs.map(({ cpuMicros, count }) => cpuMicros / count)).toFixed(2))

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0

const spread = (values: readonly number[]): string => {
  const percent = ((Math.max(...values) - Math.min(...values)) / median(values)) * 100
  return `${percent.toFixed(0)} %`
}

/** A figure of a single run, for what is not a rate, such as bytes per actor. */
const figure = (bench: Omit<Bench, 'ours' | 'theirs'>, value: number, baselineValue: number): Figure => ({
  bench: bench.name,
  value: Math.round(value),
  unit: bench.unit,
  baseline: bench.baseline,
  baselineValue: Math.round(baselineValue),
  ratio: Number((value / baselineValue).toFixed(2)),
})

/** Alternates A and B five times and gives the ratio of the medians; the spread of each goes to `note`. */
export const compare = async (bench: Bench, note: (line: string) => void): Promise<Figure> => {
  const ours = await bench.ours()
  const theirs = await bench.theirs()
  const a: Measured[] = []
  const b: Measured[] = []
  try {
    await runFor(ours, warmUpMs)
    await runFor(theirs, warmUpMs)
    for (let i = 0; i < timesCount; i++) {
      const [mine, other] = await runBoth(ours, theirs)
      a.push(mine)
      b.push(other)
    }
  } finally {
    await ours.close()
    await theirs.close()
  }
  const [rates, baselineRates] = [a.map(rate), b.map(rate)]
  const spreads = `spread ${spread(rates)}, baseline ${spread(baselineRates)}`
  note(`${bench.name}: ${spreads}; ${timesCount} runs of ${measureMs} ms each`)
  const made = figure(bench, median(rates), median(baselineRates))
  const cpuMicros = cpuPerOperation(a)
  return cpuMicros > 0 ? { ...made, cpuMicros, baselineCpuMicros: cpuPerOperation(b) } : made
}
