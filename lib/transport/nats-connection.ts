/**
 * One connection to NATS that is made again for as long as it is wanted. Each dial is a client of its own, so
 * nothing that was published to an old one is ever sent by a new one.
 */
import { connect, Events, type Msg, type NatsConnection, type Subscription } from 'nats'
import type { Clock, Timer } from '../std/clock.js'
import { below, type Random } from '../std/random.js'
import {
  type Address,
  addressesOf,
  connectFailure,
  connectionOptions,
  connectTimeoutMs,
  type NatsOptions,
} from './nats-address.js'
import { safely } from '../records/nats-stream.js'
import { type Preflight, preflight } from './nats-preflight.js'
import type { LinkStatus } from './transport.js'

/** What the server refused to this connection, in the server's words for it. */
export interface Denied {
  readonly operation: string
  readonly subject: string
}

export interface ConnectionParts {
  readonly options: NatsOptions
  /** For the server's own lists. */
  readonly name: string
  readonly cluster: string
  readonly clock: Clock
  readonly random: Random
}

type OnMessage = (message: Msg) => void

const redialMs = 250
const redialJitterMs = 100
const deniedCountMax = 100
const discoveredCountMax = 32
const closeWaitMs = 2_000

export class Connection {
  /** The first ones since the start. */
  readonly denied: Denied[] = []
  readonly where: string
  readonly #parts: ConnectionParts
  readonly #listeners = new Set<() => void>()
  readonly #wanted = new Map<string, OnMessage>()
  #addresses: readonly Address[]
  #nc: NatsConnection | undefined
  #status: LinkStatus = 'down'
  #looking: Preflight | undefined
  #pause: { timer: Timer; end: () => void } | undefined

  private constructor(parts: ConnectionParts) {
    this.#parts = parts
    this.#addresses = addressesOf(parts.options)
    this.where = this.#addresses.map(({ shown }) => shown).join(', ')
  }

  /** Rejects with a `StartFailed` when no address leads to a server that takes this node. */
  static async open(parts: ConnectionParts): Promise<Connection> {
    const connection = new Connection(parts)
    try {
      // What is wrong with the options themselves is said before any server is asked.
      connectionOptions(parts.options, parts.name, parts.cluster)
      await connection.#dialAny()
    } catch (error) {
      throw connectFailure(error, connection.where)
    }
    void connection.#maintain()
    return connection
  }

  /** The present client. While the status is not `up` it may be one that is closed already. */
  get nc(): NatsConnection {
    if (this.#nc === undefined) throw new Error('not connected yet')
    return this.#nc
  }

  status(): LinkStatus {
    return this.#status
  }

  /** Called after each change of `status`. */
  onStatus(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Stays over dials, until the connection is closed. `onMessage` must not throw. */
  subscribe(subject: string, onMessage: OnMessage): void {
    this.#wanted.set(subject, onMessage)
    if (this.#status !== 'closed' && this.#nc?.isClosed() === false)
      this.#subscribeOn(this.#nc, subject, onMessage)
  }

  /** Leaves nothing open. What was published before has left, when the server answers within two seconds. */
  async close(): Promise<void> {
    if (this.#status === 'closed') return
    const wasUp = this.#status === 'up'
    this.#change('closed')
    this.#looking?.cancel()
    this.#pause?.timer.cancel()
    this.#pause?.end()
    const nc = this.#nc
    if (nc === undefined) return
    if (wasUp) await this.#withinTime(nc.drain())
    await nc.close().catch(() => undefined)
  }

  #withinTime(work: Promise<unknown>): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#parts.clock.after(closeWaitMs, resolve)
      const end = (): void => {
        timer.cancel()
        resolve()
      }
      work.then(end, end)
    })
  }

  #change(status: LinkStatus): void {
    if (this.#status === status || this.#status === 'closed') return
    this.#status = status
    for (const listener of [...this.#listeners]) listener()
  }

  #subscribeOn(nc: NatsConnection, subject: string, onMessage: OnMessage): Subscription {
    return nc.subscribe(subject, {
      callback: safely(this.#parts.clock, (message) => {
        if (nc === this.#nc) onMessage(message)
      }),
    })
  }

  /** Tries each address once, from a random one on; rejects with what was wrong with the last. */
  async #dialAny(): Promise<void> {
    const addresses = this.#addresses
    const first = below(this.#parts.random, addresses.length)
    let failure: unknown
    for (let i = 0; i < addresses.length && !this.#isClosed(); i++) {
      try {
        return await this.#dial(addresses[(first + i) % addresses.length] as Address)
      } catch (error) {
        failure = error
      }
    }
    throw failure
  }

  async #dial(address: Address): Promise<void> {
    const { options, name, cluster, clock } = this.#parts
    this.#looking = preflight(address, options.tls?.handshakeFirst === true, connectTimeoutMs(options), clock)
    await this.#looking.done
    const nc = await connect({
      ...connectionOptions(options, name, cluster),
      servers: `${hostPart(address)}:${address.port}`,
    })
    if (this.#isClosed()) return void nc.close()
    this.#nc = nc
    void this.#follow(nc)
    for (const [subject, onMessage] of this.#wanted) this.#subscribeOn(nc, subject, onMessage)
    // Up only when the server has answered: what is subscribed is then in place.
    await nc.flush().catch(async (error: unknown) => {
      await nc.close()
      throw error
    })
    this.#discover(nc)
    this.#change('up')
  }

  async #follow(nc: NatsConnection): Promise<void> {
    for await (const { type, permissionContext } of nc.status()) {
      if (type === Events.Disconnect && nc === this.#nc) this.#change('down')
      if (permissionContext !== undefined && this.denied.length < deniedCountMax)
        this.denied.push(permissionContext)
    }
  }

  /** Whenever the present client has ended: dials until there is one again. */
  async #maintain(): Promise<void> {
    for (;;) {
      await this.#nc?.closed()
      this.#change('down')
      let isBack = false
      while (!isBack) {
        if (this.#isClosed()) return
        await this.#wait(redialMs + below(this.#parts.random, redialJitterMs))
        // The server may still be away, and a credential that is refused may be put right while we try.
        isBack = await this.#dialAny().then(
          () => true,
          () => false,
        )
      }
    }
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#pause = { timer: this.#parts.clock.after(ms, resolve), end: resolve }
    })
  }

  /**
   * Other servers of the same cluster, as this one tells of them. With TLS their names could not be checked.
   */
  #discover(nc: NatsConnection): void {
    const known = new Set(this.#addresses.map(({ shown }) => shown))
    if (this.#addresses.some(({ tls }) => tls) || this.#parts.options.tls !== undefined) return
    const found = addressesOf({ servers: nc.info?.connect_urls ?? [] }).filter(
      ({ shown }) => !known.has(shown),
    )
    this.#addresses = [...this.#addresses, ...found].slice(0, Math.max(discoveredCountMax, known.size))
  }

  #isClosed(): boolean {
    return this.#status === 'closed'
  }
}

const hostPart = ({ host }: Address): string => (host.includes(':') ? `[${host}]` : host)
