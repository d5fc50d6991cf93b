/**
 * Decides what a supervisor does: OTP's semantics, word for word, without doing anything.
 *
 * One procedure runs at a time, as in OTP: starting the children, restarting a group, stopping. It is kept
 * as a `plan` of single starts and stops. News of children that comes meanwhile waits in the `backlog`,
 * except news of a child that the plan stops anyway.
 *
 * Guarantees
 * - Children are started in the order of their specs and stopped in the reverse of it, one at a time.
 * - 'rest_for_one' touches only the child that ended and those after it; 'one_for_all' touches all of them.
 * - A 'temporary' child is never started again, also when it fell only because a sibling did; its spec goes
 *   with it.
 * - A restart that fails to start is tried again after the present turn, when what came before is done: that
 *   counts as another restart, unless a sibling's restart has started it by then.
 * - A restart with a backoff is counted when it happens; its siblings go on until then.
 * - Never more than `intensity` restarts within `periodMs`: one more stops all children and ends the
 *   supervisor with 'shutdown', for its own parent to judge.
 *
 * Limits: a restart under 'one_for_one' costs the same however many children there are; what touches all of
 * them grows with their number.
 *
 * Reference: OTP `supervisor`. Deviations: the period is in milliseconds; a child may have a backoff.
 */
import { RingBuffer } from '../../lib/std/ring-buffer.js'
import { crash, normal, shutdown } from '../../lib/kernel/exit-reason.js'
import { type ChildState, delayAttempt, isRestarted } from './child.js'
import {
  advance,
  answerOf,
  closing,
  end,
  idsOf,
  isBusy,
  mayRestart,
  perform,
  planStarts,
  planStops,
  refused,
  restart,
  type SupervisorState,
  toDo,
} from './procedure.js'
import type { SupervisorAction, SupervisorEvent } from './protocol.js'
import { asked } from './requests.js'

type News<T extends SupervisorEvent['tag']> = Extract<SupervisorEvent, { readonly tag: T }>

/**
 * Takes one event and gives the actions it leads to. `now` is monotonic milliseconds. Changes `state` in
 * place.
 */
export const step = (state: SupervisorState, event: SupervisorEvent, now: number): SupervisorAction[] => {
  const actions: SupervisorAction[] = []
  if (state.phase === 'over') return refused(event)
  take(state, event, now, actions)
  advance(state, actions)
  while (!isBusy(state)) {
    const waiting = state.backlog.shift()
    if (waiting === undefined) break
    take(state, waiting, now, actions)
    advance(state, actions)
  }
  return actions
}

const take = (
  state: SupervisorState,
  event: SupervisorEvent,
  now: number,
  actions: SupervisorAction[],
): void => {
  switch (event.tag) {
    case 'Start':
      start(state)
      return
    case 'Stop':
      end(state, shutdown)
      return
    case 'Started':
      started(state, event)
      return
    case 'Ignored':
      ignored(state, event, actions)
      return
    case 'StartFailed':
      startFailed(state, event, now, actions)
      return
    case 'Ended':
      ended(state, event, now, actions)
      return
    case 'Retry':
      retry(state, event, now, actions)
      return
    default:
      asked(state, event, actions)
  }
}

const start = (state: SupervisorState): void => {
  if (state.phase !== 'new') return
  state.phase = 'starting'
  planStarts(state, idsOf(state))
  state.plan.push(toDo({ tag: 'ready' }))
}

const current = (
  state: SupervisorState,
  { id, run }: { id: string; run: number },
): ChildState | undefined => {
  const child = state.children.get(id)
  return child?.run === run ? child : undefined
}

const started = (state: SupervisorState, event: News<'Started'>): void => {
  const child = current(state, event)
  if (child?.status !== 'starting') return
  child.status = 'running'
  const { request } = state
  if (request === undefined) return
  const answer =
    event.info === undefined ? ({ tag: 'ok' } as const) : ({ tag: 'ok', info: event.info } as const)
  state.plan.push(toDo(answerOf(request.ticket, answer)))
  state.request = undefined
}

