/** A kernel on nact with actors below actors, which no tree declares: for benches of the kernel itself. */
import { behaviorData, type MessageData } from '../lib/api/internal.js'
import type { TumenNode } from '../lib/api/node-types.js'
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
    made.begin((begun) => {
      if (begun.tag === 'failed') throw begun.error
    })
    return made
  }
  return {
    actor,
    stop: () => new Promise((done) => kernel.stop(done)),
  }
}
