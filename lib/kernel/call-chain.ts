/**
 * Who waits for whom, so that actors that wait for each other are told at once. Only with diagnostics on:
 * without them no code of this file runs, and the process keeps no async context.
 */
import { AsyncLocalStorage } from 'node:async_hooks'

/** One handler that runs, or waits. */
export interface Call {
  readonly actor: object
  readonly name: string
  /** The handler that asked, and waits for this one. */
  readonly from: Call | undefined
  /** The handler has ended, so nobody waits for it any more. */
  isOver: boolean
}

const calls = new AsyncLocalStorage<Call>()

/** The handler in which this code runs, also after an await. */
export const presentCall = (): Call | undefined => calls.getStore()

/** Runs a handler, so that what it asks is known to be its own. */
export const duringCall = (call: Call, handle: () => void | PromiseLike<void>): void | PromiseLike<void> => {
  const over = (): void => {
    call.isOver = true
  }
  let result: void | PromiseLike<void>
  try {
    result = calls.run(call, handle)
  } catch (error) {
    over()
    throw error
  }
  if (result === undefined) over()
  else result.then(over, over)
  return result
}

/** `a -> b -> a` when `actor`, asked now, already waits for the answer; undefined otherwise. */
export const cycleTo = (actor: object, name: string): string | undefined => {
  const names = [name]
  for (let call = presentCall(); call !== undefined && !call.isOver; call = call.from) {
    names.unshift(call.name)
    if (call.actor === actor) return names.join(' -> ')
  }
  return undefined
}
