/** The launcher as a command line. */
import { createRequire } from 'node:module'
import { Command, CommanderError } from 'commander'
import { addConfig } from './commands/config.js'
import { addNats } from './commands/nats.js'
import { addNode } from './commands/node.js'
import { addUp } from './commands/up.js'
import { addVerbs } from './commands/verbs.js'
import { Plain, sentenceOf } from './plain.js'
import { say } from './print.js'

const version = (): string =>
  (createRequire(import.meta.url)('tumen/package.json') as { readonly version: string }).version

const build = (): Command => {
  const program = new Command('tumen')
  // Set before the commands are added: each inherits it.
  program
    .description('a cluster of supervised actors: start it, look at it, speak with it')
    .version(version())
    .exitOverride()
    .showSuggestionAfterError()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, '')) })
  addUp(program)
  addNode(program)
  addVerbs(program)
  addConfig(program)
  addNats(program)
  return program
}

/**
 * Runs one command. Gives the exit code: 0, 1 when it failed, 2 when it was given wrongly, 3 for a
 * refusal.
 */
export const run = async (args: readonly string[]): Promise<number> => {
  try {
    await build().parseAsync([...args], { from: 'user' })
    return Number(process.exitCode ?? 0)
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    say(sentenceOf(error))
    return error instanceof Plain ? error.exitCode : 1
  }
}
