/** The two streams of a JetStream engine: made when missing, and read one message or one page at a time. */
import * as E from 'fp-ts/lib/Either.js'
import * as t from 'io-ts'
import { createInbox, type Msg, type NatsConnection } from 'nats'
import { apiRequest, JetStreamError } from '../records/nats-stream.js'
import type { Clock } from '../std/clock.js'
import type { JournalStream } from '../wire/subjects.js'

const streamNotFound = 10_059
const noMessageFound = 10_037
const pageWaitMs = 5_000
const nanoseconds = 1_000_000

const streamConfig = ({ stream, subjects }: JournalStream, replicas: number, keptPerKey: number) => ({
  name: stream,
  subjects: [subjects],
  storage: 'file',
  num_replicas: replicas,
  retention: 'limits',
  discard: keptPerKey < 0 ? 'new' : 'old',
  max_consumers: -1,
  max_msgs: -1,
  max_bytes: -1,
  max_age: 0,
  max_msgs_per_subject: keptPerKey,
  allow_direct: false,
})

/** Finds a stream, or makes it; resolves with its replicas. `keptPerKey` -1: all of them. */
export const ensureJournalStream = async (
  nc: NatsConnection,
  stream: JournalStream,
  { replicas, keptPerKey }: { replicas: number; keptPerKey: number },
): Promise<number> => {
  const replicasOf = (answer: unknown): number =>
    (answer as { config: { num_replicas: number } }).config.num_replicas
  try {
    return replicasOf(await apiRequest(nc, stream.streamInfo, {}))
  } catch (error) {
    if (!(error instanceof JetStreamError) || error.code !== streamNotFound) throw error
    return replicasOf(await apiRequest(nc, stream.streamCreate, streamConfig(stream, replicas, keptPerKey)))
  }
}

/** One message of a stream, and its place there. */
export interface Stored {
  readonly place: number
  readonly text: string
}

const foundCodec = t.type({
  message: t.intersection([t.type({ seq: t.number }), t.partial({ data: t.string })]),
})

/** The last message of a subject, or the first from a place on; asked of the stream's leader. */
export const findStored = async (
  nc: NatsConnection,
  stream: JournalStream,
  wish: { readonly last_by_subj: string } | { readonly seq: number; readonly next_by_subj: string },
): Promise<Stored | undefined> => {
  try {
    const found = foundCodec.decode(await apiRequest(nc, stream.messageGet, wish))
    if (E.isLeft(found)) throw new Error('JetStream gave a message in an unknown form')
    const { seq, data = '' } = found.right.message
    return { place: seq, text: Buffer.from(data, 'base64').toString() }
  } catch (error) {
    if (error instanceof JetStreamError && error.code === noMessageFound) return undefined
    throw error
  }
}

const consumerCodec = t.type({ name: t.string, num_pending: t.number })

interface PageWish {
  readonly subject: string
  /** The first place that counts. */
  readonly from: number
  readonly countMax: number
}

const placeOf = ({ reply = '' }: Msg): number => {
  const tokens = reply.split('.')
  return Number(tokens[tokens.length >= 11 ? 7 : 5])
}

/** Messages of one subject in their order: all of them when they are fewer than `countMax`. */
export const readPage = async (
  nc: NatsConnection,
  stream: JournalStream,
  { wish, clock }: { readonly wish: PageWish; readonly clock: Clock },
): Promise<readonly Stored[]> => {
  const config = {
    deliver_policy: 'by_start_sequence',
    opt_start_seq: Math.max(1, wish.from),
    ack_policy: 'none',
    replay_policy: 'instant',
    filter_subject: wish.subject,
    inactive_threshold: pageWaitMs * nanoseconds,
    mem_storage: true,
    num_replicas: 1,
  }
  const made = consumerCodec.decode(
    await apiRequest(nc, stream.consumerCreate, { stream_name: stream.stream, config }),
  )
  if (E.isLeft(made)) throw new Error('JetStream gave a consumer in an unknown form')
  const { name, num_pending } = made.right
  const count = Math.min(wish.countMax, num_pending)
  try {
    return count === 0 ? [] : await collect(nc, { subject: stream.consumerNext(name), count, clock })
  } finally {
    nc.publish(stream.consumerDelete(name))
  }
}

const collect = (
  nc: NatsConnection,
  { subject, count, clock }: { readonly subject: string; readonly count: number; readonly clock: Clock },
): Promise<readonly Stored[]> =>
  new Promise((resolve, reject) => {
    const page: Stored[] = []
    const inbox = createInbox()
    const end = (error?: Error): void => {
      late.cancel()
      subscription.unsubscribe()
      if (error === undefined) resolve(page)
      else reject(error)
    }
    const late = clock.after(pageWaitMs, () => end(new Error('JetStream broke off while it was read')))
    const subscription = nc.subscribe(inbox, {
      callback: (error, message) => {
        const status = message?.headers?.code ?? 0
        if (error !== null) end(error)
        else if (status >= 400) end(new Error(`JetStream broke off with status ${status}`))
        else if (status === 0) {
          page.push({ place: placeOf(message), text: message.string() })
          if (page.length === count) end()
        }
      },
    })
    const batch = { batch: count, expires: (pageWaitMs - 1_000) * nanoseconds }
    nc.publish(subject, JSON.stringify(batch), { reply: inbox })
  })
