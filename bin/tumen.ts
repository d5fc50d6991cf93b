#!/usr/bin/env node
/** The launcher's door. It loads nothing before it knows that this Node can run the rest. */
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)

if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(`tumen needs Node 20.19 or newer; this is Node ${process.versions.node}.\n`)
  process.exitCode = 1
} else {
  // Whoever reads has seen enough, as `head` does.
  process.stdout.on('error', () => process.exit(0))
  const { run } = await import('./program.js')
  process.exitCode = await run(process.argv.slice(2))
  // What an app left open does not keep a launcher that has finished.
  setTimeout(() => process.exit(), 1_000).unref()
}

export {}
