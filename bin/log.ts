/** What happens on a node, for whoever reads the launcher's output. */
import { logEvents, type NodeEvent, type TumenNode } from '../lib/index.js'
import { say } from './print.js'

export type LogLevel = NodeEvent['level'] | 'silent'

/** One line of JSON on stderr per event of this level or worse. */
export const logLines = async (level: LogLevel): Promise<(node: TumenNode) => void> => {
  // Only a node that logs waits for it to load, and no other verb.
  const { default: pino } = await import('pino')
  const logger = pino({ level }, pino.destination({ dest: 2, sync: true }))
  return (node) => {
    if (level !== 'silent') logEvents(node, logger)
  }
}

/** Only what went wrong, as sentences: what else happens would drown what `tumen up` says itself. */
export const sayErrors = (node: TumenNode): void => {
  node.listen(({ level, sentence }) => {
    if (level === 'error') say(`${node.name}: ${sentence}`)
  })
}
