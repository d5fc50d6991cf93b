import type { Cell } from './cell.js'
import type { Due } from './deadlines.js'
import { Idle } from './errand.js'
import type { Kernel } from './kernel.js'

interface Watched {
  readonly cell: Cell<any>
  readonly behavior: { readonly onIdle: unknown }
  /** There is no `onIdle`. */
  idled(): void
}

/**
 * Notices that an actor has had nothing to do for `idleMs`. A message does not touch its timer: when that
 * rings, the time of the last message decides.
 */
export class IdleWatch implements Due {
  due: Due['due'] = undefined
  previous: Due | undefined = undefined
  following: Due | undefined = undefined

  constructor(
    private readonly actor: Watched,
    private readonly kernel: Kernel,
    private readonly idleMs: number,
  ) {
    actor.cell.watch()
    kernel.wheel.set(this, idleMs)
  }

  expired(): void {
    const { actor, kernel, idleMs } = this
    const { cell } = actor
    const now = kernel.clock.monotonic()
    const leftMs = cell.isQuiet ? cell.lastAt + idleMs - now : idleMs
    if (leftMs > 0) {
      kernel.wheel.set(this, leftMs)
    } else if (actor.behavior.onIdle === undefined) {
      actor.idled()
    } else {
      cell.control(new Idle())
      kernel.wheel.set(this, idleMs)
    }
  }

  stop(): void {
    this.kernel.wheel.drop(this)
  }
}
