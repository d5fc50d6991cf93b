import { assert } from '../std/assert.js'
import type { CellBody, CellStatus, ContextOf, PlaceOf } from './cell-options.js'
import type { HostedActor, Hosts } from './host.js'

/**
 * The lowest layer of a cell: its name, its parent, what is below it, and its place in the host's tree.
 *
 * `C` is the whole cell, as the others of the tree see it.
 */
export abstract class CellPlace<M, C extends CellPlace<any, C>> implements Hosts {
  readonly name: string
  readonly parent: C | undefined
  /** Grows with each restart of this cell. */
  incarnation = 1
  status: CellStatus = 'running'

  private readonly hosted: HostedActor
  private below: Map<string, C> | undefined

  /** Throws when a sibling has that name, or the parent does not take children any more. */
  constructor(
    protected readonly context: ContextOf<C>,
    protected readonly body: CellBody<M>,
    place: PlaceOf<C>,
  ) {
    const { name, parent } = place
    this.name = name
    this.parent = parent
    const siblings = parent === undefined ? context.roots : parent.placesBelow()
    assert(!siblings.has(name), 'two actors of one name under one parent', {
      name,
      parent: parent?.path ?? '/',
    })
    const isOpen = parent === undefined || parent.status === 'running' || parent.status === 'suspended'
    assert(isOpen, 'an actor is started under a parent that stops', { name, parent: parent?.path ?? '/' })
    this.hosted = context.host.spawn(name, parent?.hosted, this)
    siblings.set(name, this as unknown as C)
  }

  /** The names from the root to here, with slashes. */
  get path(): string {
    return this.parent === undefined ? this.name : `${this.parent.path}/${this.name}`
  }
  /** The host's reference to it. */
  get hostRef(): unknown {
    return this.hosted.ref()
  }
  get children(): readonly C[] {
    return this.below === undefined ? [] : [...this.below.values()]
  }
  child(name: string): C | undefined {
    return this.below?.get(name)
  }

  /** For the host only. */
  abstract delivered(message: unknown, replyTo: ((answer: unknown) => void) | undefined): void

  /** Its name is free again. */
  protected leavePlace(): void {
    const siblings = this.parent === undefined ? this.context.roots : this.parent.placesBelow()
    siblings.delete(this.name)
    this.hosted.stop()
  }

  private placesBelow(): Map<string, C> {
    this.below ??= new Map()
    return this.below
  }
}
