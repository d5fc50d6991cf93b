/**
 * Actors of plain nact under tumen's supervisors. An adopted one is an actor of the node that passes its
 * messages on, one at a time; it ends when the nact actor does, and the nact actor ends with it.
 */
import { act } from '../api/act.js'
import { behavior } from '../api/behavior.js'
import type { ChildSpec } from '../api/child-data.js'
import { type WorkerOptions, worker } from '../api/child-spec.js'
import type { MailboxOptions } from '../api/mailbox.js'
import { nodeMessage, type AskSpec } from '../api/message.js'
import { Misuse } from '../api/misuse.js'
import type { AskedSelf, Self } from '../api/node-types.js'
import { next, putOff } from '../api/outcome.js'
import { nodeProtocol } from '../api/protocol.js'
import { isName } from '../ids.js'
import type { ExitReason } from './exit-reason.js'
import { monitorRef } from './local-self.js'
import { isPlainRef, type PlainRef, send, sendAsking, Wrapped } from './nact-concrete.js'
import { askSpec, kindOfAdopted } from './nact-ref.js'

/** One life of an adopted actor. */
class Adoption {
  readonly #self: Self<string>
  readonly #ref: PlainRef
  readonly #actor: Wrapped
  #isOver = false
  #unfinishedCount = 0
  #finished: (() => void) | undefined

  constructor(self: Self<string>, ref: PlainRef, actor: Wrapped) {
    this.#self = self
    this.#ref = ref
    this.#actor = actor
    actor.watch({
      finished: () => {
        if (--this.#unfinishedCount === 0) this.#finished?.()
      },
      stopped: (reason) => this.#stopped(reason),
    })
    // However this life ends, also by force, the nact actor ends with it.
    monitorRef(self, () => this.end())
  }

  /** Resolves when the actor has finished it, so that what waits does so in the mailbox that is bounded. */
  tell(message: unknown): Promise<void> {
    const finished = this.#untilFinished(this.#actor.waitingCount + 1)
    send(this.#ref, message)
    return finished
  }

  ask(message: unknown, self: AskedSelf<string, unknown, never>): Promise<void> {
    const { asked } = self
    const finished = this.#untilFinished(this.#actor.waitingCount + 1)
    sendAsking(this.#ref, message, (answer) => {
      if (!this.#isOver) this.#self.perform(act.answer(asked, answer))
    })
    return finished
  }

  /** In order: what plain nact code sent and is in hand is finished too, and nact cleans up. */
  async halt(): Promise<void> {
    if (this.#actor.isBusy && !this.#actor.isStopped) await this.#untilFinished(1)
    this.end()
    await this.#actor.cleanedUp
  }

  end(): void {
    this.#isOver = true
    this.#actor.stop()
  }

  #untilFinished(count: number): Promise<void> {
    this.#unfinishedCount = count
    return new Promise((resolve) => {
      this.#finished = resolve
    })
  }

  #stopped(reason: ExitReason): void {
    const isExpected = this.#isOver
    this.#isOver = true
    if (!isExpected) {
      if (reason.tag === 'normal') this.#self.perform(act.stop())
      else this.#self.exit(this.#self, reason)
    }
    this.#finished?.()
  }
}

export type AdoptOptions = WorkerOptions & {
  /** Of what waits in tumen; nact's own mailbox has no bound. */
  readonly mailbox?: MailboxOptions
}

const begin = (id: string, ref: unknown, self: Self<string>): Adoption => {
  const actor = isPlainRef(ref) ? Wrapped.of(ref) : undefined
  if (isPlainRef(ref) && actor !== undefined) return new Adoption(self, ref, actor)
  throw new Misuse(
    'InvalidDeclaration',
    isPlainRef(ref)
      ? `The nact actor to be adopted as "${id}" is not there. Give adopt a function that spawns it, so ` +
          'that it can be begun again, and see that one copy of nact is installed.'
      : `adopt("${id}", …) takes a reference to a nact actor, or a function that spawns one and returns it.`,
  )
}

/**
 * A nact actor as a child of a supervisor: `start` spawns it, below `parent` or anywhere, and returns nact's
 * reference; or it is the reference of an actor that runs already. `node.adopted(id)` speaks to it.
 *
 * Guarantees
 * - When it stops, whoever stopped it, the supervisor is told: as a crash when its last message failed,
 *   else as a normal end. Restart types, intensity, links, monitors and deadlines apply as to a worker.
 * - When it is stopped, everything below it in nact is stopped too, last level first; nact would leave that
 *   running.
 * - What was told through tumen waits in the bounded mailbox, also while the actor is begun again. It is
 *   passed on one message at a time; plain nact code may still dispatch to the actor directly.
 *
 * Limits: the id is 1 … 58 letters, digits, `-` and `_`. One that runs already cannot be begun again, so its
 * restart is `temporary`. A crash that nact's own `onCrash` answers with resume or reset is no end, and
 * tumen does not see it.
 *
 * Gotcha: without an `onCrash` of its own a nact actor writes its crash to the console, and stops.
 *
 * @example
 * supervisor('root', {}, [adopt('legacy', (parent) => nact.spawn(parent, greet, 'greeter'))])
 */
export const adopt = (
  id: string,
  start: object | ((parent: object) => object),
  { mailbox, ...options }: AdoptOptions = {},
): ChildSpec => {
  const isRunning = typeof start !== 'function'
  if (!isName(kindOfAdopted(id))) {
    throw new Misuse('InvalidDeclaration', `adopt("${id}"): the id is 1 to 58 letters, digits, "-" and "_".`)
  }
  if (isRunning && (options.restart ?? 'temporary') !== 'temporary') {
    throw new Misuse(
      'InvalidDeclaration',
      `"${id}" is a nact actor that runs already, so nobody can begin it again: give adopt a function that ` +
        "spawns it, or restart: 'temporary'.",
    )
  }
  const protocol = nodeProtocol(kindOfAdopted(id), {
    Tell: nodeMessage<unknown>(),
    Ask: askSpec as unknown as AskSpec<unknown, unknown, never, 'node'>,
  })
  /** The last life below each nact actor of ours: one spec may run in several nodes of a process. */
  const lives = new WeakMap<object, Adoption>()
  const adopted = behavior(protocol, {
    init: (self: Self<string>): Adoption => {
      lives.get(self.nact)?.end()
      const life = begin(id, isRunning ? start : (start as (parent: object) => object)(self.nact), self)
      lives.set(self.nact, life)
      return life
    },
    on: {
      Tell: async (life, message) => {
        await life.tell(message)
        return next(life)
      },
      Ask: async (life, message, self) => {
        await life.ask(message, self)
        return putOff(life)
      },
    },
    onStop: (life) => life.halt(),
    ...(mailbox === undefined ? {} : { mailbox }),
  })
  return worker(id, adopted, isRunning ? { ...options, restart: 'temporary' } : options)
}
