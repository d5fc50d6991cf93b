/**
 * What nact keeps of an actor behind its reference. nact says nobody when an actor stops, fails or has
 * finished a message, so four of its methods are wrapped, once per actor.
 */
import { crash, type ExitReason, normal } from './exit-reason.js'
import { nactDispatch, nactFind } from './nact.js'

/** nact's own reference to an actor, and to a system. */
export interface PlainRef {
  readonly type: 'actor'
  readonly path: { readonly parts: readonly string[] }
  readonly system: { readonly name: string }
}

/** The fields and methods of nact 7.6.2 that are used here. */
interface Concrete {
  readonly children: ReadonlyMap<string, Concrete>
  readonly stopped: boolean
  readonly busy: boolean
  readonly mailbox: { readonly length: number }
  /** Another one for each message. */
  readonly immediate: unknown
  stop(): void
  processNext(): void
  handleFault(message: unknown, sender: unknown, error: unknown, child?: unknown): Promise<void>
  afterStop(state: unknown, context: unknown): unknown
}
interface ConcreteSystem {
  addTempReference(reference: { readonly id: string }, deferred: { resolve: (answer: unknown) => void }): void
  removeTempReference(reference: { readonly id: string }): void
}

/** What happens to one nact actor, for whoever looks after it. */
export interface Witness {
  /** It has finished a message, well or not. */
  finished(): void
  /** It has stopped, whoever did it. */
  stopped(reason: ExitReason): void
}

/** One nact actor, wrapped. */
export class Wrapped {
  /** Settles when nact has cleaned up after it. */
  readonly cleanedUp: Promise<unknown>
  readonly #actor: Concrete
  readonly #witnesses = new Set<Witness>()
  #fault: { readonly error: unknown; readonly during: unknown } | undefined

  private constructor(actor: Concrete) {
    this.#actor = actor
    const { stop, processNext, handleFault, afterStop } = actor
    actor.processNext = () => {
      processNext.call(actor)
      for (const witness of [...this.#witnesses]) witness.finished()
    }
    actor.handleFault = (message, sender, error, child) => {
      if (child === undefined) this.#fault = { error, during: actor.immediate }
      return handleFault.call(actor, message, sender, error, child)
    }
    actor.stop = () => {
      // A second stop would clean up a second time.
      if (actor.stopped) return
      const reason = this.#reason()
      stopBelow(actor)
      stop.call(actor)
      const witnesses = [...this.#witnesses]
      this.#witnesses.clear()
      for (const witness of witnesses) witness.stopped(reason)
    }
    this.cleanedUp = new Promise((resolve, reject) => {
      actor.afterStop = async (state, context) => {
        try {
          resolve(await afterStop.call(actor, state, context))
        } catch (error) {
          reject(error)
        }
      }
    })
    // Whoever waits for it hears of it; when nobody does, it is as lost as in nact.
    this.cleanedUp.catch(() => undefined)
  }

  /** The actor behind a reference; undefined when it has stopped. */
  static of(ref: PlainRef): Wrapped | undefined {
    const actor = concreteOf(ref)
    if (actor === undefined) return undefined
    const known = wrapped.get(actor) ?? new Wrapped(actor)
    wrapped.set(actor, known)
    return known
  }

  get isStopped(): boolean {
    return this.#actor.stopped
  }
  get isBusy(): boolean {
    return this.#actor.busy
  }
  /** How many messages are before the end of its mailbox, the one in hand included. */
  get waitingCount(): number {
    return waitingFor(this.#actor)
  }

  /** Until it stops, or the returned function is called. */
  watch(witness: Witness): () => void {
    this.#witnesses.add(witness)
    return () => this.#witnesses.delete(witness)
  }

  stop(): void {
    this.#actor.stop()
  }

  /** Its last message failed, and none was taken since. */
  #reason(): ExitReason {
    const { busy, immediate } = this.#actor
    const fault = this.#fault
    return fault !== undefined && busy && immediate === fault.during ? crash(fault.error) : normal
  }
}

const wrapped = new WeakMap<Concrete, Wrapped>()

export const isPlainRef = (ref: unknown): ref is PlainRef =>
  typeof ref === 'object' && ref !== null && (ref as { readonly type?: unknown }).type === 'actor'

const concreteOf = (ref: PlainRef): Concrete | undefined => {
  const found = nactFind(ref.system.name, ref) as Concrete | undefined
  return typeof found?.handleFault === 'function' ? found : undefined
}

/** Messages that an actor has not finished; undefined when it has stopped. */
export const waitingCountOf = (ref: PlainRef): number | undefined => {
  const actor = concreteOf(ref)
  return actor === undefined ? undefined : waitingFor(actor)
}
const waitingFor = ({ busy, mailbox }: Concrete): number => (busy ? mailbox.length + 1 : 0)

/** nact leaves the children of what it stops running. */
const stopBelow = (actor: Concrete): void => {
  for (const child of [...actor.children.values()]) {
    stopBelow(child)
    child.stop()
  }
}

/** Answers that came to nobody's ear yet; the oldest are forgotten first. */
const openCountMax = 10_000
const openIn = new WeakMap<ConcreteSystem, Set<{ readonly id: string }>>()
let serial = 0

/** A reference that takes one answer. nact's own have 31 random bits, and two that are open may meet. */
const oneShot = (to: PlainRef, answered: (answer: unknown) => void): object | undefined => {
  const { name } = to.system
  const system = nactFind(name) as ConcreteSystem | undefined
  if (system === undefined) return undefined
  const open = openIn.get(system) ?? new Set()
  openIn.set(system, open)
  const ref = { id: `tumen-${++serial}`, type: 'temp', system: { name } }
  const drop = (each: { readonly id: string }): void => {
    open.delete(each)
    system.removeTempReference(each)
  }
  open.add(ref)
  for (const oldest of open) {
    if (open.size <= openCountMax) break
    drop(oldest)
  }
  const resolve = (answer: unknown): void => {
    drop(ref)
    answered(answer)
  }
  system.addTempReference(ref, { resolve })
  return ref
}

export const send = (to: PlainRef, message: unknown): void => nactDispatch(to, message)

/** Sends, with a sender that takes one answer. */
export const sendAsking = (to: PlainRef, message: unknown, answered: (answer: unknown) => void): void => {
  const sender = oneShot(to, answered)
  nactDispatch(to, typeof message === 'function' ? message(sender) : message, sender)
}
