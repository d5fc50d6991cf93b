import type { Json } from '../supervisors/launched.js'

/** One node as `tumen up` holds it: a process of its own, or a part of this one. */
export interface NodeHandle {
  readonly name: string
  /** Null for a node inside this process. */
  readonly pid: number | null
  readonly info: { readonly [name: string]: Json }
  perform(verb: string, argument: Json): Promise<Json>
  /** Leaves in order. Resolves when nothing of it is left. */
  stop(): Promise<void>
  /** Ends it at once, without letting it run on. */
  kill(): void
  /** Resolves when it is gone, with how it ended. */
  readonly ended: Promise<string>
}
