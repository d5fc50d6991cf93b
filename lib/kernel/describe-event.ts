import type { NodeEvent } from '../api/node-event.js'
import type { LifecycleEvent } from './events.js'
import type { ExitReason } from './exit-reason.js'
import { textOfThrown } from '../std/text.js'

type Told = readonly [level: NodeEvent['level'], sentence: string]

/** With one mark at its end. */
const ended = (text: string): string => (/[.!?…]$/.test(text) ? text : `${text}.`)
/** How a life ended, after "it". */
const endOf = (reason: ExitReason): string => {
  switch (reason.tag) {
    case 'crash':
      return ended(`crashed: ${textOfThrown(reason.error)}`)
    case 'normal':
      return 'ended by itself.'
    case 'kill':
      return 'was killed.'
    default:
      return 'was shut down.'
  }
}
const tagOf = (message: unknown): string => {
  const tag = (message as { readonly tag?: unknown } | null | undefined)?.tag
  return typeof tag === 'string' ? ` (${tag})` : ''
}

const suspectsOf = (suspects: readonly string[]): string => {
  if (suspects.length === 0) return 'Something outside of actors, or code of an actor after an await,'
  if (suspects.length === 1) return `Actor ${suspects[0]}`
  return `One of the actors ${suspects.slice(0, 5).join(', ')}${suspects.length > 5 ? ', …' : ''}`
}

const told = (event: LifecycleEvent): Told => {
  switch (event.tag) {
    case 'ActorStarted':
      return ['debug', `Actor ${event.path} started.`]
    case 'ActorRestarted':
      return [
        'info',
        `Actor ${event.path} restarted, incarnation ${event.incarnation}; before it ${endOf(event.reason)}`,
      ]
    case 'ActorStopped':
      return [event.reason.tag === 'kill' ? 'warn' : 'debug', `Actor ${event.path} ${endOf(event.reason)}`]
    case 'ActorCrashed':
      return ['error', `Actor ${event.path} crashed${tagOf(event.message)}: ${textOfThrown(event.error)}`]
    case 'SnapshotFailed':
      return [
        'warn',
        `The snapshot of actor ${event.path} was not written: ${textOfThrown(event.error)} ` +
          'Its journal is whole, and it goes on.',
      ]
    case 'MailboxHigh':
      return [
        'warn',
        `${event.mailboxCount} of ${event.mailboxCountMax} messages wait for actor ${event.path}. ` +
          'It is slower than those who tell it: spread the load, or raise mailboxCountMax.',
      ]
    case 'LoopBlocked':
      return [
        'warn',
        `${suspectsOf(event.suspects)} blocked the event loop for ${Math.round(event.blockedMs)} ms. ` +
          'Nothing else of this process ran meanwhile: split the work, or move it to a worker thread.',
      ]
    case 'DeadLettered': {
      const { path, reason, message } = event.letter
      return ['info', `A message${tagOf(message)} to ${path} was not delivered: ${reason}.`]
    }
    case 'RestartDelayed':
      return ['warn', `Actor ${event.path} fell again and is restarted in ${event.delayMs} ms.`]
    case 'IntensityExceeded':
      return [
        'error',
        `Supervisor ${event.path} gave up: more than ${event.intensity} restarts in ${event.periodMs} ms.`,
      ]
  }
}

/** Made for each start and stop of an actor, so what it says is only made when somebody looks. */
class Described implements NodeEvent {
  constructor(private readonly event: LifecycleEvent) {}

  get tag(): string {
    return this.event.tag
  }
  get level(): NodeEvent['level'] {
    return told(this.event)[0]
  }
  get sentence(): string {
    return told(this.event)[1]
  }
  get fields(): NodeEvent['fields'] {
    const { tag, ...fields } = this.event
    return fields
  }
  toJSON(): NodeEvent {
    const { tag, level, sentence, fields } = this
    return { tag, level, sentence, fields }
  }
}

/** An event of the kernel as a node tells it. */
export const describeEvent = (event: LifecycleEvent): NodeEvent => new Described(event)
