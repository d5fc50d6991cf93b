import type { DynamicData, SupervisorData } from '../../lib/api/child-data.js'
import { dynamicState, dynamicStep } from './dynamic-state.js'
import type { SupervisorAction, SupervisorEvent } from './protocol.js'
import { type ChildState, step, supervisorState } from './state.js'

/** A supervisor's rules and what they know, as its shell uses them. */
export interface Decider {
  step(event: SupervisorEvent, now: number): SupervisorAction[]
  child(id: string): ChildState | undefined
  count(): number
}

export const deciderOf = (data: SupervisorData | DynamicData): Decider => {
  if (data.type === 'dynamic') {
    const state = dynamicState(data, data.countMax)
    return {
      step: (event, now) => dynamicStep(state, event, now),
      child: (id) => state.children.get(id),
      count: () => state.children.size,
    }
  }
  const state = supervisorState(data, data.children)
  return {
    step: (event, now) => step(state, event, now),
    child: (id) => state.children.get(id),
    count: () => state.children.size,
  }
}
