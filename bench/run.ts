/**
 * `npm run bench -- [name] [--json]`: without a name the standard set. One line per bench on stdout, with
 * `--json` as one JSON object; how much the runs differ goes to stderr.
 *
 * To add a bench: write a file that exports a `Bench` (two sides with the same work and the same payload
 * bytes; the other side is what a user of that library would write and lives in `baselines/`), and add it
 * to `benches`. A bench whose figure is no rate exports a function that gives a `Figure`.
 */
import { fork } from 'node:child_process'
import { ask100, askLocal } from './ask-local.js'
import { fairness } from './fairness.js'
import { type Bench, compare, type Figure } from './harness.js'
import { idleMemory } from './idle-memory.js'
import { memoryMillion } from './memory-million.js'
import { ofClusters } from './of-clusters.js'
import { pingPong } from './ping-pong.js'
import { restartAll } from './restart-all.js'
import { spawnStop } from './spawn-stop.js'
import { tellMany } from './tell-many.js'
import { tellOne } from './tell-one.js'
import { wideParent } from './wide-parent.js'

type Note = (line: string) => void
/** By name, in the order of the standard set. */
const benches: Readonly<Record<string, Bench | ((note: Note) => Promise<Figure>)>> = {
  'tell-one': tellOne,
  'ping-pong': pingPong,
  'wide-parent': wideParent,
  'tell-many': tellMany,
  ask: askLocal,
  'ask-100': ask100,
  'spawn-stop': spawnStop,
  'restart-all': restartAll,
  'idle-memory': idleMemory,
  ...ofClusters,
  fairness,
}
/** Too long or too large for the standard set: run by name. */
const byName: typeof benches = { 'memory-million': memoryMillion }

const show = ({ bench, value, unit, baseline, baselineValue, ratio, more }: Figure): string => {
  const number = (n: number): string => n.toLocaleString('en')
  const others = Object.entries(more ?? {}).map(([name, count]) => `; ${name} ${number(count)}`)
  const figures = `${number(value)} ${unit}, ${baseline} ${number(baselineValue)}: ${ratio} x`
  return `${bench}: ${figures}${others.join('')}`
}

const runOne = async (name: string, isJson: boolean): Promise<void> => {
  const note: Note = (line) => process.stderr.write(`${line}\n`)
  const bench = benches[name] ?? byName[name]
  if (bench === undefined) {
    throw new Error(
      `there is no bench "${name}"; the benches are ${Object.keys({ ...benches, ...byName }).join(', ')}`,
    )
  }
  const figure = typeof bench === 'function' ? await bench(note) : await compare(bench, note)
  const { more, ...line } = figure
  process.stdout.write(`${isJson ? JSON.stringify({ ...line, ...more }) : show(figure)}\n`)
}

/** Each in its own process: one bench must not meet the compiled code and the heap of another. */
const runApart = (name: string, isJson: boolean, execArgv: string[] = []): Promise<boolean> =>
  new Promise((done) => {
    const args = isJson ? [name, '--json'] : [name]
    fork(import.meta.filename, args, { execArgv }).on('close', (code) => done(code === 0))
  })

/** A million actors need more than the heap that Node takes by itself. */
const moreHeap = '--max-old-space-size=12288'

const main = async (args: readonly string[]): Promise<void> => {
  const isJson = args.includes('--json')
  const names = args.filter((arg) => !arg.startsWith('--'))
  const unknown = args.find((arg) => arg.startsWith('--') && arg !== '--json')
  if (unknown !== undefined) throw new Error(`unknown option ${unknown}; there is --json`)
  if (names.length > 1) throw new Error('name one bench, or none for the standard set')
  const [name] = names
  if (name !== undefined && name in byName && !process.execArgv.includes(moreHeap)) {
    if (await runApart(name, isJson, [moreHeap])) return
    throw new Error(`${name} failed`)
  }
  if (name !== undefined) return runOne(name, isJson)
  let failed = 0
  for (const each of Object.keys(benches)) if (!(await runApart(each, isJson))) failed++
  if (failed > 0) throw new Error(`${failed} benches failed`)
}

main(process.argv.slice(2)).then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    process.exit(1)
  },
)