/** It counts as done: what was to be started after it is started. */
const ignored = (state: SupervisorState, event: News<'Ignored'>, actions: SupervisorAction[]): void => {
  const child = current(state, event)
  if (child?.status !== 'starting') return
  const { id, restart: type } = child.rule
  child.status = 'stopped'
  child.lastReason = normal
  // Its own start is the head of the plan.
  state.plan.shift()
  perform(state, closing(id, normal, type === 'temporary' ? 'gone' : 'kept'), actions)
  const { request } = state
  state.request = undefined
  if (request !== undefined) actions.push(answerOf(request.ticket, { tag: 'ignored' }))
}

const startFailed = (
  state: SupervisorState,
  event: News<'StartFailed'>,
  now: number,
  actions: SupervisorAction[],
): void => {
  const { id, error } = event
  const child = current(state, event)
  if (child === undefined) return
  const wasStarting = child.status === 'starting'
  child.status = 'stopped'
  child.lastReason = crash(error)
  if (!wasStarting || state.phase === 'ending') return
  const { request } = state
  state.plan = new RingBuffer()
  if (state.phase === 'starting') {
    planStops(state, idsOf(state))
    state.plan.push(toDo({ tag: 'failed', id, error }))
  } else if (request !== undefined) {
    state.request = undefined
    // A child that was only just added goes again; one that was known keeps its spec.
    perform(state, closing(id, crash(error), request.isNew ? 'gone' : 'kept'), actions)
    actions.push(answerOf(request.ticket, { tag: 'failed', error }))
  } else {
    restartFailed(child, now, actions)
  }
}

const restartFailed = (child: ChildState, now: number, actions: SupervisorAction[]): void => {
  const { id } = child.rule
  const attempt = delayAttempt(child, now)
  const { run } = child
  child.status = attempt === undefined ? 'retrying' : 'delayed'
  actions.push(attempt === undefined ? { tag: 'retry', id, run } : { tag: 'delay', id, run, attempt })
}

const ended = (
  state: SupervisorState,
  event: News<'Ended'>,
  now: number,
  actions: SupervisorAction[],
): void => {
  const child = current(state, event)
  if (child === undefined) return
  if (child.status === 'stopping') {
    child.status = 'stopped'
    child.lastReason = event.reason
    return
  }
  if (child.status === 'running') {
    child.status = 'ended'
    child.lastReason = event.reason
  }
  // From the backlog: the plan may have stopped it meanwhile, which settles it.
  if (child.status !== 'ended') return
  if (isBusy(state)) state.backlog.push(event)
  else judge(state, child, now, actions)
}

const judge = (state: SupervisorState, child: ChildState, now: number, actions: SupervisorAction[]): void => {
  const { rule, lastReason, run } = child
  const { id } = rule
  child.status = 'stopped'
  if (isRestarted(rule.restart, lastReason)) {
    const attempt = delayAttempt(child, now)
    if (attempt !== undefined) {
      child.status = 'delayed'
      actions.push({ tag: 'delay', id, run, attempt })
    } else if (mayRestart(state, now, actions)) restart(state, id)
    return
  }
  // The spec of a transient child stays, so that it can be started again by hand; a temporary one goes.
  perform(state, closing(id, lastReason, rule.restart === 'temporary' ? 'gone' : 'kept'), actions)
  if (rule.significant && endsAll(state)) end(state, shutdown)
}

const endsAll = ({ rules, children }: SupervisorState): boolean => {
  if (rules.autoShutdown !== 'all_significant') return rules.autoShutdown === 'any_significant'
  for (const { rule, status } of children.values()) {
    if (rule.significant && status !== 'stopped') return false
  }
  return true
}

const retry = (
  state: SupervisorState,
  event: News<'Retry'>,
  now: number,
  actions: SupervisorAction[],
): void => {
  const child = current(state, event)
  // Somebody terminated or restarted it meanwhile.
  if (child?.status !== 'retrying' && child?.status !== 'delayed') return
  if (isBusy(state)) {
    state.backlog.push(event)
    return
  }
  child.status = 'stopped'
  if (mayRestart(state, now, actions)) restart(state, event.id)
}
