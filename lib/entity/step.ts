/**
 * One step of one entity, pure: a message, a timer or a command's answer goes in, a change or an answer comes
 * out. The shell gives the change its place in the shard's log.
 */
import * as E from 'fp-ts/lib/Either.js'
import { freezing } from '../api/diagnostics.js'
import type { Undeliverable } from '../api/answer.js'
import { complaintsOf } from '../api/complaints.js'
import { stateDoesNotFit, stateMutated, stepReturnedNothing, stepReturnedPromise } from '../api/misuse.js'
import { outcomeData, type OutcomeData } from '../api/outcome.js'
import { ignore } from '../api/starting.js'
import {
  decodePayload,
  decodeRefusal,
  decodeReply,
  encodeRefusal,
  encodeReply,
  type MessageSpecData,
} from '../api/spec.js'
import { type AskError, describe } from '../errors.js'
import { formatAddress } from '../ids.js'
import { sizeOf } from '../wire/size.js'
import { actionsInto, answerInto, forActorsOfANode, lateOf } from './actions.js'
import { isNewer, isRepeated, openAsk } from './asked.js'
import type { Change, Command } from './copy.js'
import { Draft } from './draft.js'
import type { Asker, StepContext, StepInput, StepResult } from './protocol.js'

const none: StepResult = { type: 'nothing' }
const failed = (error: AskError): StepResult => ({ type: 'error', error })
export const malformed = (context: StepContext, complaints: readonly string[]): StepResult =>
  failed({ tag: 'Malformed', address: formatAddress(context.kind.kind, context.id), complaints })

/** Runs one step. Throws what the handler throws: then nothing has changed. */
export const stepEntity = (
  context: StepContext,
  input: Exclude<StepInput, { type: 'merge' | 'conflict' }>,
): StepResult => {
  switch (input.type) {
    case 'tell':
      return stepTell(context, input)
    case 'ask':
      return stepAsk(context, input)
    case 'spawn':
      return stepSpawn(context, input.asker)
    case 'end':
      return stepEnd(context, input.asker)
    case 'timer':
      return stepTimer(context, input)
    case 'answer':
      return stepAnswer(context, input)
    case 'abandon':
      return stepAbandon(context, input.number)
    case 'wake':
      return none
    case 'passivate':
      return isLive(context) ? done(context, new Draft('stopped'), undefined) : none
    case 'start':
      return stepStart(context)
    case 'forget':
      return done(context, new Draft('gone'), undefined)
  }
}

/** The step made a state that is larger than its kind, or the node, allows. */
export class StateTooLarge extends RangeError {
  constructor(
    /** The kind's own `stateBytesMax`, not `payloadBytesMax`. */
    readonly isOwnLimit: boolean,
    sentence: string,
  ) {
    super(sentence)
  }
}

/** All that a step changed and said is more than one frame takes, so no mirror could ever have it. */
export class StepTooLarge extends RangeError {}

/** Throws `StepTooLarge`; then nothing has changed. `bytesMax` is the longest frame. */
export const checkFits = (
  address: string,
  change: Change,
  payloadBytesMax: number,
  bytesMax: number,
): void => {
  let bytes = frameRestBytes
  for (const output of change.outputs) if ('payload' in output) bytes += sizeOf(output.payload) + outputBytes
  for (const [, , payload] of change.replies ?? []) bytes += sizeOf(payload) + outputBytes
  for (const [, due] of change.timers ?? []) bytes += sizeOf(due?.payload) + outputBytes
  for (const [, command] of change.commands ?? [])
    bytes += sizeOf(command?.payload) + sizeOf(command?.then.payload) + outputBytes
  // The state by itself is never longer than a payload.
  if (bytes + payloadBytesMax <= bytesMax || bytes + sizeOf(change.state) <= bytesMax) return
  throw new StepTooLarge(
    `A step of ${address} made ${bytes + sizeOf(change.state)} bytes of state, answers and messages, ` +
      `more than frameBytesMax (${bytesMax}). Do less in one step.`,
  )
}
/** About what stands around the payloads: ids, tags and numbers. */
const outputBytes = 400
const frameRestBytes = 1_024

export const changeTooLarge = (address: string): RangeError =>
  new RangeError(
    `What one step of ${address} changed is too much for one entry of its journal: its state, its answers, ` +
      'timers and commands together. Do less in one step.',
  )

