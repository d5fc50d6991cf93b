/**
 * The one procedure that a supervisor runs at a time, as a plan of single starts and stops, and the steps it
 * is made of. `state.ts` says which procedure follows on what.
 */
import { RingBuffer } from '../../lib/std/ring-buffer.js'
import { type ExitReason, shutdown } from '../../lib/kernel/exit-reason.js'
import { type ChildState, newChild } from './child.js'
import { countRestart } from './intensity.js'
import type {
  ChildAnswer,
  ChildRule,
  SupervisorAction,
  SupervisorEvent,
  SupervisorRules,
} from './protocol.js'

export type Step =
  | { readonly do: 'start' | 'stop'; readonly id: string }
  | { readonly do: 'action'; readonly action: SupervisorAction }

export interface SupervisorState {
  rules: SupervisorRules
  /** In start order. */
  readonly children: Map<string, ChildState>
  readonly restarts: number[]
  phase: 'new' | 'starting' | 'running' | 'ending' | 'over'
  plan: RingBuffer<Step>
  /** For whom the running 'StartChild' or 'RestartChild' is done; a new child goes again when it fails. */
  request: { readonly ticket: number; readonly isNew: boolean } | undefined
  backlog: RingBuffer<SupervisorEvent>
}

export const supervisorState = (rules: SupervisorRules, children: readonly ChildRule[]): SupervisorState => ({
  rules,
  children: new Map(children.map((rule) => [rule.id, newChild(rule)])),
  restarts: [],
  phase: 'new',
  plan: new RingBuffer(),
  request: undefined,
  backlog: new RingBuffer(),
})

/** A request or a piece of news has to wait until the procedure is over. */
export const isBusy = (state: SupervisorState): boolean => state.plan.size > 0 || state.phase !== 'running'

export const idsOf = (state: SupervisorState): string[] => [...state.children.keys()]

export const toDo = (action: SupervisorAction): Step => ({ do: 'action', action })
export const answerOf = (ticket: number, answer: ChildAnswer): SupervisorAction => ({
  tag: 'answer',
  ticket,
  answer,
})
export const closing = (id: string, reason: ExitReason, spec: 'kept' | 'gone'): SupervisorAction => ({
  tag: 'close',
  id,
  reason,
  spec,
})

export const planStarts = (state: SupervisorState, ids: readonly string[]): void => {
  for (const id of ids) state.plan.push({ do: 'start', id })
}
/** Last started first. With a restart to follow, temporary children go for good. */
export const planStops = (
  state: SupervisorState,
  ids: readonly string[],
  temporary: 'kept' | 'gone' = 'kept',
): void => {
  for (let i = ids.length - 1; i >= 0; i--) {
    const id = ids[i] as string
    state.plan.push({ do: 'stop', id })
    if (temporary === 'gone' && state.children.get(id)?.rule.restart === 'temporary')
      state.plan.push(toDo(closing(id, shutdown, 'gone')))
  }
}

/** Does what is done at once. */
export const perform = (
  state: SupervisorState,
  action: SupervisorAction,
  actions: SupervisorAction[],
): void => {
  if (action.tag === 'ready') state.phase = 'running'
  if (action.tag === 'end' || action.tag === 'failed') state.phase = 'over'
  if (action.tag === 'close' && action.spec === 'gone') state.children.delete(action.id)
  actions.push(action)
}

/** Pushes actions until one has to be waited for. */
export const advance = (state: SupervisorState, actions: SupervisorAction[]): void => {
  const { plan } = state
  for (let head = plan.peek(); head !== undefined; head = plan.peek()) {
    if (head.do === 'action') {
      plan.shift()
      perform(state, head.action, actions)
      continue
    }
    const child = state.children.get(head.id)
    if (child === undefined || isDone(head.do, child)) {
      plan.shift()
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
  const { status } = child
  if (status === 'retrying' || status === 'delayed' || status === 'ended') child.status = 'stopped'
  return child.status === 'stopped'
}

/** A supervisor that is over takes no requests. */
export const refused = (event: SupervisorEvent): SupervisorAction[] =>
  'ticket' in event ? [answerOf(event.ticket, { tag: 'not-running' })] : []

/** Plans the end: whoever waits is answered, all children are stopped. */
export const end = (state: SupervisorState, reason: ExitReason): void => {
  if (state.phase === 'ending') return
  const { backlog, request } = state
  state.phase = 'ending'
  state.backlog = new RingBuffer()
  state.request = undefined
  state.plan = new RingBuffer()
  for (const action of backlog.drain().flatMap(refused)) state.plan.push(toDo(action))
  if (request !== undefined) state.plan.push(toDo(answerOf(request.ticket, { tag: 'not-running' })))
  planStops(state, idsOf(state))
  state.plan.push(toDo({ tag: 'end', reason }))
}

/** Counts a restart; beyond the intensity the supervisor ends instead. */
export const mayRestart = (state: SupervisorState, now: number, actions: SupervisorAction[]): boolean => {
  const { intensity, periodMs } = state.rules
  if (countRestart(state.restarts, intensity, periodMs, now)) return true
  actions.push({ tag: 'exceeded' })
  end(state, shutdown)
  return false
}

/** Plans the restart of a child that is stopped, and of those that fall with it. */
export const restart = (state: SupervisorState, id: string): void => {
  const { strategy } = state.rules
  if (strategy === 'one_for_one') {
    state.plan.push({ do: 'start', id })
    return
  }
  const all = idsOf(state)
  const group = strategy === 'one_for_all' ? all : all.slice(all.indexOf(id))
  planStops(
    state,
    group.filter((each) => each !== id),
    'gone',
  )
  const isKept = (each: string): boolean =>
    each === id || state.children.get(each)?.rule.restart !== 'temporary'
  planStarts(state, group.filter(isKept))
}
