/**
 * Decides what a dynamic supervisor does: many children of one restart type, none before the other.
 *
 * As OTP's simple_one_for_one: a child that is not restarted leaves no trace, children stop all at once,
 * and one that takes long to start holds up nobody else.
 */
import { crash, type ExitReason, normal, shutdown } from '../../lib/kernel/exit-reason.js'
import { type ChildState, delayAttempt, isRestarted } from './child.js'
import { countRestart } from './intensity.js'
import type { ChildAnswer, SupervisorAction, SupervisorEvent, SupervisorRules } from './protocol.js'

export interface DynamicState {
  rules: Pick<SupervisorRules, 'intensity' | 'periodMs'>
  readonly countMax: number
  readonly children: Map<string, Child>
  readonly restarts: number[]
  phase: 'new' | 'running' | 'ending' | 'over'
}

/** `tickets`: who waits for its start or its end. */
type Child = ChildState & { tickets: number[] | undefined }
type News = Exclude<SupervisorEvent, { readonly ticket: number } | { readonly tag: 'Start' | 'Stop' }>
type Asked = Extract<SupervisorEvent, { readonly ticket: number }>

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
  else if ('ticket' in event) asked(state, event, actions)
  else judge(state, event, now, actions)
  if (state.phase === 'ending' && state.children.size === 0) {
    state.phase = 'over'
    actions.push({ tag: 'end', reason: shutdown })
  }
  return actions
}

const answerAll = (
  tickets: readonly number[] | undefined,
  answer: ChildAnswer,
  actions: SupervisorAction[],
): void => {
  for (const ticket of tickets ?? []) actions.push({ tag: 'answer', ticket, answer })
}

/** OTP refuses restart and delete here: a child has no spec of its own. */
const asked = (state: DynamicState, event: Asked, actions: SupervisorAction[]): void => {
  const { ticket } = event
  const answer = (given: ChildAnswer): void => answerAll([ticket], given, actions)
  if (state.phase !== 'running') {
    answer({ tag: 'not-running' })
  } else if (event.tag === 'Change') {
    if (event.children === undefined) state.rules = event.rules
    answer({ tag: event.children === undefined ? 'ok' : 'dynamic' })
  } else if (event.tag === 'RestartChild' || event.tag === 'DeleteChild') {
    answer({ tag: 'dynamic' })
  } else if (event.tag === 'StartChild') {
    startChild(state, event, actions)
  } else {
    const child = state.children.get(event.id)
    if (child === undefined) answer({ tag: 'not-found' })
    else terminate(state, child, ticket, actions)
  }
}

const startChild = (
  state: DynamicState,
  { rule, ticket }: Extract<Asked, { readonly tag: 'StartChild' }>,
  actions: SupervisorAction[],
): void => {
  const { children, countMax } = state
  if (children.has(rule.id)) {
    answerAll([ticket], { tag: 'already-started' }, actions)
  } else if (children.size >= countMax) {
    answerAll([ticket], { tag: 'full', countMax }, actions)
  } else {
    // Not by spreading: each child would have a shape of its own, which costs more than the child.
    const child: Child = { rule, status: 'stopped', run: 0, lastReason: shutdown, tickets: [ticket] }
    children.set(rule.id, child)
    begin(child, actions)
  }
}

const terminate = (state: DynamicState, child: Child, ticket: number, actions: SupervisorAction[]): void => {
  if (child.status === 'stopping') {
    child.tickets?.push(ticket)
    return
  }
  // Whoever waits for its start waits in vain.
  answerAll(child.tickets, { tag: 'not-found' }, actions)
  child.tickets = [ticket]
  stop(state, child, actions)
}

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
  answerAll(child.tickets, { tag: 'ok' }, actions)
}

const end = (state: DynamicState, actions: SupervisorAction[]): void => {
  if (state.phase === 'over') return
  state.phase = 'ending'
  for (const child of [...state.children.values()]) {
    if (child.status === 'starting') {
      answerAll(child.tickets, { tag: 'not-running' }, actions)
      child.tickets = undefined
    }
    stop(state, child, actions)
  }
}

const judge = (state: DynamicState, event: News, now: number, actions: SupervisorAction[]): void => {
  const child = state.children.get(event.id)
  if (child?.run !== event.run) return
  const { status } = child
  if (status === 'starting') {
    begun(state, event, { child, now, actions })
  } else if (event.tag === 'Retry') {
    const isWaiting = status === 'retrying' || status === 'delayed'
    if (isWaiting && mayRestart(state, child, now, actions)) begin(child, actions)
  } else if (event.tag === 'Ended' && status === 'stopping') {
    close(state, child, event.reason, actions)
  } else if (event.tag === 'Ended' && status === 'running') {
    child.lastReason = event.reason
    if (!isRestarted(child.rule.restart, event.reason)) close(state, child, event.reason, actions)
    else if (!isDelayed(child, now, actions) && mayRestart(state, child, now, actions)) begin(child, actions)
  }
}

/** How a start went. */
const begun = (
  state: DynamicState,
  event: News,
  {
    child,
    now,
    actions,
  }: { readonly child: Child; readonly now: number; readonly actions: SupervisorAction[] },
): void => {
  const { tickets, rule, run } = child
  child.tickets = undefined
  if (event.tag === 'Started') {
    child.status = 'running'
    const { info } = event
    answerAll(tickets, info === undefined ? { tag: 'ok' } : { tag: 'ok', info }, actions)
  } else if (event.tag === 'Ignored') {
    close(state, child, normal, actions)
    answerAll(tickets, { tag: 'ignored' }, actions)
  } else if (event.tag === 'StartFailed') {
    const { error } = event
    child.lastReason = crash(error)
    if (tickets !== undefined) {
      close(state, child, child.lastReason, actions)
      answerAll(tickets, { tag: 'failed', error }, actions)
    } else if (!isDelayed(child, now, actions)) {
      child.status = 'retrying'
      actions.push({ tag: 'retry', id: rule.id, run })
    }
  } else {
    child.tickets = tickets
  }
}

const isDelayed = (child: Child, now: number, actions: SupervisorAction[]): boolean => {
  const attempt = delayAttempt(child, now)
  if (attempt === undefined) return false
  child.status = 'delayed'
  actions.push({ tag: 'delay', id: child.rule.id, run: child.run, attempt })
  return true
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
