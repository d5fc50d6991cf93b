import type { Json } from './app.js'

/** One node as `tumen up` holds it: a process of its own, or a part of this one. */
export interface NodeHandle {
  readonly name: string
  /** Null for a node inside this process. */
  readonly pid: number | null
  readonly info: { readonly [name: string]: Json }
  perform(verb: string, argument: Json): Promise<Json>
  /** Leaves in order. Resolves when nothing of it is left. */
  stop(): Promise<void>
  /** Ends it without letting it run on. Resolves when it is gone. */
  kill(): Promise<void>
  /** Called once when it is gone, whoever ended it. */
  onEnd(listener: (how: string) => void): void
}
