/**
 * Why an actor ended. `normal`: it stopped itself. `shutdown`: its supervisor or its node stopped it.
 * `crash`: it threw. `kill`: it was ended by force, or overran its shutdown deadline. `noproc`: there was
 * nobody to monitor.
 */
export type ExitReason =
  | { readonly tag: 'normal' }
  /** `detail`: what it says of an end that it wanted itself. */
  | { readonly tag: 'shutdown'; readonly detail?: unknown }
  | { readonly tag: 'crash'; readonly error: unknown }
  | { readonly tag: 'kill' }
  | { readonly tag: 'noproc' }

export const normal: ExitReason = { tag: 'normal' }
export const shutdown: ExitReason = { tag: 'shutdown' }
export const killed: ExitReason = { tag: 'kill' }
export const noproc: ExitReason = { tag: 'noproc' }
export const crash = (error: unknown): ExitReason => ({ tag: 'crash', error })

/** What a monitor says: once, when the actor's name is already free again. */
export interface Down {
  readonly path: string
  readonly incarnation: number
  readonly reason: ExitReason
}
