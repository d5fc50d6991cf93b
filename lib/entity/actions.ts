/** What a handler asked for, as parts of a change. */
import { type Action, type ActionData, actionData } from '../api/act.js'
import { type MessageData, specOfMessage } from '../api/maker.js'
import { foreignTimer, notAnAction } from '../api/action-misuse.js'
import { Misuse } from '../api/misuse.js'
import { encodePayload, encodeRefusal, encodeReply } from '../api/spec.js'
import { formatAddress } from '../ids.js'
import type { Wire } from '../wire/envelope.js'
import { sizeOf } from '../wire/size.js'
import { parseAsked } from './asked.js'
import type { Command } from './copy.js'
import type { Draft } from './draft.js'
import type { Asker, StepContext } from './protocol.js'
import { isReminder, reminderName } from './reminder-name.js'

const encoded = (message: MessageData): Wire => encodePayload(message[specOfMessage], message.payload)

export const actionsInto = (draft: Draft, actions: readonly Action[], context: StepContext): void => {
  let command = context.copy?.lastCommand ?? 0
  const floor = floorOf(draft, context)
  for (const action of actions) {
    const data = actionData(action)
    if (data.type === 'command') commandInto(draft, commandOf(data, context, floor || command + 1), ++command)
    else oneInto(draft, data, context)
  }
}

/** The lowest command that is still open once this change is; 0 when there is none. */
const floorOf = (draft: Draft, context: StepContext): number => {
  for (const number of context.copy?.outbox.keys() ?? [])
    if (!draft.commands.some(([answered]) => answered === number)) return number
  return 0
}

const commandOf = (
  { to, message, then }: Extract<ActionData, { type: 'command' }>,
  { kind, id, limits }: StepContext,
  floor: number,
): Command => {
  const { payloadBytesMax } = limits
  const fixed = encoded(then)
  if (sizeOf(fixed) > payloadBytesMax)
    throw new RangeError(
      `${formatAddress(kind.kind, id)}: the fixed part of ${then.tag} is ${sizeOf(fixed)} bytes, ` +
        `more than payloadBytesMax (${payloadBytesMax}).`,
    )
  const { kind: receiver, id: of } = to
  const rest = { kind: receiver, id: of, tag: message.tag, then: { tag: then.tag, payload: fixed }, floor }
  const payload = encoded(message)
  const bytes = sizeOf(payload)
  // Neither kept nor sent: the change that carries it would fit into no frame to a mirror.
  return bytes > payloadBytesMax ? { ...rest, payload: undefined, bytes } : { ...rest, payload }
}

const commandInto = (draft: Draft, command: Command, number: number): void => {
  draft.commands.push([number, command])
  draft.outputs.push({ to: 'command', number })
}

const oneInto = (
  draft: Draft,
  data: Exclude<ActionData, { type: 'command' }>,
  context: StepContext,
): void => {
  switch (data.type) {
    case 'tell': {
      const { to, message } = data
      const what = { kind: to.kind, tag: message.tag, payload: encoded(message) }
      if (to.node === undefined) draft.outputs.push({ to: 'entity', id: to.id, ...what })
      else draft.outputs.push({ to: 'node', node: to.node, ...what })
      break
    }
    case 'answer':
    case 'refuse':
      closeInto(draft, data, context)
      break
    case 'publish': {
      const { codec, name } = data.topic
      if (codec === undefined)
        throw new Misuse(
          'CannotTravel',
          `${context.kind.kind} publishes on ${name}, which never leaves its node.`,
        )
      draft.outputs.push({ to: 'topic', topic: name, payload: codec.encode(data.payload) })
      break
    }
    case 'every':
    case 'unstash':
      throw forActorsOfANode(`act.${data.type}`)
    case 'after': {
      if (data.jitter !== undefined) throw forActorsOfANode('A timer with jitter')
      if (data.message.kind !== context.kind.kind)
        throw foreignTimer(context.kind.kind, 'act.after', data.message)
      const name = data.name ?? `~${context.seq}.${draft.timers.length}`
      const { tag } = data.message
      draft.timers.push([name, { at: context.now + data.delayMs, tag, payload: encoded(data.message) }])
      break
    }
    case 'remind':
      remindInto(draft, data, context)
      break
    case 'forget-reminder':
      draft.timers.push([reminderName(data.name), null])
      break
    case 'cancel':
      draft.timers.push([data.name, null])
      break
    case 'stop':
      draft.life = 'stopped'
      break
    default:
      throw notAnAction(data)
  }
}

const remindInto = (
  draft: Draft,
  { name, at, afterMs = 0, message }: Extract<ActionData, { type: 'remind' }>,
  context: StepContext,
): void => {
  const { kind, now, copy, limits } = context
  if (!kind.reminders)
    throw new Misuse(
      'InvalidDeclaration',
      `"${kind.kind}" uses act.remind, so its kind needs reminders: true.`,
    )
  if (message.kind !== kind.kind) throw foreignTimer(kind.kind, 'act.remind', message)
  const own = reminderName(name)
  let count = 0
  for (const each of copy?.timers.keys() ?? []) if (isReminder(each) && each !== own) count++
  for (const [each, due] of draft.timers) if (isReminder(each) && each !== own && due !== null) count++
  if (count >= limits.remindersCountMax)
    throw new TooManyReminders(kind.kind, context.id, limits.remindersCountMax)
  draft.timers.push([own, { at: at ?? now + afterMs, tag: message.tag, payload: encoded(message) }])
}

/** How late a reminder is; undefined for a timer that is none. */
export const lateOf = (name: string, at: number, now: number): { readonly lateMs: number } | undefined =>
  isReminder(name) ? { lateMs: Math.max(0, now - at) } : undefined

/** The step set one reminder more than an entity may have. */
export class TooManyReminders extends RangeError {
  constructor(kind: string, id: string, countMax: number) {
    super(`${formatAddress(kind, id)} has ${countMax} reminders, which is its remindersCountMax.`)
  }
}

/** What an entity asks for that only an actor of a node has. */
export const forActorsOfANode = (what: string): Misuse =>
  new Misuse(
    'WrongForm',
    `${what} is for actors of a node, declared with behavior(…); an entity has its state and act.after.`,
  )

/** Remembers an answer under its reqId, and sends it. */
export const answerInto = (
  draft: Draft,
  given: { readonly asker: Asker; readonly outcome: 'reply' | 'refusal'; readonly payload: Wire },
  { limits, now }: StepContext,
): void => {
  const { asker, outcome, payload } = given
  const keepMs = asker.floor === undefined ? limits.replyKeepMs : limits.commandKeepMs
  draft.replies.push([asker.reqId, outcome, payload, now + keepMs])
  draft.outputs.push({ to: 'asker', asker: asker.node, ask: asker.ask, outcome, payload })
}

/** Answers an ask that was put off, once: what is not open any more is left alone. */
const closeInto = (
  draft: Draft,
  data: Extract<ActionData, { type: 'answer' | 'refuse' }>,
  context: StepContext,
): void => {
  const { asker, tag } = parseAsked(data.asked)
  const drafted = draft.replies.findLast(([reqId]) => reqId === asker.reqId)?.[1]
  const isOpen = (drafted ?? context.copy?.replies.get(asker.reqId)?.outcome) === 'pending'
  const spec = context.kind.data.specs.get(tag)
  if (!isOpen || spec === undefined) return
  if (data.type === 'answer')
    answerInto(draft, { asker, outcome: 'reply', payload: encodeReply(spec, data.reply) }, context)
  else answerInto(draft, { asker, outcome: 'refusal', payload: encodeRefusal(spec, data.refusal) }, context)
}
