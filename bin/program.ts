/** The launcher as a command line. */
import { createRequire } from 'node:module'
import { Command, CommanderError, Help, type Option } from 'commander'
import { addConfig } from './commands/config.js'
import { addNats } from './commands/nats.js'
import { addNode } from './commands/node.js'
import { addUp } from './commands/up.js'
import { addVerbs } from './commands/verbs.js'
import { Plain, sentenceOf } from './plain.js'
import { say } from './print.js'

const version = (): string =>
  (createRequire(import.meta.url)('tumen/package.json') as { readonly version: string }).version

const help = new Help()
/** Knobs are left out of the help of a command, but they are suggested for a flag that is nearly one. */
const suggestible = (command: Command): Option[] => [
  ...help.visibleOptions(command),
  ...command.options.filter(({ hidden, long }) => hidden && long !== '--managed'),
]

/** Where nothing was near enough to be suggested: where to look. */
const withAdvice = (text: string, args: readonly string[]): string => {
  const [, what] = /^unknown (command|option) (?!.*Did you mean)/s.exec(text) ?? []
  if (what === undefined) return text
  const verb = what === 'option' && args[0]?.startsWith('-') === false ? ` ${args[0]}` : ''
  return `${text.trimEnd()}\n(tumen${verb} --help lists the ${what}s.)\n`
}

const build = (args: readonly string[]): Command => {
  const program = new Command('tumen')
  // Set before the commands are added: each inherits it.
  program
    .description('a cluster of supervised actors: start it, look at it, speak with it')
    .version(version())
    .exitOverride()
    .showSuggestionAfterError()
    .configureHelp({
      visibleOptions: suggestible,
      formatHelp: (command, helper) =>
        help.formatHelp(command, Object.assign(helper, { visibleOptions: help.visibleOptions })),
    })
    .configureOutput({
      outputError: (text, write) => write(withAdvice(text.replace(/^error: /, ''), args)),
    })
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
    await build(args).parseAsync([...args], { from: 'user' })
    return Number(process.exitCode ?? 0)
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    say(sentenceOf(error))
    return error instanceof Plain ? error.exitCode : 1
  }
}
