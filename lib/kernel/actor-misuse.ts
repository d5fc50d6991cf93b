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

export const notAsked = (): Misuse =>
  new Misuse('WrongForm', 'self.asked is only there while an ask is handled; this is a tell, or it is over.')
export const commandGiven = (kind: string): Misuse =>
  new Misuse(
    'WrongForm',
    'act.command is for entities, which keep an outbox. ' +
      `In "${kind}", an actor of the node, await the ask on a ref instead.`,
  )
export const reminderGiven = (kind: string): Misuse =>
  new Misuse(
    'WrongForm',
    'Reminders are for entities, whose kind has reminders: true. ' +
      `In "${kind}", an actor of the node, use act.after.`,
  )
export const notLocal = (used: string): Misuse =>
  new Misuse(
    'WrongForm',
    `${used} takes a ref to an actor of this very node, such as node.local(…) or what node.start gives.`,
  )
export const lifeOver = (address: string): Misuse =>
  new Misuse(
    'WrongForm',
    `The life of ${address} that this self belongs to is over: what it left running can act no more.`,
  )
export const callCycle = (chain: string): Misuse =>
  new Misuse(
    'CallCycle',
    `${chain}: the last one waits in a handler for an answer that cannot come before that handler ends. ` +
      'Tell instead of asking, or answer later with putOff.',
  )
