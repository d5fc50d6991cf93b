import type { BehaviorData } from './behavior.js'
import { Misuse } from './misuse.js'

const stripped = new WeakMap<BehaviorData, BehaviorData>()
const noInit = (): never => {
  throw new Misuse('BadInit', 'This actor was begun for once only: how it begins has been let go.')
}

/** The same behavior for an actor that has begun and never begins again. One for each, however many ask. */
export const withoutInit = (data: BehaviorData): BehaviorData => {
  if (data.init === noInit) return data
  let known = stripped.get(data)
  if (known === undefined) {
    // What makes a further behavior of it holds on to all of it.
    const released: BehaviorData & { readonly hears: undefined } = { ...data, init: noInit, hears: undefined }
    known = released
    stripped.set(data, known)
  }
  return known
}
