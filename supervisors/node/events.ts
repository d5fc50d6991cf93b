import { notDeclared } from '../../lib/api/misuse.js'
import type { NodeEvent } from '../../lib/api/node-event.js'
import type { EngineEvent } from '../../lib/engine/options.js'
import { describeEvent } from '../../lib/kernel/describe-event.js'
import type { Kernel } from '../../lib/kernel/kernel.js'
import { copiesSentence, type Copy } from '../../lib/std/copies.js'

const told = (event: EngineEvent): readonly [NodeEvent['level'], string] => {
  switch (event.tag) {
    case 'DeadLetter':
      return ['info', `A message (${event.message}) to ${event.address} was not delivered: ${event.reason}.`]
    case 'Owned':
      return ['debug', `Shard ${event.shard} is owned here now, epoch ${event.epoch}, ${howOf[event.how]}.`]
    case 'SteppedDown':
      return [
        'info',
        `Shard ${event.shard} is owned by ${event.winner} now, epoch ${event.epoch}, and no longer here; ` +
          `${event.outputsDropped} unseen outputs were dropped.`,
      ]
    case 'StateLost':
      return [
        'error',
        `Every copy of shard ${event.shard} is gone: its entities begin anew. Give the kind more copies.`,
      ]
    case 'SnapshotSetAside':
      return [
        'warn',
        `A snapshot of shard ${event.shard} was not taken up in full and is kept: ${event.what}`,
      ]
    case 'StoreFailed':
      return [
        'error',
        `The store of journals fails, so what it should keep is not answered; it is tried again ` +
          `(${event.key}): ${event.cause}`,
      ]
    case 'LoadFailed':
      return [
        'warn',
        `The state of ${event.address} could not be brought here, and is asked for again: ${event.cause}`,
      ]
    case 'SideCopyBegun':
      return [
        'warn',
        `The owner of shard ${event.shard} is out of reach: a copy of its own serves it on this node, ` +
          `begun with ${event.entities} entities.`,
      ]
    case 'SideCopyEnded':
      return [
        'info',
        `This node's own copy of shard ${event.shard} is merged into its owner's, and has ended.`,
      ]
    case 'NameConflict':
      return [
        'info',
        `${event.address} ran on two sides of a split: ${event.winner} goes on with it, ` +
          `epoch ${event.epoch}; what this side had is merged there.`,
      ]
    case 'NotMerged':
      return [
        'error',
        `What ${event.address} had on this side of a split is lost: ${event.reason}. Make the kind mirrored.`,
      ]
    case 'Broken':
      return ['error', `A broken assumption, please report it: ${event.what}`]
  }
}
const howOf = { empty: 'begun empty', copy: 'taken over with its copy' } as const

const describeEngineEvent = (event: EngineEvent): NodeEvent => {
  const { tag, ...fields } = event
  const [level, sentence] = told(event)
  return { tag, level, sentence, fields }
}

export const copiesEvent = (copies: readonly Copy[]): NodeEvent => ({
  tag: 'TwoCopies',
  level: 'warn',
  sentence: copiesSentence(copies),
  fields: { copies: copies.map(({ release, place }) => ({ release, place })) },
})

/**
 * Everything that happens on a node, to whoever listens. Without a listener events of actors are not even
 * made.
 */
export class NodeEvents {
  readonly #kernel: Kernel
  readonly #listeners = new Set<(event: NodeEvent) => void>()
  /** What nobody has heard and somebody must: for the first listener. */
  #unheard: NodeEvent[] = []

  constructor(kernel: Kernel) {
    this.#kernel = kernel
  }

  listen(listener: (event: NodeEvent) => void): () => void {
    if (typeof listener !== 'function') throw notDeclared('a function for node.listen')
    const { clock } = this.#kernel
    // Its own function, so that one listener may be added twice and removed once. What it throws is its own
    // fault and reported as such, later: no actor may be left half way between two lives for it.
    const each = (event: NodeEvent): void => {
      try {
        listener(event)
      } catch (error) {
        clock.defer(() => {
          throw error
        })
      }
    }
    this.#listeners.add(each)
    const forget = this.#kernel.listen((event) => each(describeEvent(event)))
    const unheard = this.#unheard
    this.#unheard = []
    if (unheard.length > 0) this.#kernel.clock.defer(() => unheard.forEach(each))
    return () => {
      forget()
      this.#listeners.delete(each)
    }
  }

  /** Kept until somebody listens. */
  ofProcess(event: NodeEvent): void {
    if (this.#listeners.size === 0) this.#unheard.push(event)
    else for (const each of this.#listeners) each(event)
  }

  ofEngine(event: EngineEvent): void {
    if (this.#listeners.size === 0) return
    const described = describeEngineEvent(event)
    for (const each of this.#listeners) each(described)
  }
}