export const isLive = (context: StepContext): boolean => context.copy?.life === 'live'
const mayBegin = (context: StepContext): boolean => context.kind.activate === 'first-message'

/** Of a live entity as it is, else with the state that it begins with; undefined when its kind declines. */
const present = (context: StepContext): StepContext | undefined => {
  if (isLive(context)) return context
  const { begun, kind, id, now } = context
  const state = begun === undefined ? kind.init(id, now) : begun.state
  return state === ignore ? undefined : { ...context, state }
}

const nobody = (context: StepContext): StepResult =>
  failed({ tag: 'NoRecipient', address: formatAddress(context.kind.kind, context.id) })
const declined = ({ kind: { kind }, id }: StepContext): StepResult =>
  failed({ tag: 'NoRecipient', address: formatAddress(kind, id), child: kind })

const isFull = (context: StepContext): boolean =>
  (context.copy?.outbox.size ?? 0) >= context.limits.commandsPendingCountMax
const overloaded = (context: StepContext): StepResult =>
  failed({
    tag: 'Overloaded',
    address: formatAddress(context.kind.kind, context.id),
    mailboxCountMax: context.limits.commandsPendingCountMax,
    retryAfterMs: 100,
  })

const stepTell = (given: StepContext, input: Extract<StepInput, { type: 'tell' }>): StepResult => {
  if (!isLive(given) && !mayBegin(given)) return nobody(given)
  const context = present(given)
  if (context === undefined) return declined(given)
  const spec = context.kind.data.specs.get(input.tag)
  if (spec === undefined || spec.form !== 'tell') return malformed(context, [`no tell named ${input.tag}`])
  if (isFull(context)) return overloaded(context)
  const draft = new Draft()
  if (input.from !== undefined) {
    if (!isNewer(context.copy?.heard.get(input.from.shard), input.from)) {
      const isKnown = isRepeated(context.copy?.heard.get(input.from.shard), input.from)
      return isKnown ? none : { type: 'overtaken' }
    }
    const { shard, gen, seq, part, epoch } = input.from
    draft.heard.push([shard, [gen, seq, part, epoch]])
  }
  const payload = decodePayload(spec, input.payload)
  if (E.isLeft(payload)) return malformed(context, payload.left)
  const outcome = decide(context, input.tag, payload.right, { origin: input.origin })
  return settle(context, draft, outcome, null)
}

const stepAsk = (given: StepContext, input: Extract<StepInput, { type: 'ask' }>): StepResult => {
  const { asker } = input
  const known = given.copy?.replies.get(asker.reqId)
  if (known !== undefined) return known.outcome === 'pending' ? none : { type: 'remembered', reply: known }
  if (isBelowFloor(given, asker)) return none
  if (!isLive(given) && !mayBegin(given)) return nobody(given)
  const context = present(given)
  if (context === undefined) return declined(given)
  const spec = context.kind.data.specs.get(input.tag)
  if (spec === undefined || (spec.form !== 'ask' && spec.form !== 'read'))
    return malformed(context, [`no ask named ${input.tag}`])
  if (spec.form === 'ask' && isFull(context)) return overloaded(context)
  const payload = decodePayload(spec, input.payload)
  if (E.isLeft(payload)) return malformed(context, payload.left)
  const at = { origin: input.origin, asked: openAsk(asker, input.tag) }
  if (spec.form === 'read')
    return { type: 'read', payload: encodeReply(spec, run(context, input.tag, payload.right, at)) }
  const draft = new Draft()
  forgetAnswered(context, draft, asker)
  return settle(context, draft, decide(context, input.tag, payload.right, at), { asker, spec })
}

/** The sender of commands has had the answers below its floor: they are not repeated, only late. */
const forgetAnswered = (context: StepContext, draft: Draft, asker: Asker): void => {
  if (asker.floor === undefined) return
  const sender = senderOf(asker)
  draft.heard.push([sender, [Math.max(asker.floor, floorOf(context, sender)), 0, 0, 0]])
  const { commandKeepMs, replyKeepMs } = context.limits
  for (const [reqId, { keepUntil }] of context.copy?.replies ?? []) {
    // Not at once: what was sent before may still be under way, and the floor is kept for some senders only.
    const isOld = keepUntil - commandKeepMs + replyKeepMs <= context.now
    if (isOld && reqId.startsWith(sender) && Number(reqId.slice(sender.length)) < asker.floor)
      draft.forgets.push(reqId)
  }
}
const senderOf = (asker: Asker): string => asker.reqId.slice(0, asker.reqId.lastIndexOf('/') + 1)
const isBelowFloor = (context: StepContext, asker: Asker): boolean => {
  if (asker.floor === undefined) return false
  const sender = senderOf(asker)
  return Number(asker.reqId.slice(sender.length)) < floorOf(context, sender)
}
/** Kept where the positions of tells are, bounded as they are. */
const floorOf = (context: StepContext, sender: string): number => context.copy?.heard.get(sender)?.[0] ?? 0

