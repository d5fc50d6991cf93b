/** From the text of a client to a command of the table, or a sentence that says what is wrong with it. */
import * as E from 'fp-ts/lib/Either.js'
import { type Command, commands, type Given } from './commands.js'
import { type ClientId, isClientId } from './protocol.js'

export interface Request {
  readonly id: ClientId
  readonly cmd: string
  readonly command: Command
  readonly given: Given
}
export interface Complaint {
  /** Null when it could not be read. */
  readonly id: ClientId | null
  /** Names the field and what was expected of it. */
  readonly sentence: string
}

type Raw = Readonly<Record<string, unknown>>

const parsed = (text: string): Raw | undefined => {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Raw) : undefined
  } catch {
    return undefined
  }
}

/** The mark of a message that is not looked at any further. */
export const idOf = (text: string): ClientId | null => {
  const id = parsed(text)?.['id']
  return isClientId(id) ? id : null
}

const has = (raw: object, name: string): boolean => Object.hasOwn(raw, name)
const fieldsOf = ({ fields }: Command): string => ['id', 'cmd', ...Object.keys(fields)].join(', ')

const complaintAbout = (raw: Raw, cmd: string, command: Command): string | undefined => {
  for (const [name, { codec, isOptional }] of Object.entries(command.fields)) {
    if (!has(raw, name) && isOptional) continue
    if (!codec.is(raw[name])) return `Field "${name}" of ${cmd}: expected ${codec.name}.`
  }
  const known = new Set(['id', 'cmd', ...Object.keys(command.fields)])
  const unknown = Object.keys(raw).find((name) => !known.has(name))
  if (unknown === undefined) return undefined
  return `Field "${unknown.slice(0, 32)}" is not known: ${cmd} takes ${fieldsOf(command)}.`
}

/** Never throws. Every field is checked by the codec that the table has for it. */
export const decode = (text: string): E.Either<Complaint, Request> => {
  const raw = parsed(text)
  if (raw === undefined) {
    return E.left({ id: null, sentence: 'Expected a JSON object such as {"id":1,"cmd":"ping"}.' })
  }
  const { id, cmd } = raw
  if (!isClientId(id)) {
    return E.left({ id: null, sentence: 'Field "id": expected a whole number or 1 to 64 characters.' })
  }
  const command = typeof cmd === 'string' && has(commands, cmd) ? commands[cmd] : undefined
  if (command === undefined || typeof cmd !== 'string') {
    return E.left({ id, sentence: `Field "cmd": expected one of ${Object.keys(commands).join(', ')}.` })
  }
  const sentence = complaintAbout(raw, cmd, command)
  if (sentence !== undefined) return E.left({ id, sentence })
  const given = Object.fromEntries(
    Object.keys(command.fields).flatMap((name) => (has(raw, name) ? [[name, raw[name]]] : [])),
  )
  return E.right({ id, cmd, command, given: given as Given })
}

/** The page for clients: every command with its fields, from the table and its codecs. */
export const commandsPage = (): string =>
  Object.entries(commands)
    .map(([name, { says, fields }]) => {
      const lines = Object.entries(fields).map(
        ([field, { codec, isOptional }]) =>
          `  - \`${field}\`${isOptional ? ' (optional)' : ''}: ${codec.name}`,
      )
      return [`- \`${name}\`: ${says}`, ...lines].join('\n')
    })
    .join('\n')
