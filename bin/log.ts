/** What happens on a node, for whoever reads the launcher's output. */
import pino from 'pino'
import { logEvents, type TumenNode } from '../lib/index.js'
import { say } from './print.js'

export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

/** One line of JSON on stderr per event of this level or worse. */
export const logLines =
  (level: LogLevel) =>
  (node: TumenNode): void => {
    if (level === 'silent') return
    logEvents(node, pino({ level }, pino.destination({ dest: 2, sync: true })))
  }

/** Only what went wrong, as sentences: what else happens would drown what `tumen up` says itself. */
export const sayErrors = (node: TumenNode): void => {
  node.listen(({ level, sentence }) => {
    if (level === 'error') say(`${node.name}: ${sentence}`)
  })
}
