/**
 * The place of a cell in an actor tree that others can see. A cell's messages never pass through it: the
 * host gives a name, a parent and a way in for code that knows only the host.
 */
export interface HostedActor {
  /** The host's own reference to it, for code that speaks to the host directly. */
  ref(): unknown
  /** Takes it out of the tree. Its cells below were taken out before. */
  stop(): void
}

/**
 * Gets what code dispatches that knows only the host. `replyTo` is there when the sender can take an
 * answer.
 */
export interface Hosts {
  delivered(message: unknown, replyTo: ((answer: unknown) => void) | undefined): void
}

/** An actor tree to live in. `parent` undefined: directly under its root. */
export interface ActorHost {
  spawn(name: string, parent: HostedActor | undefined, actor: Hosts): HostedActor
  /** Stops the root, when every actor has been stopped. */
  stop(): void
}

const nowhere: HostedActor = { ref: () => undefined, stop: () => undefined }

/** Hosts nothing: for simulations, and to measure what the real host costs. */
export const noHost: ActorHost = { spawn: () => nowhere, stop: () => undefined }
