/** What is wrong with an action that a step gives, in sentences. */
import { Misuse } from './misuse.js'

/** For nothing at all in the place of a message. */
export const missingMessage = (place: string, given: unknown): Misuse =>
  new Misuse(
    'ForeignMessage',
    `${place}: expected a message made by a constructor, such as Party.Invite({ … }); got ${
      typeof given === 'function' ? 'a function, so call the constructor' : String(given)
    }.`,
  )

/** For a timer that would bring a message of another protocol. */
export const foreignTimer = (kind: string, used: string, message: { kind: string; tag: string }): Misuse =>
  new Misuse(
    'ForeignMessage',
    `${used}: "${kind}" would be sent ${message.kind}.${message.tag}, a message of another protocol. ` +
      'A timer brings what the constructors of its own protocol make; to tell somebody else, use act.tell.',
  )

const actionGiven = (given: unknown): string => {
  if (Array.isArray(given)) return 'a list: spread it, as in next(state, ...actions)'
  if (typeof given === 'function') return `the function ${given.name || 'itself'}: call it, as in act.stop()`
  if (typeof given === 'object' && given !== null) return 'an object that act did not make'
  return String(given)
}
/** For what stands among the actions of an outcome and is none. */
export const notAnAction = (given: unknown): Misuse =>
  new Misuse(
    'WrongForm',
    `An outcome was given something that is no action: ${actionGiven(given)}. ` +
      'Actions are what the functions of act return, as in next(state, act.stop()).',
  )
