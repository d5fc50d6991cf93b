/** What a supervisor with named children answers to requests; the answers are OTP's. */
import { shutdown } from '../../lib/kernel/exit-reason.js'
import { type ChildState, isRestarting, newChild } from './child.js'
import { answerOf, closing, isBusy, type SupervisorState, toDo } from './procedure.js'
import type { ChildAnswer, ChildRule, SupervisorAction, SupervisorRequest } from './protocol.js'

/** Takes one request; it waits in the backlog while a procedure runs. */
export const asked = (
  state: SupervisorState,
  event: SupervisorRequest,
  actions: SupervisorAction[],
): void => {
  if (state.phase === 'ending') {
    actions.push(answerOf(event.ticket, { tag: 'not-running' }))
    return
  }
  if (isBusy(state)) {
    state.backlog.push(event)
    return
  }
  const answer = decide(state, event)
  if (answer !== undefined) state.plan.push(toDo(answerOf(event.ticket, answer)))
}

/** Undefined: the answer follows when the child has started. */
const decide = (state: SupervisorState, event: SupervisorRequest): ChildAnswer | undefined => {
  if (event.tag === 'StartChild') return startChild(state, event.rule, event.ticket)
  if (event.tag === 'Change') return change(state, event)
  const child = state.children.get(event.id)
  if (child === undefined) return { tag: 'not-found' }
  const { id, restart } = child.rule
  if (event.tag === 'TerminateChild') {
    const spec = restart === 'temporary' ? 'gone' : 'kept'
    state.plan.push({ do: 'stop', id })
    state.plan.push(toDo(closing(id, shutdown, spec)))
    return { tag: 'ok' }
  }
  if (child.status === 'running') return { tag: 'running' }
  if (isRestarting(child)) return { tag: 'restarting' }
  if (event.tag === 'DeleteChild') {
    state.plan.push(toDo(closing(id, child.lastReason, 'gone')))
    return { tag: 'ok' }
  }
  state.request = { ticket: event.ticket, isNew: false }
  state.plan.push({ do: 'start', id })
  return undefined
}

const startChild = (state: SupervisorState, rule: ChildRule, ticket: number): ChildAnswer | undefined => {
  const known = state.children.get(rule.id)
  if (known !== undefined) return { tag: known.status === 'running' ? 'already-started' : 'already-present' }
  state.children.set(rule.id, newChild(rule))
  state.request = { ticket, isNew: true }
  state.plan.push({ do: 'start', id: rule.id })
  return undefined
}

/** Children that run go on; new ones are known and not started; those not named any more stay, at the end. */
const change = (
  state: SupervisorState,
  { rules, children }: Extract<SupervisorRequest, { readonly tag: 'Change' }>,
): ChildAnswer => {
  state.rules = rules
  if (children === undefined) return { tag: 'ok' }
  const old = new Map(state.children)
  state.children.clear()
  for (const rule of children) {
    const child: ChildState = old.get(rule.id) ?? newChild(rule)
    child.rule = rule
    state.children.set(rule.id, child)
    old.delete(rule.id)
  }
  for (const [id, child] of old) state.children.set(id, child)
  return { tag: 'ok' }
}
