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
 * - A restart that fails to start counts as another restart, and is tried again after the present turn.
 * - Never more than `intensity` restarts within `periodMs`: one more stops all children and ends the
 *   supervisor with 'shutdown', for its own parent to judge.
 *
 * Reference: OTP `supervisor`. Deviation: the period is in milliseconds.
 */
import { crash, type ExitReason, shutdown } from '../../lib/kernel/exit-reason.js'
import { countRestart } from './intensity.js'
import type {
  ChildAnswer,
  ChildRule,
  SupervisorAction,
  SupervisorEvent,
  SupervisorRules,
} from './protocol.js'

export interface ChildState {
  readonly rule: ChildRule
  /** `ended`: by itself, and not judged yet. `retrying`: its restart failed and will be tried again. */
  status: 'stopped' | 'starting' | 'running' | 'stopping' | 'ended' | 'retrying'
  /** Grows with each start. */
  run: number
  lastReason: ExitReason
}

type Step =
  | { readonly do: 'start' | 'stop'; readonly id: string }
  | { readonly do: 'action'; readonly action: SupervisorAction }

export interface SupervisorState {
  readonly rules: SupervisorRules
  /** In start order. */
  readonly children: Map<string, ChildState>
  readonly restarts: number[]
  phase: 'new' | 'starting' | 'running' | 'ending' | 'over'
  plan: Step[]
  /** For whom the running 'StartChild' or 'RestartChild' is done. */
  ticket: number | undefined
  backlog: SupervisorEvent[]
}

export const supervisorState = (rules: SupervisorRules, children: readonly ChildRule[]): SupervisorState => ({
  rules,
  children: new Map(children.map((rule) => [rule.id, newChild(rule)])),
  restarts: [],
  phase: 'new',
  plan: [],
  ticket: undefined,
  backlog: [],
})

const newChild = (rule: ChildRule): ChildState => ({ rule, status: 'stopped', run: 0, lastReason: shutdown })

/**
 * Takes one event and gives the actions it leads to. `now` is monotonic milliseconds. Changes `state` in
 * place.
 */
export const step = (state: SupervisorState, event: SupervisorEvent, now: number): SupervisorAction[] => {
  const actions: SupervisorAction[] = []
  if (state.phase === 'over') return refused(event)
  take(state, event, now, actions)
  advance(state, actions)
  while (state.plan.length === 0 && state.phase === 'running') {
    const waiting = state.backlog.shift()
    if (waiting === undefined) break
    take(state, waiting, now, actions)
    advance(state, actions)
  }
  return actions
}

/** A supervisor that is over has no children. */
const refused = (event: SupervisorEvent): SupervisorAction[] =>
  'ticket' in event ? [{ tag: 'answer', ticket: event.ticket, answer: { tag: 'not-found' } }] : []

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
      started(state, event.id, event.run)
      return
    case 'StartFailed':
      startFailed(state, event, now, actions)
      return
    case 'Ended':
      ended(state, event, now, actions)
      return
    case 'Retry':
      retry(state, event)
      return
    default:
      asked(state, event, actions)
  }
}

/** Pushes actions until one has to be waited for. */
const advance = (state: SupervisorState, actions: SupervisorAction[]): void => {
  for (let head = state.plan[0]; head !== undefined; head = state.plan[0]) {
    if (head.do === 'action') {
      state.plan.shift()
      perform(state, head.action, actions)
      continue
    }
    const child = state.children.get(head.id)
    if (child === undefined || isDone(head.do, child)) {
      state.plan.shift()
      continue
    }
    const { id } = head
    if (head.do === 'start' && child.status !== 'starting') {
      child.status = 'starting'
      child.run++
      actions.push({ tag: 'start', id, run: child.run })
    } else if (head.do === 'stop' && child.status !== 'stopping') {
      child.status = 'stopping'
      actions.push({ tag: 'stop', id, run: child.run })
    }
    return
  }
}

const isDone = (what: 'start' | 'stop', child: ChildState): boolean => {
  if (what === 'start') return child.status === 'running'
  if (child.status === 'retrying' || child.status === 'ended') child.status = 'stopped'
  return child.status === 'stopped'
}

const perform = (state: SupervisorState, action: SupervisorAction, actions: SupervisorAction[]): void => {
  if (action.tag === 'ready') state.phase = 'running'
  if (action.tag === 'end' || action.tag === 'failed') state.phase = 'over'
  if (action.tag === 'close' && action.spec === 'gone') state.children.delete(action.id)
  actions.push(action)
}

