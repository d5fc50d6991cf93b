import { fileURLToPath } from 'node:url'
import { type Command, InvalidArgumentError } from 'commander'
import { addKnobs } from '../knob-flags.js'
import type { UpOptions } from '../up.js'

/** The app that `--demo` stands for. */
const demo = fileURLToPath(new URL('../../examples/evening/app.js', import.meta.url))

const nodesCountMax = 64
const count = (text: string): number => {
  const value = Number(text)
  if (Number.isInteger(value) && value >= 1 && value <= nodesCountMax) return value
  throw new InvalidArgumentError(`Expected a whole number from 1 to ${nodesCountMax}.`)
}
const fraction = (text: string): number => {
  const value = Number(text)
  if (text.trim() !== '' && value > 0 && value < 1) return value
  throw new InvalidArgumentError('Expected a number between 0 and 1, such as 0.5.')
}

/** Adds `tumen up`. */
export const addUp = (program: Command): void => {
  const command = program
    .command('up')
    .argument('[app]', 'a JavaScript module; default: the "tumen" field of the nearest package.json')
    .description('start a cluster of an app on this machine and keep it running')
    .option('--nodes <count>', 'how many nodes', count, 3)
    .option('--demo', 'run the demo: an evening of a game community')
    .option('--once', 'end when the app’s own run is over; for the demo: after its table')
    .option('--json', 'the last line on stdout is JSON')
    .option('--kill-at <fraction>', 'for the demo: when it kills a node', fraction)
    .option('--cluster <name>', 'the cluster (TUMEN_CLUSTER; default "tumen")')
    .option('--nats <url>', 'use this NATS server (TUMEN_NATS_URL) instead of starting one')
    .option('--memory', 'run all nodes in this process, without NATS')
  addKnobs(command).action(async (app: string | undefined, options: UpOptions) => {
    const { Up } = await import('../up.js')
    const up = new Up(options)
    process.exitCode = await up.run(options.demo ? demo : app)
  })
}
