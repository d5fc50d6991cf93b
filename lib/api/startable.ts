import type { types } from './brand.js'

/** A behavior as far as a node's callers see it. */
export interface Startable<N extends string> {
  readonly kind: N
  readonly [types]: 'behavior'
}
