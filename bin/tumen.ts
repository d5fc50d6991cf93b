#!/usr/bin/env node
/** The launcher's door. It loads nothing before it knows that this Node can run the rest. */
import { tooOld } from './node-version.js'

const complaint = tooOld(process.versions.node)
if (complaint !== undefined) {
  process.stderr.write(`${complaint}\n`)
  process.exitCode = 1
} else {
  // Whoever reads has seen enough, as `head` does.
  process.stdout.on('error', () => process.exit(0))
  const { run } = await import('./program.js')
  process.exitCode = await run(process.argv.slice(2))
  // What an app left open does not keep a launcher that has finished.
  setTimeout(() => process.exit(), 1_000).unref()
}
