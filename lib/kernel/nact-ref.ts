/** Handles to actors of plain nact: adopted ones, and those that are only told. */
import type { AdoptedRef, NactAskOptions, NactRef } from '../api/adopted.js'
import type { Down } from '../api/exit.js'
import { type MessageData, specOfMessage } from '../api/maker.js'
import { Misuse } from '../api/misuse.js'
import type { Subscription } from '../api/node-types.js'
import type { LocalRef } from '../api/refs.js'
import type { MessageSpecData } from '../api/spec.js'
import { AskFailed } from '../errors.js'
import { PromiseAsker } from './asks.js'
import type { Kernel } from './kernel.js'
import { monitorRef } from './local-self.js'
import { isPlainRef, type PlainRef, send, sendAsking, waitingCountOf } from './nact-concrete.js'

/** What an adopted actor is called in its protocol. */
export const kindOfAdopted = (id: string): string => `nact-${id}`

/** Never leaves the node, so nothing of it is encoded. */
export const askSpec: MessageSpecData = {
  form: 'ask',
  reach: 'node',
  payload: undefined,
  reply: undefined,
  refusal: undefined,
}

const tellSpec: MessageSpecData = { ...askSpec, form: 'tell' }

/** Made here and not by the protocol, which would freeze what nact code may want to change. */
const messageOf = (kind: string, tag: 'Tell' | 'Ask', payload: unknown): MessageData => ({
  kind,
  tag,
  payload,
  [specOfMessage]: tag === 'Tell' ? tellSpec : askSpec,
})

class Adopted implements AdoptedRef {
  readonly actor: LocalRef<string>
  constructor(actor: LocalRef<string>) {
    this.actor = actor
  }
  tell(message: unknown): void {
    this.actor.tell(messageOf(this.actor.address.kind, 'Tell', message) as never)
  }
  ask(message: unknown, options: NactAskOptions = {}): Promise<unknown> {
    return this.actor.ask(messageOf(this.actor.address.kind, 'Ask', message) as never, options)
  }
  monitor(listener: (down: Down) => void): Subscription {
    return monitorRef(this.actor, listener)
  }
}

/** The handle to an adopted actor, given its actor of this node. */
export const adoptedRef = (actor: object): AdoptedRef => new Adopted(actor as LocalRef<string>)

class OnlyTold implements NactRef {
  readonly #kernel: Kernel
  readonly #ref: PlainRef
  readonly #address: string

  constructor(kernel: Kernel, ref: PlainRef) {
    this.#kernel = kernel
    this.#ref = ref
    this.#address = `nact/${ref.path.parts.join('/')}`
  }

  tell(message: unknown): void {
    const waiting = waitingCountOf(this.#ref)
    if (waiting === undefined) this.#kernel.deadLetter(this.#address, 'stopped', message)
    else if (waiting >= this.#kernel.limits.mailboxCountMax)
      this.#kernel.deadLetter(this.#address, 'mailbox-full', message)
    else send(this.#ref, message)
  }

  async ask(message: unknown, { timeoutMs, signal }: NactAskOptions = {}): Promise<unknown> {
    const { asks, limits } = this.#kernel
    const { mailboxCountMax, askTimeoutMs, askTimeoutMsMax } = limits
    if (timeoutMs !== undefined && !(timeoutMs >= 1))
      throw new Misuse('WrongForm', `timeoutMs is ${timeoutMs}; expected milliseconds, 1 or more.`)
    const address = this.#address
    const waiting = waitingCountOf(this.#ref)
    if (waiting === undefined) throw new AskFailed({ tag: 'NoRecipient', address })
    if (waiting >= mailboxCountMax)
      throw new AskFailed({ tag: 'Overloaded', address, mailboxCountMax, retryAfterMs: 100 })
    const asked = messageOf('nact', 'Ask', message)
    const asker = new PromiseAsker(address, asked)
    return new Promise((resolve, reject) => {
      asker.resolve = resolve
      asker.reject = reject
      const allowed = Math.min(timeoutMs ?? askTimeoutMs, askTimeoutMsMax)
      const open = asks.open(asker, { address, message: asked, timeoutMs: allowed, reqId: undefined })
      if (open === undefined) return
      sendAsking(this.#ref, message, (answer) => open.reply(answer))
      if (signal !== undefined) asker.watch(signal, open)
    })
  }

  monitor(): Subscription {
    throw new Misuse(
      'WrongForm',
      `${this.#address} is only told: nact says nobody when such an actor stops. ` +
        'Put adopt(…) for it into the tree, and monitor node.adopted(…).',
    )
  }
}

/** The handle to any actor of plain nact in this process. */
export const nactRef = (kernel: Kernel, ref: object): NactRef => {
  if (isPlainRef(ref)) return new OnlyTold(kernel, ref)
  throw new Misuse('WrongForm', 'node.nact(…) takes what spawn of nact returns: a reference to an actor.')
}