const stepSpawn = (given: StepContext, asker: Asker): StepResult => {
  const known = given.copy?.replies.get(asker.reqId)
  if (known !== undefined) return { type: 'remembered', reply: known }
  const context = present(given)
  if (context === undefined) return declined(given)
  const draft = new Draft()
  const isStarting = !isLive(context)
  const payload = isStarting ? 'started' : 'already-started'
  if (isStarting) draft.life = 'live'
  answerInto(draft, { asker: asker, outcome: 'reply', payload: payload }, context)
  return done(context, draft, context.state)
}

const stepStart = (given: StepContext): StepResult => {
  const context = isLive(given) ? undefined : present(given)
  return context === undefined ? none : done(context, new Draft('live'), context.state)
}

const stepEnd = (context: StepContext, asker: Asker): StepResult => {
  const known = context.copy?.replies.get(asker.reqId)
  if (known !== undefined) return { type: 'remembered', reply: known }
  if (!isLive(context)) return nobody(context)
  const draft = new Draft()
  draft.life = 'stopped'
  answerInto(draft, { asker, outcome: 'reply', payload: 'stopped' }, context)
  return done(context, draft, undefined)
}

const stepTimer = (
  given: StepContext,
  { name, at }: Extract<StepInput, { readonly type: 'timer' }>,
): StepResult => {
  const due = given.copy?.timers.get(name)
  const late = lateOf(name, at, given.now)
  if (due?.at !== at || !(late !== undefined || isLive(given))) return none
  const spec = given.kind.inner?.specs.get(due.tag) ?? given.kind.data.specs.get(due.tag)
  const draft = new Draft()
  draft.timers.push([name, null])
  const context = present(given)
  if (context === undefined) return done(given, draft, undefined)
  const payload =
    spec === undefined ? E.left([`no message named ${due.tag}`]) : decodePayload(spec, due.payload)
  if (E.isLeft(payload)) return malformed(context, payload.left)
  return settle(
    context,
    draft,
    decide(context, due.tag, payload.right, { origin: context.here, ...late }),
    null,
  )
}

const stepAnswer = (context: StepContext, input: Extract<StepInput, { type: 'answer' }>): StepResult => {
  const command = context.copy?.outbox.get(input.number)
  if (command === undefined) return none
  const draft = new Draft()
  draft.commands.push([input.number, null])
  if (!isLive(context)) return done(context, draft, undefined)
  const spec = context.kind.inner?.specs.get(command.then.tag)
  if (spec === undefined) return malformed(context, [`no answer named ${command.then.tag}`])
  const fixed = decodePayload(spec, command.then.payload)
  if (E.isLeft(fixed)) return malformed(context, fixed.left)
  const payload = { ...(fixed.right as object), answer: answerFrom(spec, command, input) }
  return settle(context, draft, decide(context, command.then.tag, payload, { origin: context.here }), null)
}

/** What the handler is given: right with the reply, left with the refusal or why there is none. */
const answerFrom = (
  spec: MessageSpecData,
  { kind, id }: Command,
  { outcome, payload }: Extract<StepInput, { type: 'answer' }>,
): E.Either<unknown, unknown> => {
  if (outcome === 'undeliverable') return E.left(payload)
  const decoded = outcome === 'reply' ? decodeReply(spec, payload) : decodeRefusal(spec, payload)
  if (E.isRight(decoded)) return outcome === 'reply' ? decoded : E.left(decoded.right)
  const address = formatAddress(kind, id)
  const detail = describe({ tag: 'Malformed', address, complaints: decoded.left })
  return E.left({ tag: 'Undeliverable', why: 'AnswerMalformed', address, detail } satisfies Undeliverable)
}

