/**
 * The place of a cell in an actor tree that others can see. A cell's messages never pass through it: the host gives
 * a name, a parent and a way in for code that knows only the host.
 */
export interface HostedActor {
  /** The host's own reference to it. */
  readonly ref: unknown
  /** Takes it out of the tree. Its cells below were taken out before. */
  stop(): void
}

/** `replyTo` is there when the sender waits for an answer. */
export type Deliver = (message: unknown, replyTo: ((answer: unknown) => void) | undefined) => void

/** `parent` undefined: directly under the root. */
export interface ActorHost {
  spawn(name: string, parent: HostedActor | undefined, deliver: Deliver): HostedActor
  /** Stops the root when every actor has been stopped. */
  stop(): void
}

const nowhere: HostedActor = { ref: undefined, stop: () => undefined }

/** Hosts nothing: for simulations, and to measure what the real host costs. */
export const noHost: ActorHost = { spawn: () => nowhere, stop: () => undefined }
