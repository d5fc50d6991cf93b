import type { Command } from 'commander'
import { addKnobs } from '../knob-flags.js'
import { print } from '../print.js'
import { readSettings, type Setting } from '../settings.js'

interface ConfigOptions {
  readonly json?: true
  readonly app?: string
}

const card = (setting: Setting): string => {
  const { knob, value, source, unit, range, default: byDefault, meaning, flag, variable } = setting
  return (
    `${knob}  ${value}${unit === '' ? '' : ` ${unit}`}  from ${source}  default ${byDefault}  ${range}\n` +
    `    ${meaning}\n    ${flag}  ${variable}`
  )
}

/** Adds `tumen config`: every knob with value, source, unit, default, range and meaning. */
export const addConfig = (program: Command): void => {
  const command = program
    .command('config')
    .description('show every knob: value, source, unit, default, range, meaning')
    .option('--app <app>', 'also read the options of this app')
    .option('--json', 'one line of JSON instead of text')
  addKnobs(command).action(async (options: ConfigOptions & Record<string, unknown>) => {
    const { loadApp } = await import('../app.js')
    const app = options.app === undefined ? {} : { app: (await loadApp(options.app)).config }
    const { table: settings } = readSettings({
      ...app,
      flags: options,
      environment: process.env,
      directory: process.cwd(),
    })
    print(options.json ? JSON.stringify(settings) : settings.map(card).join('\n\n'))
  })
}