const toStart = (ids: readonly string[]): Step[] => ids.map((id) => ({ do: 'start', id }))
const toDo = (action: SupervisorAction): Step => ({ do: 'action', action })
const closing = (id: string, reason: ExitReason, spec: 'kept' | 'gone'): SupervisorAction => ({
  tag: 'close',
  id,
  reason,
  spec,
})
const idsOf = (state: SupervisorState): string[] => [...state.children.keys()]

/** Last started first. With a restart to follow, temporary children go for good. */
const toStop = (
  state: SupervisorState,
  ids: readonly string[],
  temporary: 'kept' | 'gone' = 'kept',
): Step[] =>
  ids.toReversed().flatMap((id): Step[] => {
    const isTemporary = state.children.get(id)?.rule.restart === 'temporary'
    const close: Step[] = isTemporary && temporary === 'gone' ? [toDo(closing(id, shutdown, 'gone'))] : []
    return [{ do: 'stop', id }, ...close]
  })

const start = (state: SupervisorState): void => {
  if (state.phase !== 'new') return
  state.phase = 'starting'
  state.plan = [...toStart(idsOf(state)), toDo({ tag: 'ready' })]
}

const end = (state: SupervisorState, reason: ExitReason): void => {
  if (state.phase === 'ending') return
  const answers = state.backlog.flatMap(refused).map(toDo)
  const { ticket } = state
  if (ticket !== undefined) answers.push(toDo(answerOf(ticket, { tag: 'not-found' })))
  state.phase = 'ending'
  state.backlog = []
  state.ticket = undefined
  state.plan = [...answers, ...toStop(state, idsOf(state)), toDo({ tag: 'end', reason })]
}

const current = (state: SupervisorState, id: string, run: number): ChildState | undefined => {
  const child = state.children.get(id)
  return child?.run === run ? child : undefined
}

const started = (state: SupervisorState, id: string, run: number): void => {
  const child = current(state, id, run)
  if (child?.status !== 'starting') return
  child.status = 'running'
  if (state.ticket === undefined) return
  state.plan.push(toDo(answerOf(state.ticket, { tag: 'ok' })))
  state.ticket = undefined
}

const answerOf = (ticket: number, answer: ChildAnswer): SupervisorAction => ({
  tag: 'answer',
  ticket,
  answer,
})

const startFailed = (
  state: SupervisorState,
  event: Extract<SupervisorEvent, { readonly tag: 'StartFailed' }>,
  now: number,
  actions: SupervisorAction[],
): void => {
  const { id, run, error } = event
  const child = current(state, id, run)
  if (child === undefined) return
  const wasStarting = child.status === 'starting'
  child.status = 'stopped'
  child.lastReason = crash(error)
  if (!wasStarting || state.phase === 'ending') return
  if (state.phase === 'starting') {
    state.plan = [...toStop(state, idsOf(state)), toDo({ tag: 'failed', id, error })]
  } else if (state.ticket !== undefined) {
    state.plan = [toDo(answerOf(state.ticket, { tag: 'failed', error }))]
    state.ticket = undefined
    // A child that was only just added goes again; one that was known keeps its spec.
    if (run === 1) state.plan.push(toDo(closing(id, crash(error), 'gone')))
  } else {
    restartFailed(state, child, now, actions)
  }
}

const restartFailed = (
  state: SupervisorState,
  child: ChildState,
  now: number,
  actions: SupervisorAction[],
): void => {
  const { id } = child.rule
  if (!mayRestart(state, now, actions)) return
  state.plan = []
  if (state.rules.strategy === 'one_for_all') {
    state.plan = toStop(
      state,
      idsOf(state).filter((each) => each !== id),
      'gone',
    )
  }
  child.status = 'retrying'
  state.plan.push(toDo({ tag: 'retry', id, run: child.run }))
}

/** Counts a restart; beyond the intensity the supervisor ends instead. */
const mayRestart = (state: SupervisorState, now: number, actions: SupervisorAction[]): boolean => {
  const { intensity, periodMs } = state.rules
  if (countRestart(state.restarts, intensity, periodMs, now)) return true
  actions.push({ tag: 'exceeded' })
  end(state, shutdown)
  return false
}

