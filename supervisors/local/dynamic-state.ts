/**
 * Decides what a dynamic supervisor does: many children of one restart type, none before the other.
 *
 * As OTP's simple_one_for_one: a child that is not restarted leaves no trace, children stop all at once,
 * and one that takes long to start holds up nobody else.
 */
import { crash, type ExitReason, shutdown } from '../../lib/kernel/exit-reason.js'
import { countRestart } from './intensity.js'
import type { SupervisorAction, SupervisorEvent, SupervisorRules } from './protocol.js'
import { type ChildState, isRestarted } from './state.js'

export interface DynamicState {
  readonly rules: Pick<SupervisorRules, 'intensity' | 'periodMs'>
  readonly countMax: number
  readonly children: Map<string, ChildState & { ticket: number | undefined }>
  readonly restarts: number[]
  phase: 'new' | 'running' | 'ending' | 'over'
}

export const dynamicState = (rules: DynamicState['rules'], countMax: number): DynamicState => ({
  rules,
  countMax,
  children: new Map(),
  restarts: [],
  phase: 'new',
})

/**
 * Takes one event and gives the actions it leads to. `now` is monotonic milliseconds. Changes `state` in
 * place.
 */
export const dynamicStep = (state: DynamicState, event: SupervisorEvent, now: number): SupervisorAction[] => {
  const actions: SupervisorAction[] = []
  if (event.tag === 'Start') {
    if (state.phase !== 'new') return actions
    state.phase = 'running'
    return [{ tag: 'ready' }]
  }
  if (event.tag === 'Stop') end(state, actions)
  else if (event.tag === 'StartChild') startChild(state, event, actions)
  else if ('ticket' in event) asked(state, event, actions)
  else judge(state, event, now, actions)
  if (state.phase === 'ending' && state.children.size === 0) {
    state.phase = 'over'
    actions.push({ tag: 'end', reason: shutdown })
  }
  return actions
}

const answer = (ticket: number, tag: 'ok' | 'already-started' | 'not-found'): SupervisorAction => ({
  tag: 'answer',
  ticket,
  answer: { tag },
})

const startChild = (
  state: DynamicState,
  event: Extract<SupervisorEvent, { readonly tag: 'StartChild' }>,
  actions: SupervisorAction[],
): void => {
  const { rule, ticket } = event
  if (state.phase !== 'running') {
    actions.push(answer(ticket, 'not-found'))
  } else if (state.children.has(rule.id)) {
    actions.push(answer(ticket, 'already-started'))
  } else if (state.children.size >= state.countMax) {
    const { countMax } = state
    actions.push({ tag: 'answer', ticket, answer: { tag: 'full', countMax } })
  } else {
    state.children.set(rule.id, { rule, status: 'starting', run: 1, lastReason: shutdown, ticket })
    actions.push({ tag: 'start', id: rule.id, run: 1 })
  }
}

/** OTP refuses restart and delete here: a child has no spec of its own. */
const asked = (
  state: DynamicState,
  event: Extract<SupervisorEvent, { readonly ticket: number }>,
  actions: SupervisorAction[],
): void => {
  const id = 'id' in event ? event.id : ''
  const child = state.children.get(id)
  if (event.tag !== 'TerminateChild' || child === undefined) {
    actions.push(answer(event.ticket, 'not-found'))
    return
  }
  const { ticket } = child
  child.ticket = event.ticket
  if (ticket !== undefined) actions.push(answer(ticket, 'not-found'))
  stop(state, child, actions)
}

type Child = ChildState & { ticket: number | undefined }

const stop = (state: DynamicState, child: Child, actions: SupervisorAction[]): void => {
  const { rule, run, status } = child
  if (status === 'running' || status === 'starting') {
    child.status = 'stopping'
    actions.push({ tag: 'stop', id: rule.id, run })
  } else if (status !== 'stopping') {
    close(state, child, child.lastReason, actions)
  }
}

const close = (state: DynamicState, child: Child, reason: ExitReason, actions: SupervisorAction[]): void => {
  const { id } = child.rule
  state.children.delete(id)
  actions.push({ tag: 'close', id, reason, spec: 'gone' })
  if (child.ticket !== undefined) actions.push(answer(child.ticket, 'ok'))
}

const end = (state: DynamicState, actions: SupervisorAction[]): void => {
  if (state.phase === 'over') return
  state.phase = 'ending'
  for (const child of [...state.children.values()]) stop(state, child, actions)
}

const judge = (
  state: DynamicState,
  event: Exclude<SupervisorEvent, { readonly ticket: number } | { readonly tag: 'Start' | 'Stop' }>,
  now: number,
  actions: SupervisorAction[],
): void => {
  const child = state.children.get(event.id)
  if (child?.run !== event.run) return
  const { status, ticket, rule } = child
  if (event.tag === 'Started' && status === 'starting') {
    child.status = 'running'
    child.ticket = undefined
    if (ticket !== undefined) actions.push(answer(ticket, 'ok'))
  } else if (event.tag === 'Retry' && status === 'retrying') {
    begin(child, actions)
  } else if (event.tag === 'StartFailed' && status === 'starting') {
    child.lastReason = crash(event.error)
    if (ticket !== undefined) {
      child.ticket = undefined
      close(state, child, child.lastReason, actions)
      actions.push({ tag: 'answer', ticket, answer: { tag: 'failed', error: event.error } })
    } else if (mayRestart(state, child, now, actions)) {
      child.status = 'retrying'
      actions.push({ tag: 'retry', id: rule.id, run: child.run })
    }
  } else if (event.tag === 'Ended' && status === 'stopping') {
    close(state, child, event.reason, actions)
  } else if (event.tag === 'Ended' && status === 'running') {
    child.lastReason = event.reason
    if (!isRestarted(rule.restart, event.reason)) close(state, child, event.reason, actions)
    else if (mayRestart(state, child, now, actions)) begin(child, actions)
  }
}

const begin = (child: Child, actions: SupervisorAction[]): void => {
  child.status = 'starting'
  child.run++
  actions.push({ tag: 'start', id: child.rule.id, run: child.run })
}

const mayRestart = (state: DynamicState, child: Child, now: number, actions: SupervisorAction[]): boolean => {
  const { intensity, periodMs } = state.rules
  child.status = 'stopped'
  if (countRestart(state.restarts, intensity, periodMs, now)) return true
  actions.push({ tag: 'exceeded' })
  end(state, actions)
  return false
}
