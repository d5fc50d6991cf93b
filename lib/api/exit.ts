/** Why actors of a node end, and how others learn of it. */

/**
 * Why a life of an actor ended. `normal`: it stopped itself. `shutdown`: its supervisor or its node stopped
 * it, or it stopped itself with a `detail`. `crash`: it threw. `kill`: it was ended by force, or overran
 * its shutdown deadline. `noproc`: there was nobody to monitor or to link to.
 */
export type ExitReason =
  | { readonly tag: 'normal' }
  /** `detail`: what it says of an end that it wanted itself. */
  | { readonly tag: 'shutdown'; readonly detail?: unknown }
  | { readonly tag: 'crash'; readonly error: unknown }
  | { readonly tag: 'kill' }
  | { readonly tag: 'noproc' }

/** One life of an actor of this node. */
export interface Life {
  readonly address: { readonly kind: string; readonly id: string; readonly node: string }
  /** The names from the root of the tree to it, with slashes. */
  readonly path: string
  /** Grows with each restart of the actor. */
  readonly incarnation: number
}

/** What a monitor says, once. */
export interface Down extends Life {
  readonly reason: ExitReason
}

/**
 * Why a monitor of what may live on another node says something. `noconnection`: its node went away, or
 * the state of an entity was lost with every copy; what ran there may go on unseen. `moved`: an entity lives
 * on node `to` now. `overloaded`: `monitorsCountMax` is reached, here or there, and nobody watches.
 */
export type FarReason =
  | ExitReason
  | { readonly tag: 'noconnection' }
  | { readonly tag: 'moved'; readonly to: string }
  | { readonly tag: 'overloaded' }

/** What a monitor across nodes says. A crash or a detail of another node comes as text. */
export interface FarDown {
  readonly address: { readonly kind: string; readonly id: string; readonly node?: string }
  readonly reason: FarReason
}

export interface MonitorOptions {
  /** Also tells when an entity has moved to another node, each time; its end comes once after that. */
  readonly moves?: boolean
}

/** An exit signal, as an actor with `onExit` gets it. */
export interface Exit {
  /** Whose end this is, or who sent it. */
  readonly from: Life
  /** `link`: a linked actor ended, or was not there. `exit`: somebody called `self.exit`. */
  readonly by: 'link' | 'exit'
  readonly reason: ExitReason
}