/** Whether a child that ended by itself is started again. */
export const isRestarted = (restart: ChildRule['restart'], reason: ExitReason): boolean =>
  restart === 'permanent' || (restart === 'transient' && (reason.tag === 'crash' || reason.tag === 'kill'))

const ended = (
  state: SupervisorState,
  event: Extract<SupervisorEvent, { readonly tag: 'Ended' }>,
  now: number,
  actions: SupervisorAction[],
): void => {
  const child = current(state, event.id, event.run)
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
  if (state.plan.length > 0) state.backlog.push(event)
  else judge(state, child, now, actions)
}

const judge = (state: SupervisorState, child: ChildState, now: number, actions: SupervisorAction[]): void => {
  const { rule, lastReason } = child
  child.status = 'stopped'
  if (isRestarted(rule.restart, lastReason)) {
    if (mayRestart(state, now, actions)) restart(state, rule.id)
    return
  }
  // The spec of a transient child stays, so that it can be started again by hand; a temporary one goes.
  const spec = rule.restart === 'temporary' ? 'gone' : 'kept'
  state.plan.push(toDo(closing(rule.id, lastReason, spec)))
  if (!rule.significant || !endsAll(state, rule.id)) return
  const close = state.plan
  end(state, shutdown)
  state.plan.unshift(...close)
}

const endsAll = (state: SupervisorState, ended: string): boolean => {
  const { autoShutdown } = state.rules
  if (autoShutdown === 'any_significant') return true
  if (autoShutdown === 'never') return false
  for (const { rule, status } of state.children.values()) {
    if (rule.id !== ended && rule.significant && status !== 'stopped') return false
  }
  return true
}

/** Plans the restart of a child that is stopped, and of those that fall with it. */
const restart = (state: SupervisorState, id: string): void => {
  const all = idsOf(state)
  const group = { one_for_one: [id], rest_for_one: all.slice(all.indexOf(id)), one_for_all: all }[
    state.rules.strategy
  ]
  const isKept = (each: string): boolean =>
    each === id || state.children.get(each)?.rule.restart !== 'temporary'
  state.plan = [...toStop(state, group, 'gone'), ...toStart(group.filter(isKept))]
}

const retry = (state: SupervisorState, event: Extract<SupervisorEvent, { readonly tag: 'Retry' }>): void => {
  const child = current(state, event.id, event.run)
  // Somebody terminated or restarted it meanwhile.
  if (child?.status !== 'retrying') return
  if (state.plan.length > 0 || state.phase !== 'running') {
    state.backlog.push(event)
    return
  }
  restart(state, event.id)
}

type Request = Extract<SupervisorEvent, { readonly ticket: number }>

const asked = (state: SupervisorState, event: Request, actions: SupervisorAction[]): void => {
  if (state.phase === 'ending') {
    actions.push(...refused(event))
    return
  }
  if (state.plan.length > 0 || state.phase !== 'running') {
    state.backlog.push(event)
    return
  }
  const answer = decide(state, event)
  if (answer !== undefined) state.plan.push(toDo(answerOf(event.ticket, answer)))
}

/** Undefined: the answer follows when the child has started. */
const decide = (state: SupervisorState, event: Request): ChildAnswer | undefined => {
  if (event.tag === 'StartChild') return startChild(state, event.rule, event.ticket)
  const child = state.children.get(event.id)
  if (child === undefined) return { tag: 'not-found' }
  const { id, restart: type } = child.rule
  if (event.tag === 'TerminateChild') {
    const spec = type === 'temporary' ? 'gone' : 'kept'
    state.plan.push({ do: 'stop', id }, toDo(closing(id, shutdown, spec)))
    return { tag: 'ok' }
  }
  if (child.status === 'running') return { tag: 'running' }
  if (child.status === 'retrying') return { tag: 'restarting' }
  if (event.tag === 'DeleteChild') {
    state.plan.push(toDo(closing(id, child.lastReason, 'gone')))
    return { tag: 'ok' }
  }
  state.ticket = event.ticket
  state.plan.push({ do: 'start', id })
  return undefined
}

const startChild = (state: SupervisorState, rule: ChildRule, ticket: number): ChildAnswer | undefined => {
  const known = state.children.get(rule.id)
  if (known !== undefined) return { tag: known.status === 'running' ? 'already-started' : 'already-present' }
  state.children.set(rule.id, newChild(rule))
  state.ticket = ticket
  state.plan.push({ do: 'start', id: rule.id })
  return undefined
}
