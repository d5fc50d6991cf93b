import type { DynamicData, SupervisorData } from '../../lib/api/child-data.js'
import type { ChildState } from './child.js'
import { dynamicState, dynamicStep } from './dynamic-state.js'
import { supervisorState } from './procedure.js'
import type { SupervisorAction, SupervisorEvent } from './protocol.js'
import { step } from './state.js'

/** A supervisor's rules and what they know, as its shell uses them. */
export interface Decider {
  step(event: SupervisorEvent, now: number): SupervisorAction[]
  child(id: string): ChildState | undefined
  count(): number
  /** The oldest first. */
  children(): Iterable<ChildState>
}

/** Makes the decider of a supervisor that begins. */
export type MakeDecider = (data: SupervisorData | DynamicData) => Decider

/** The rules of OTP. */
export const deciderOf: MakeDecider = (data) => {
  if (data.type === 'dynamic') {
    const state = dynamicState(data, data.countMax)
    return { step: (event, now) => dynamicStep(state, event, now), ...known(state.children) }
  }
  const state = supervisorState(rulesOf(data), data.children)
  return { step: (event, now) => step(state, event, now), ...known(state.children) }
}

const known = (children: ReadonlyMap<string, ChildState>): Omit<Decider, 'step'> => ({
  child: (id) => children.get(id),
  count: () => children.size,
  children: () => children.values(),
})

/** No more of a supervisor's spec than its rules. */
export const rulesOf = (data: SupervisorData | DynamicData) => ({
  strategy: data.type === 'dynamic' ? ('one_for_one' as const) : data.strategy,
  autoShutdown: data.type === 'dynamic' ? ('never' as const) : data.autoShutdown,
  intensity: data.intensity,
  periodMs: data.periodMs,
})
