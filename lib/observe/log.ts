/** Events of a node as lines of a log. */
import type { NodeEvent } from '../api/node-event.js'
import type { Subscription, TumenNode } from '../api/node-types.js'

type Write = (fields: object, sentence: string) => void

/** What takes the lines: pino's logger is one. */
export type Logger = { readonly [L in NodeEvent['level']]: Write }

type Plain = string | number | boolean | null

const isPlain = (value: unknown): value is Plain =>
  value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'

/** The tag of a message; what it carries may be secret. */
const tagOf = (message: unknown): Plain => {
  const tag = (message as { readonly tag?: unknown } | null | undefined)?.tag
  return typeof tag === 'string' ? tag : null
}

const field = (name: string, value: unknown): readonly (readonly [string, unknown])[] => {
  if (name === 'message') return [['message', tagOf(value)]]
  if (value instanceof Error) return [['err', value]]
  if (isPlain(value)) return [[name, value]]
  if (Array.isArray(value)) return [[name, value.filter(isPlain)]]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([inner, each]) => field(inner === 'tag' ? name : inner, each))
}

const fieldsOf = ({ tag, fields }: NodeEvent, node: string): object =>
  Object.fromEntries([
    ['event', tag],
    ['node', node],
    ...Object.entries(fields).flatMap(([name, value]) => field(name, value)),
  ])

/**
 * Writes every event of this node to a log, at the event's own level: its sentence, and its fields as plain
 * values, an error under `err`. What a message carries is never written, only its tag.
 *
 * Limits: with a listener events of each start and stop of an actor are made; a logger at `info` drops them
 * again.
 *
 * @example
 * logEvents(node, pino({ level: 'info' }))
 */
export const logEvents = (node: TumenNode, logger: Logger): Subscription =>
  node.listen((event) => logger[event.level](fieldsOf(event, node.id), event.sentence))
