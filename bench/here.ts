/** A kernel on nact with local actors, for benches that need no cluster around them. */
import { behaviorData, type MessageData } from '../lib/api/internal.js'
import type { Behavior } from '../lib/api/behavior.js'
import type { TumenNode } from '../lib/api/node-types.js'
import type { LocalRef } from '../lib/api/refs.js'
import { Kernel } from '../lib/kernel/kernel.js'
import { LocalActor } from '../lib/kernel/local-actor.js'
import { nactHost } from '../lib/kernel/nact.js'
import type { Outside } from '../lib/kernel/outside.js'
import { systemClock } from '../lib/std/system.js'

const alone: Outside = {
  node: { id: 'bench#1' } as TumenNode,
  tell: (to: unknown, message: MessageData) => {
    throw new Error(`nothing is outside: ${JSON.stringify(to)} ${message.tag}`)
  },
  publish: () => undefined,
  subscribe: () => () => undefined,
}

export interface Here {
  readonly kernel: Kernel
  start<N extends string, S>(name: string, behavior: Behavior<N, S>, parent?: LocalActor): LocalRef<N>
  actor(name: string, behavior: object, parent?: LocalActor): LocalActor
  stop(): Promise<void>
}

export const here = (): Here => {
  const kernel = new Kernel({ clock: systemClock, host: nactHost() })
  const actor = (name: string, behavior: object, parent?: LocalActor): LocalActor => {
    const made = new LocalActor(kernel, {
      name,
      parent: parent?.cell,
      behavior: behaviorData(behavior),
      outside: alone,
      ended: (reason) => {
        throw new Error(`${name} ended: ${reason.tag}`, { cause: reason })
      },
    })
    made.begin((failed) => {
      if (failed !== undefined) throw failed.error
    })
    return made
  }
  return {
    kernel,
    actor,
    start: (name, behavior, parent) => actor(name, behavior, parent).ref as unknown as LocalRef<never>,
    stop: () => new Promise((done) => kernel.stop(done)),
  }
}
