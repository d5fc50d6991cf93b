/** Handles to actors that may live anywhere: entities by id, and the own actors of other nodes. */
import * as E from 'fp-ts/lib/Either.js'
import {
  decodeRefusal,
  decodeReply,
  encodePayload,
  foreignMessage,
  type MessageData,
  nodeMessageToRemote,
  nodeStopped,
  specOfMessage,
} from '../../lib/api/internal.js'
import { Misuse } from '../../lib/api/misuse.js'
import type { AskOptions } from '../../lib/api/refs.js'
import type { Config } from '../../lib/config.js'
import type { Engine } from '../../lib/engine/engine.js'
import type { Target } from '../../lib/engine/options.js'
import { AskFailed, type AskError } from '../../lib/errors.js'
import { formatAddress, type NodeId } from '../../lib/ids.js'
import type { Reached } from '../../lib/limits.js'
import type { AskResult } from '../../lib/routing/asks.js'
import type { Wire } from '../../lib/wire/envelope.js'
import { sizeOf } from '../../lib/wire/size.js'

/** What a ref needs of its node. */
export interface RefHome {
  readonly config: Config
  /** Of this node, for people. */
  readonly name: string
  /** True from `stop()` on, as soon as nothing can be sent any more. */
  readonly isStopped: boolean
  readonly reached: Reached
  /** Null while the node is not a member. */
  engine(): Engine | null
  /** The present incarnation of a node that is named without one. */
  resolve(node: string): NodeId | null
  deadLetter(address: string, reason: string, message: MessageData): void
}

const wrongForm = (message: MessageData, used: 'told' | 'asked'): Misuse =>
  new Misuse(
    'WrongForm',
    used === 'told'
      ? `${message.kind}.${message.tag} has a reply, so it is asked: use ref.ask.`
      : `${message.kind}.${message.tag} has no reply, so it is told: use ref.tell.`,
  )

/** Why nothing leaves this node. */
export const unsent = ({ isStopped, name }: RefHome, address: string): AskError =>
  isStopped ? { tag: 'NodeStopped', address, node: name } : { tag: 'Unavailable', address, retryAfterMs: 500 }

/** A ref to an actor of a node that has stopped: nobody gets what is told, and asks say why. */
export class StoppedRef {
  readonly address: { readonly kind: string; readonly id: string; readonly node: string }
  readonly #home: RefHome

  constructor(home: RefHome, kind: string, node: NodeId) {
    this.#home = home
    this.address = { kind, id: '', node }
  }

  tell(message: MessageData): void {
    this.#home.deadLetter(formatAddress(this.address.kind, ''), 'NodeStopped', message)
  }
  ask(_message: MessageData): Promise<never> {
    const address = formatAddress(this.address.kind, '')
    return Promise.reject(new AskFailed({ tag: 'NodeStopped', address, node: this.#home.name }))
  }
  get nact(): never {
    throw nodeStopped(this.#home.name, 'actors')
  }
}

/** A ref to what is not necessarily here. Its type parameters are added by the node that hands it out. */
export class RemoteRef {
  readonly address: { readonly kind: string; readonly id: string; readonly node?: string }
  readonly #home: RefHome
  #resolved: Target | undefined

  constructor(home: RefHome, kind: string, id: string, node?: string) {
    this.#home = home
    this.address = node === undefined ? { kind, id } : { kind, id, node }
  }

  tell(message: MessageData): void {
    const spec = this.#check(message)
    if (spec.form !== 'tell') throw wrongForm(message, 'told')
    const engine = this.#home.engine()
    const target = this.#target()
    const payload = encodePayload(spec, message.payload)
    if (engine === null || target === null)
      this.#home.deadLetter(this.#name(), this.#home.isStopped ? 'NodeStopped' : 'Unavailable', message)
    else if (this.#tooLarge(payload) !== null) this.#home.deadLetter(this.#name(), 'PayloadTooLarge', message)
    else engine.tell(target, { tag: message.tag, payload })
  }

  ask(message: MessageData, options: AskOptions = {}): Promise<unknown> {
    const spec = this.#check(message)
    if (spec.form !== 'ask' && spec.form !== 'read') throw wrongForm(message, 'asked')
    return new Promise((resolve, reject) => {
      const payload = encodePayload(spec, message.payload)
      const settle = (result: AskResult): void => {
        if (result.tag === 'reply') this.#settle(decodeReply(spec, result.payload), resolve, reject)
        else if (result.tag === 'error') reject(new AskFailed(result.error))
        else
          this.#settle(
            decodeRefusal(spec, result.payload),
            (refusal) => {
              reject(new AskFailed({ tag: 'Refused', address: this.#name(), message: message.tag, refusal }))
            },
            reject,
          )
      }
      const trouble = this.#trouble(payload, options)
      const engine = this.#home.engine()
      const target = this.#target()
      if (trouble !== null || engine === null || target === null) {
        reject(new AskFailed(trouble ?? unsent(this.#home, this.#name())))
        return
      }
      const { signal } = options
      const wish = { tag: message.tag, payload }
      if (signal === undefined) {
        engine.ask(target, wish, options, settle)
        return
      }
      const abort = (): void => engine.cancel(pending)
      const pending = engine.ask(target, wish, options, (result) => {
        signal.removeEventListener('abort', abort)
        settle(result)
      })
      if (!pending.isOver) signal.addEventListener('abort', abort, { once: true })
    })
  }

  #settle(
    decoded: E.Either<readonly string[], unknown>,
    done: (value: unknown) => void,
    reject: (e: Error) => void,
  ): void {
    if (E.isRight(decoded)) done(decoded.right)
    else reject(new AskFailed({ tag: 'Malformed', address: this.#name(), complaints: decoded.left }))
  }
  #trouble(payload: Wire, { signal, timeoutMs }: AskOptions): AskError | null {
    if (signal?.aborted === true) return { tag: 'Cancelled', address: this.#name() }
    if (timeoutMs !== undefined && !(timeoutMs >= 1))
      throw new Misuse('WrongForm', `timeoutMs: expected 1 ms or more, got ${timeoutMs}.`)
    return this.#tooLarge(payload)
  }
  #tooLarge(payload: Wire): AskError | null {
    const { payloadBytesMax } = this.#home.config
    const bytes = sizeOf(payload)
    if (bytes <= payloadBytesMax) return null
    this.#home.reached.payloadBytesMax++
    return { tag: 'PayloadTooLarge', address: this.#name(), bytes, payloadBytesMax }
  }
  #check(message: MessageData): MessageData[typeof specOfMessage] {
    const spec = message[specOfMessage]
    if (spec === undefined) throw foreignMessage(`${String(message.kind)}.${String(message.tag)}`)
    if (message.kind !== this.address.kind)
      throw new Misuse(
        'ForeignMessage',
        `${message.kind}.${message.tag} was sent to ${this.#name()}. ` +
          `Send what the constructors of the protocol "${this.address.kind}" make.`,
      )
    if (spec.reach === 'node') throw nodeMessageToRemote(message.kind, message.tag, this.#name())
    if (spec.reach === 'self')
      throw new Misuse('ForeignMessage', `${message.kind}.${message.tag} is sent only by the actor itself.`)
    return spec
  }
  #target(): Target | null {
    const { kind, node } = this.address
    if (node === undefined) return this.address
    const resolved = this.#home.resolve(node)
    if (resolved === null) return null
    if (this.#resolved?.node !== resolved) this.#resolved = { kind, id: '', node: resolved }
    return this.#resolved
  }
  #name(): string {
    const { kind, id, node } = this.address
    return formatAddress(kind, id || (node ?? ''))
  }
}
