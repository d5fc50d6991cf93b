import { type Command, Option } from 'commander'
import { knobNames, knobs } from '../lib/config.js'
import { flagOf } from './settings.js'

/** Gives a command a flag per knob. They are left out of its help: `tumen config` explains them. */
export const addKnobs = (command: Command): Command => {
  for (const knob of knobNames) {
    command.addOption(new Option(`${flagOf(knob)} <value>`, knobs[knob].meaning).hideHelp())
  }
  return command.addHelpText('after', '\nEach knob is a flag too, such as --lease-ms 4000: see tumen config.')
}
