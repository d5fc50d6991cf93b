import type { Exit } from '../api/exit.js'
import type { MessageData } from '../api/internal.js'
import type { Origin } from '../api/topic.js'

/** What waits in the mailbox of a local actor and is no plain message: one look tells the two apart. */
export abstract class Errand {}

/** Something published, on its way to an actor that hears it. */
export class Heard extends Errand {
  constructor(
    readonly handle: (state: unknown, event: unknown, ...rest: readonly unknown[]) => unknown,
    readonly event: unknown,
    readonly from: Origin | undefined,
  ) {
    super()
  }
}

/** A message with the context of its sender; only where the node has a tracer. */
export class Traced extends Errand {
  constructor(
    readonly message: MessageData,
    readonly context: unknown,
  ) {
    super()
  }
  /** For those who read of a crash or a dead letter. */
  get tag(): string {
    return this.message.tag
  }
}

/** An exit signal, for an actor that wants to know. */
export class Exited extends Errand {
  constructor(readonly exit: Exit) {
    super()
  }
}

/** Nothing came for a while. */
export class Idle extends Errand {}
