/** How the context of a sender gets to the handler of its message. */

/** Which message is handled. */
export interface Handling {
  readonly kind: string
  readonly tag: string
  /** The actor's path in its node. */
  readonly path: string
}

/** A tracer, as the kernel uses one. Without it nothing is carried and nothing is paid. */
export interface Tracing {
  /** The context in which something is sent just now; undefined when there is none. */
  capture(): unknown
  /** Runs a handler in the context that its message came with, and sees how it ends. */
  handle<A>(context: unknown, handling: Handling, run: () => A): A
}
