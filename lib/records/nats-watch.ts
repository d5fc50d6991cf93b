/**
 * A watch of records: an ordered consumer that the server pushes to. It is opened again, from the beginning,
 * after each reconnect, after a gap, and when the server's heartbeats stay away; versions that were shown
 * are not shown again.
 */
import * as E from 'fp-ts/lib/Either.js'
import { createInbox, type Msg, type Subscription } from 'nats'
import type { Clock, Timer } from '../std/clock.js'
import {
  apiSubjects,
  inboxPrefix,
  parseAckSubject,
  parseRecordSubject,
  prefixSubjects,
  recordsStream,
} from '../wire/subjects.js'
import { apiRequest, type RecordsConnection, safely } from './nats-stream.js'
import type { RecordVersion, Watch } from './records.js'

interface WatchOptions {
  readonly connection: RecordsConnection
  readonly cluster: string
  readonly clock: Clock
  readonly prefix: string
  readonly onRecord: (record: RecordVersion) => void
  readonly onLive: () => void
  /** Makes sure that there is a stream and tells which one it is. */
  readonly refresh: () => Promise<string>
}

const heartbeatMs = 500
const silenceMs = 1_600
const retryMs = 250

/** One consumer, from its opening to its end. */
interface Opening {
  subscription: Subscription | undefined
  consumer: string | undefined
  nextSequence: number
  /** The server has said how much there was. */
  counted: boolean
  caughtUp: boolean
  live: boolean
  heardAt: number
}

class StreamWatch implements Watch {
  readonly #o: WatchOptions
  readonly #shown = new Map<string, number>()
  readonly #forget: () => void
  #stream = ''
  #now: Opening | undefined
  #timer: Timer | undefined
  #stopped = false

  constructor(options: WatchOptions) {
    this.#o = options
    this.#forget = options.connection.onStatus(() => {
      if (options.connection.status() === 'up') this.#reopen(0)
    })
    void this.#open()
  }

  stop(): void {
    this.#stopped = true
    this.#forget()
    this.#timer?.cancel()
    this.#leave()
  }

  #leave(): void {
    const old = this.#now
    this.#now = undefined
    if (old?.subscription?.isClosed() === false) old.subscription.unsubscribe()
    // The server would end it by itself some seconds later.
    const { connection, cluster } = this.#o
    if (old?.consumer === undefined || connection.status() !== 'up') return
    connection.nc.publish(apiSubjects(cluster).consumerDelete(old.consumer))
  }

  #reopen(delayMs: number): void {
    this.#timer?.cancel()
    this.#leave()
    if (this.#stopped) return
    this.#timer = this.#o.clock.after(delayMs, () => void this.#open())
  }

  async #open(): Promise<void> {
    const { connection, cluster, clock, prefix } = this.#o
    if (this.#stopped || connection.status() !== 'up') return
    const inbox = createInbox(inboxPrefix(cluster))
    const opening: Opening = {
      subscription: undefined,
      consumer: undefined,
      nextSequence: 1,
      counted: false,
      caughtUp: false,
      live: false,
      heardAt: clock.monotonic(),
    }
    this.#now = opening
    try {
      const stream = await this.#o.refresh()
      if (stream !== this.#stream) this.#shown.clear()
      this.#stream = stream
      if (this.#now !== opening) return
      opening.subscription = connection.nc.subscribe(inbox, {
        callback: safely(clock, (message) => this.#receive(opening, message)),
      })
      const { name, num_pending } = (await apiRequest(connection.nc, apiSubjects(cluster).consumerCreate, {
        stream_name: recordsStream(cluster),
        config: {
          deliver_subject: inbox,
          deliver_policy: 'all',
          ack_policy: 'none',
          replay_policy: 'instant',
          max_deliver: 1,
          filter_subject: prefixSubjects(cluster, prefix),
          idle_heartbeat: heartbeatMs * 1e6,
          mem_storage: true,
          num_replicas: 1,
        },
      })) as { name: string; num_pending: number }
      opening.consumer = name
      opening.counted = true
      if (num_pending === 0) opening.caughtUp = true
      this.#tellLive(opening)
      if (this.#now === opening) this.#listenForSilence(opening)
    } catch {
      if (this.#now === opening) this.#reopen(retryMs)
    }
  }

  #receive(opening: Opening, message: Msg): void {
    if (this.#now !== opening) return
    opening.heardAt = this.#o.clock.monotonic()
    if (message.headers !== undefined && message.headers.code === 100) {
      // Idle: everything that matched has been sent, whatever the counts said.
      opening.caughtUp = true
      return this.#tellLive(opening)
    }
    const delivery = parseAckSubject(message.reply ?? '')
    if (E.isLeft(delivery) || delivery.right.consumerSequence !== opening.nextSequence) return this.#reopen(0)
    opening.nextSequence++
    this.#show(message)
    if (delivery.right.pending > 0) return
    opening.caughtUp = true
    this.#tellLive(opening)
  }

  #show({ subject, data }: Msg): void {
    // One watch of `member` and one of `member.n1` read the same grammar: the chain is all but the last
    // token.
    const named = parseRecordSubject(this.#o.cluster, subject)
    if (E.isLeft(named)) return
    const { chain, version } = named.right
    if ((this.#shown.get(chain) ?? 0) >= version) return
    this.#shown.set(chain, version)
    this.#o.onRecord({ chain, version, value: data.slice() })
  }

  #tellLive(opening: Opening): void {
    if (opening.live || !opening.counted || !opening.caughtUp || this.#now !== opening) return
    opening.live = true
    this.#o.onLive()
  }

  #listenForSilence(opening: Opening): void {
    this.#timer?.cancel()
    this.#timer = this.#o.clock.after(heartbeatMs, () => {
      if (this.#now !== opening) return
      if (this.#o.clock.monotonic() - opening.heardAt > silenceMs) this.#reopen(0)
      else this.#listenForSilence(opening)
    })
  }
}

/** Watches from now on; while the connection is down it waits. */
export const watchStream = (options: WatchOptions): Watch => new StreamWatch(options)
