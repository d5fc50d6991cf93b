/** What local actors do wrong, in sentences. */
import { Misuse } from '../api/misuse.js'

/** Whether the engine complains that something frozen was changed. */
export const isInPlaceChange = (error: unknown): boolean =>
  error instanceof TypeError && /read only|not extensible|Cannot delete|Cannot redefine/.test(error.message)

export const unhandled = (kind: string, tag: string): Misuse =>
  new Misuse('ForeignMessage', `"${kind}" has no handler for ${tag}: the message is of another protocol.`)
export const unanswered = (kind: string, tag: string): Misuse =>
  new Misuse(
    'WrongForm',
    `The handler ${tag} of "${kind}" returned next, but was asked: return reply, refuse or putOff.`,
  )