const stepAbandon = (context: StepContext, number: number): StepResult => {
  if (context.copy?.outbox.has(number) !== true) return none
  const draft = new Draft()
  draft.commands.push([number, null])
  return done(context, draft, context.state)
}

const run = (context: StepContext, tag: string, payload: unknown, at: object): unknown => {
  const { kind, id, now, gen } = context
  const handler = kind.on[tag]
  if (handler === undefined) throw new TypeError(`${kind.kind} has no handler for ${tag}`)
  const { state } = context
  if (!freezing.on) return handler(state, payload, { id, now, copy: String(gen), ...at })
  try {
    return handler(freezing.deep(state), freezing.deep(payload), { id, now, copy: String(gen), ...at })
  } catch (error) {
    if (error instanceof TypeError && /read only|not extensible|Cannot delete/.test(error.message))
      throw stateMutated(kind.kind, id, tag, error)
    throw error
  }
}

interface Open {
  readonly asker: Asker
  readonly spec: MessageSpecData
}

export const settle = (
  context: StepContext,
  draft: Draft,
  outcome: OutcomeData,
  open: Open | null,
): StepResult => {
  if (outcome.type === 'refused') {
    if (open !== null)
      answerInto(
        draft,
        { asker: open.asker, outcome: 'refusal', payload: encodeRefusal(open.spec, outcome.value) },
        context,
      )
    return done(context, draft, undefined)
  }
  if (open !== null && outcome.type === 'replied')
    answerInto(
      draft,
      { asker: open.asker, outcome: 'reply', payload: encodeReply(open.spec, outcome.value) },
      context,
    )
  if (open !== null && outcome.type === 'put-off')
    draft.replies.push([open.asker.reqId, 'pending', undefined, context.now + context.limits.commandKeepMs])
  actionsInto(draft, outcome.actions, context)
  const before = stateOfIfLive(context)
  if (!isLive(context) && draft.life !== 'stopped') draft.life = 'live'
  if (draft.life === 'live' || !Object.is(outcome.state, before)) setState(context, draft, outcome.state)
  return done(context, draft, outcome.state)
}

const stateOfIfLive = (context: StepContext): unknown => (isLive(context) ? context.state : undefined)

/** Refuses here what no other node could read: an acknowledged state must be one that can be taken over. */
export const setState = (context: StepContext, draft: Draft, state: unknown): void => {
  const { source } = context.kind
  draft.hasState = true
  if (source.type !== 'mirrored' && source.type !== 'persisted') return
  if (!source.codec.is(state)) {
    const decoded = source.codec.decode(state)
    const complaints = E.isLeft(decoded) ? complaintsOf(decoded.left) : [`expected ${source.codec.name}`]
    throw stateDoesNotFit(context.kind.kind, 'a step', complaints)
  }
  draft.state = source.codec.encode(state)
  const bytes = sizeOf(draft.state)
  const { stateBytesMax } = context.kind.limits
  // One that fits into no frame would reach no mirror, and hold up all of its shard.
  const { payloadBytesMax } = context.limits
  const isOwn = stateBytesMax !== undefined && stateBytesMax < payloadBytesMax
  const bytesMax = isOwn ? stateBytesMax : payloadBytesMax
  if (bytes > bytesMax)
    throw new StateTooLarge(
      isOwn,
      `The state of ${formatAddress(context.kind.kind, context.id)} is ${bytes} bytes, ` +
        `more than ${isOwn ? 'its stateBytesMax' : 'payloadBytesMax'} (${bytesMax}).`,
    )
}

const decide = (context: StepContext, tag: string, payload: unknown, at: object): OutcomeData => {
  const value = run(context, tag, payload, at)
  const outcome = outcomeData(value)
  if (outcome?.type === 'stashed') throw forActorsOfANode('stash')
  if (outcome !== undefined) return outcome
  const isPromise = typeof (value as { then?: unknown } | null | undefined)?.then === 'function'
  throw (isPromise ? stepReturnedPromise : stepReturnedNothing)(context.kind.kind, tag)
}

export const done = (context: StepContext, draft: Draft, state: unknown): StepResult => {
  if (draft.life === 'live' && !draft.hasState) setState(context, draft, state)
  const isOver = draft.life === 'stopped' || draft.life === 'gone'
  const after = isOver ? undefined : draft.hasState ? state : context.state
  return { type: 'change', change: draft.finish(context.seq, context.id, context.now), state: after }
}
