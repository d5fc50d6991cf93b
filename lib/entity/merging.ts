/** The steps with which two copies of an entity of an available kind become one again. Pure. */
import * as E from 'fp-ts/lib/Either.js'
import { complaintsOf } from '../api/complaints.js'
import { freezing } from '../api/diagnostics.js'
import type { KindData } from '../api/kind.js'
import { Misuse, stepReturnedNothing } from '../api/misuse.js'
import { outcomeData } from '../api/outcome.js'
import { type HandOver, handOverFromWire } from '../available/protocol.js'
import type { Shard } from '../ownership/state.js'
import { sameData } from '../std/same.js'
import type { Wire } from '../wire/envelope.js'
import { answerInto } from './actions.js'
import { Draft } from './draft.js'
import { commandStem } from './hosting.js'
import type { StepContext, StepInput, StepResult } from './protocol.js'
import { done, isLive, malformed, setState, settle, stepEntity } from './step.js'

type Merge = Extract<StepInput, { readonly type: 'merge' }>

/** Runs whatever step this input asks for. Throws what a handler throws. */
export const stepAny = (context: StepContext, input: StepInput, shard: Shard): StepResult => {
  switch (input.type) {
    case 'conflict':
      return stepConflict(context, input)
    case 'merge': {
      const since = context.copy?.since ?? context.seq
      return stepMerge(context, input, commandStem(shard, { id: context.id, since }))
    }
    default:
      return stepEntity(context, input)
  }
}

/**
 * Takes over what another copy of this entity hands over: an ordinary change, applied once per reqId. `stem`
 * begins the reqIds of this entity's own commands.
 */
const stepMerge = (context: StepContext, { asker, payload }: Merge, stem: string): StepResult => {
  const known = context.copy?.replies.get(asker.reqId)
  if (known !== undefined) return { type: 'remembered', reply: known }
  const given = handOverFromWire(payload)
  if (E.isLeft(given)) return malformed(context, [given.left])
  const handOver = given.right
  const theirs = stateFrom(context.kind, handOver.state)
  if (E.isLeft(theirs)) return malformed(context, theirs.left)
  const draft = new Draft()
  const state = handOver.isLive ? stateInto(draft, theirs.right, context) : context.state
  repliesInto(draft, handOver, context)
  timersInto(draft, handOver, context)
  commandsInto(draft, { handOver, stem }, context)
  answerInto(draft, { asker, outcome: 'reply', payload: 'merged' }, context)
  return done(context, draft, state)
}

/** The last step of a copy that has lost. */
const stepConflict = (
  context: StepContext,
  { winner }: Extract<StepInput, { readonly type: 'conflict' }>,
): StepResult => {
  const { kind, state } = context
  if (kind.onConflict === undefined || !isLive(context)) return done(context, new Draft(), state)
  const outcome = outcomeData(kind.onConflict(freezing.on ? freezing.deep(state) : state, winner))
  if (outcome?.type !== 'stepped') throw stepReturnedNothing(kind.kind, 'onConflict')
  return settle(context, new Draft(), outcome, null)
}

const stateFrom = ({ source }: KindData, wire: Wire): E.Either<readonly string[], unknown> => {
  if (source.type !== 'mirrored') return E.right(wire)
  if (wire === undefined) return E.right(undefined)
  const decoded = source.codec.decode(wire)
  return E.isRight(decoded) ? E.right(decoded.right) : E.left(complaintsOf(decoded.left))
}
const encoded = ({ source }: KindData, state: unknown): unknown =>
  source.type === 'mirrored' ? source.codec.encode(state) : state

/** The state after it. Only one that differs is part of the change. */
const stateInto = (draft: Draft, theirs: unknown, context: StepContext): unknown => {
  const { kind, state: mine } = context
  if (!isLive(context)) {
    draft.life = 'live'
    setState(context, draft, theirs)
    return theirs
  }
  const merged = join(kind, mine, theirs)
  if (sameData(encoded(kind, merged), encoded(kind, mine))) return mine
  setState(context, draft, merged)
  return merged
}

const join = (kind: KindData, mine: unknown, theirs: unknown): unknown => {
  const { merge } = kind
  if (merge === undefined) throw new Misuse('InvalidDeclaration', `"${kind.kind}" has no merge.`)
  // Without a codec a state may be anything, and two equal ones are not recognised.
  if (!freezing.on || kind.source.type !== 'mirrored') return merge(mine, theirs)
  const merged = merge(freezing.deep(mine), freezing.deep(theirs))
  const same = (other: unknown): boolean => sameData(encoded(kind, merged), encoded(kind, other))
  const broken = !same(merge(theirs, mine))
    ? 'merge(a, b) and merge(b, a) differ'
    : same(merge(freezing.deep(merged), theirs))
      ? undefined
      : 'merging the same state twice changes it again'
  if (broken === undefined) return merged
  throw new Misuse(
    'MergeDoesNotCommute',
    `The merge of "${kind.kind}" depends on the order: ${broken}. Copies would not agree; keep what each ` +
      'side has by its own key, and lists in an order of their own.',
  )
}

const repliesInto = (draft: Draft, { replies }: HandOver, { copy }: StepContext): void => {
  for (const reply of replies) {
    const [reqId, outcome] = reply
    const known = copy?.replies.get(reqId)?.outcome
    if (known === undefined || (known === 'pending' && outcome !== 'pending')) draft.replies.push(reply)
  }
}

/** A timer that this copy has left alone is what the other one made of it. */
const timersInto = (draft: Draft, { timers }: HandOver, context: StepContext): void => {
  for (const [name, before, now] of timers) {
    const mine = context.copy?.timers.get(name)?.at ?? null
    const isFresh = !isLive(context) && now !== null
    if (isFresh || (mine === before && mine !== (now?.at ?? null))) draft.timers.push([name, now])
  }
}

/** Open commands go on from here, those that were answered there are over here too. */
const commandsInto = (
  draft: Draft,
  { handOver, stem }: { readonly handOver: HandOver; readonly stem: string },
  { copy }: StepContext,
): void => {
  const known = new Set<string>()
  for (const [number, command] of copy?.outbox ?? []) {
    const reqId = command.reqId ?? `${stem}${number}`
    known.add(reqId)
    if (handOver.answered.includes(reqId)) draft.commands.push([number, null])
  }
  let number = copy?.lastCommand ?? 0
  for (const command of handOver.commands) {
    if (command.reqId === undefined || known.has(command.reqId)) continue
    draft.commands.push([++number, command])
    draft.outputs.push({ to: 'command', number })
  }
}
