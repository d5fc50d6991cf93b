/** Requests to JetStream, and the stream that holds the records. */
import { type Msg, type NatsConnection, NatsError } from 'nats'
import type { Clock } from '../std/clock.js'
import { apiSubjects, recordsStream, recordSubjects } from '../wire/subjects.js'

/**
 * A callback for a subscription. The client would end its reading, and say so on the console, when one
 * throws: what is thrown here is thrown again where it is an uncaught exception like any other.
 */
export const safely =
  (clock: Clock, onMessage: (message: Msg) => void) =>
  (error: NatsError | null, message: Msg): void => {
    if (error !== null) return
    try {
      onMessage(message)
    } catch (thrown) {
      clock.defer(() => {
        throw thrown
      })
    }
  }

/** What the records need of a connection. */
export interface RecordsConnection {
  readonly nc: NatsConnection
  status(): 'up' | 'down' | 'closed'
  onStatus(listener: () => void): () => void
}

/** JetStream answered with an error; `code` is its `err_code`. */
export class JetStreamError extends Error {
  constructor(
    readonly code: number,
    description: string,
  ) {
    super(`JetStream: ${description} (${code})`)
  }
}

const requestTimeoutMs = 2_000

/** Rejects with a `JetStreamError`, or with the client's error when nobody answered. */
export const apiRequest = async (nc: NatsConnection, subject: string, body: unknown): Promise<unknown> => {
  const { data } = await nc.request(subject, Buffer.from(JSON.stringify(body)), { timeout: requestTimeoutMs })
  const answer = JSON.parse(Buffer.from(data).toString()) as {
    error?: { err_code?: number; description?: string }
  }
  if (answer.error !== undefined)
    throw new JetStreamError(answer.error.err_code ?? 0, answer.error.description ?? '')
  return answer
}

export interface StreamFacts {
  /** When it was made, as the server writes it: tells a stream from one that was made anew. */
  readonly created: string
  readonly replicas: number
}

const streamNotFound = 10_059
const noPeers = [10_005, 10_074]
/** The server is starting, or the cluster has no leader yet. */
const notReady = [10_008, 10_009, 10_023]

const factsOf = (answer: unknown): StreamFacts => {
  const { created, config } = answer as { created: string; config: { num_replicas: number } }
  return { created, replicas: config.num_replicas }
}

const streamConfig = (cluster: string, replicas: number) => ({
  name: recordsStream(cluster),
  subjects: [recordSubjects(cluster)],
  storage: 'file',
  num_replicas: replicas,
  retention: 'limits',
  discard: 'new',
  max_consumers: -1,
  max_msgs: -1,
  max_bytes: -1,
  max_age: 0,
  // Versions go by purge, which leaves nothing behind; a deleted message could be created again.
  deny_delete: true,
  allow_direct: false,
})

/** Finds the stream of a cluster, or makes it. */
export const ensureStream = async (
  nc: NatsConnection,
  cluster: string,
  replicas: number,
): Promise<StreamFacts> => {
  const api = apiSubjects(cluster)
  try {
    return factsOf(await apiRequest(nc, api.streamInfo, {}))
  } catch (error) {
    if (!(error instanceof JetStreamError) || error.code !== streamNotFound) throw error
    return factsOf(await apiRequest(nc, api.streamCreate, streamConfig(cluster, replicas)))
  }
}

/** Whether the same may succeed a little later. */
export const isNotReady = (error: unknown): boolean =>
  error instanceof JetStreamError
    ? notReady.includes(error.code)
    : error instanceof NatsError && ['503', 'TIMEOUT'].includes(error.code)

/** Whether there are not as many servers as replicas were asked for. */
export const lacksPeers = (error: unknown): boolean =>
  error instanceof JetStreamError && noPeers.includes(error.code)
