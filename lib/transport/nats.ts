/** The transport between processes: frames and probes over NATS, records on its JetStream. */
import * as E from 'fp-ts/lib/Either.js'
import { headers, type Msg, NatsError } from 'nats'
import { StartFailed } from '../errors.js'
import { type NodeId, parseNodeId } from '../ids.js'
import { NatsRecords } from '../records/nats.js'
import {
  apiRequest,
  ensureStream,
  isNotReady,
  JetStreamError,
  lacksPeers,
  type StreamFacts,
} from '../records/nats-stream.js'
import type { Clock } from '../std/clock.js'
import {
  apiSubjects,
  chainSubjects,
  clusterSubjects,
  nodeSubject,
  recordSubject,
  type SubjectLane,
  unusedNodeSubject,
} from '../wire/subjects.js'
import { connectFailure, type NatsOptions } from './nats-address.js'
import { Connection } from './nats-connection.js'
import { Advisories, connectionName } from './nats-advisories.js'
import type {
  Inbox,
  Lane,
  LinkStatus,
  OpenOptions,
  ProbeAnswer,
  Session,
  Transport,
  TransportFacts,
} from './transport.js'

/** JetStream may be starting with its server; a cluster of servers elects a leader first. */
const jetStreamWaitMs = 5_000
const jetStreamClusteredWaitMs = 20_000
/** How long servers that should be three may be fewer. */
const peersWaitMs = 10_000
const retryMs = 100
const listenProbeMs = 500
const subjectsCountMax = 10_000

interface Parts {
  readonly data: Connection
  readonly control: Connection
  readonly records: NatsRecords
  readonly facts: TransportFacts
  readonly cluster: string
  readonly clock: Clock
  readonly advisories: Advisories | undefined
}

type Subjects = Readonly<Record<SubjectLane, string>>

class NatsSession implements Session {
  readonly facts: TransportFacts
  readonly records: NatsRecords
  readonly #parts: Parts
  readonly #listeners = new Set<(status: LinkStatus) => void>()
  #isClosing = false
  #closed: Promise<void> | undefined
  readonly #subjects = new Map<NodeId, Subjects>()
  #told: LinkStatus = 'up'

  constructor(parts: Parts) {
    this.#parts = parts
    this.facts = parts.facts
    this.records = parts.records
    for (const connection of [parts.data, parts.control]) connection.onStatus(() => this.#tellStatus())
  }

  status(): LinkStatus {
    if (this.#isClosing) return 'closed'
    const data = this.#parts.data.status()
    const control = this.#parts.control.status()
    if (data === control) return data
    return data === 'closed' || control === 'closed' ? 'closed' : 'down'
  }

  onStatus(listener: (status: LinkStatus) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  onDisconnected(listener: (nodeName: string, isSudden: boolean) => void): () => void {
    return this.#parts.advisories?.listen(listener) ?? (() => undefined)
  }

  listen(node: NodeId, inbox: Inbox, done: () => void): void {
    const { data, control, cluster } = this.#parts
    const take =
      (lane: Lane) =>
      ({ data }: Msg): void => {
        if (!this.#isClosing) inbox.onFrame(data, lane)
      }
    data.subscribe(nodeSubject(cluster, node, 'data'), take('data'))
    control.subscribe(nodeSubject(cluster, node, 'control'), take('control'))
    control.subscribe(nodeSubject(cluster, node, 'probe'), (message) => {
      if (!this.#isClosing) message.respond()
    })
    this.#untilReachable(node, done)
  }

  send(to: NodeId, lane: Lane, frame: Uint8Array): void {
    const subject = this.#subjectOf(to)
    if (subject === undefined || this.status() !== 'up') return
    const { data, control } = this.#parts
    try {
      if (lane === 'data') data.nc.publish(subject.data, frame)
      else control.nc.publish(subject.control, frame)
    } catch (error) {
      // The connection has just closed, or it is to another server now, with a lower limit. Both are losses.
      if (!(error instanceof NatsError)) throw error
    }
  }

  probe(to: NodeId, timeoutMs: number, done: (answer: ProbeAnswer) => void): void {
    const { control, clock } = this.#parts
    const subject = this.#subjectOf(to)
    if (subject === undefined || this.status() !== 'up')
      return void clock.after(timeoutMs, () => done('silent'))
    control.nc.request(subject.probe, undefined, { timeout: Math.max(1, timeoutMs) }).then(
      () => done('answered'),
      (error: unknown) =>
        done(error instanceof NatsError && error.code === '503' ? 'no-responders' : 'silent'),
    )
  }

  close(): Promise<void> {
    if (this.#closed === undefined) {
      this.#isClosing = true
      this.#closed = this.#close()
    }
    return this.#closed
  }

  /** What is no node id, out of a frame that was spoiled, must not become part of a line of the protocol. */
  #subjectOf(to: NodeId): Subjects | undefined {
    const known = this.#subjects.get(to)
    if (known !== undefined || E.isLeft(parseNodeId(to))) return known
    const { cluster } = this.#parts
    const subjects = {
      data: nodeSubject(cluster, to, 'data'),
      control: nodeSubject(cluster, to, 'control'),
      probe: nodeSubject(cluster, to, 'probe'),
    }
    if (this.#subjects.size >= subjectsCountMax) this.#subjects.clear()
    this.#subjects.set(to, subjects)
    return subjects
  }

  async #close(): Promise<void> {
    const { data, control, records, advisories } = this.#parts
    records.close()
    await Promise.all([data.close(), control.close(), advisories?.close()])
    this.#told = 'closed'
    for (const listener of [...this.#listeners]) listener('closed')
  }

  #tellStatus(): void {
    const status = this.status()
    // While closing, the connections go one by one: told at the end.
    if (status === this.#told || this.#isClosing) return
    this.#told = status
    for (const listener of [...this.#listeners]) listener(status)
  }

  /** Subscriptions travel between servers by and by: asks itself until it is answered. */
  #untilReachable(node: NodeId, done: () => void): void {
    const again = (answer: ProbeAnswer): void => {
      if (answer === 'answered') return done()
      if (!this.#isClosing) this.#parts.clock.after(retryMs, () => this.#untilReachable(node, done))
    }
    const { data } = this.#parts
    if (data.status() !== 'up') return again('silent')
    // The subscription of the data connection is in place when its server has answered.
    void data.nc.flush().then(
      () => this.probe(node, listenProbeMs, again),
      () => again('silent'),
    )
  }
}

const pause = (clock: Clock, ms: number): Promise<void> =>
  new Promise((resolve) => void clock.after(ms, resolve))

const deniedSentence = (
  { operation, subject }: { operation: string; subject: string },
  cluster: string,
): string => {
  const verb = operation === 'publish' ? 'publish to' : 'subscribe to'
  return (
    `The NATS user of this node may not ${verb} "${subject}": allow it to publish and subscribe on ` +
    `"${clusterSubjects(cluster)}" and to publish on "$JS.API.>".`
  )
}

const jetStreamOff = (where: string): StartFailed =>
  new StartFailed(
    'NatsNotUsable',
    `JetStream is off at ${where}: start nats-server with -js, or enable JetStream for the account.`,
  )

/** Turns what JetStream, or its absence, answered into a sentence. */
const notUsable = (error: unknown, connection: Connection, cluster: string): StartFailed => {
  const { where, denied } = connection
  const context = error instanceof NatsError ? error.permissionContext : undefined
  const refused = context ?? denied[0]
  if (refused !== undefined) return new StartFailed('NatsNotUsable', deniedSentence(refused, cluster), error)
  if (error instanceof NatsError && error.code === '503') return jetStreamOff(where)
  if (error instanceof JetStreamError && [10_039, 10_076].includes(error.code)) return jetStreamOff(where)
  if (error instanceof JetStreamError) {
    return new StartFailed(
      'NatsNotUsable',
      `JetStream at ${where} refused the record store (${error.message}): free or allow what it lacks.`,
      error,
    )
  }
  const text = error instanceof Error ? error.message : String(error)
  return new StartFailed(
    'NatsNotUsable',
    `JetStream at ${where} gave no answer in time (${text}): see its log, and that most servers run.`,
    error,
  )
}

/** What the server refuses of all that a node does, found before the node starts to do it. */
const checkPermissions = async (connections: readonly Connection[], options: OpenOptions): Promise<void> => {
  const { cluster, nodeName } = options
  const subject = unusedNodeSubject(cluster, nodeName)
  for (const connection of connections) {
    const { nc, denied } = connection
    const subscription = nc.subscribe(subject, { callback: () => undefined })
    nc.publish(subject)
    await nc.flush()
    subscription.unsubscribe()
    // The refusals come before the answer to the flush, but by a longer way inside the client.
    await nc.flush()
    if (denied[0] !== undefined) throw new StartFailed('NatsNotUsable', deniedSentence(denied[0], cluster))
  }
}

/** Each request that the records need, in a form that changes nothing. */
const checkRecords = async (connection: Connection, cluster: string): Promise<void> => {
  const { nc } = connection
  const api = apiSubjects(cluster)
  const chain = 'permission-check'
  // Refused by the server because of the expected stream, so that nothing is written.
  const elsewhere = headers()
  elsewhere.set('Nats-Expected-Stream', 'no-such-stream')
  const asks: readonly (() => Promise<unknown>)[] = [
    () => apiRequest(nc, api.messageGet, { last_by_subj: chainSubjects(cluster, chain) }),
    () => apiRequest(nc, api.streamPurge, { filter: chainSubjects(cluster, chain) }),
    () => apiRequest(nc, api.consumerCreate, {}),
    () => apiRequest(nc, api.consumerDelete(chain), {}),
    () => nc.request(recordSubject(cluster, chain, 1), undefined, { timeout: 2_000, headers: elsewhere }),
  ]
  for (const ask of asks) {
    await ask().catch((error: unknown) => {
      if (!(error instanceof JetStreamError)) throw error
    })
  }
}

/** The stream of the records, waiting for a JetStream that is starting. */
const openStream = async (
  connection: Connection,
  options: NatsOptions,
  { cluster, clock }: OpenOptions,
): Promise<StreamFacts> => {
  const { nc } = connection
  const isClustered = nc.info?.cluster !== undefined
  const startedAt = clock.monotonic()
  const waitMs = isClustered ? jetStreamClusteredWaitMs : jetStreamWaitMs
  let replicas: number = options.replicas ?? (isClustered ? 3 : 1)
  for (;;) {
    try {
      const stream = await ensureStream(nc, cluster, replicas)
      // A new stream of several servers has no leader at first.
      await checkRecords(connection, cluster)
      return stream
    } catch (error) {
      const waitedMs = clock.monotonic() - startedAt
      if (lacksPeers(error) && options.replicas === undefined && waitedMs > peersWaitMs) replicas = 1
      const isOff = nc.info?.jetstream !== true && !isClustered
      if (isOff || waitedMs > waitMs || !(isNotReady(error) || lacksPeers(error))) throw error
      await pause(clock, retryMs)
    }
  }
}

const factsOf = (connection: Connection, { replicas }: StreamFacts): TransportFacts => {
  const { info } = connection.nc
  const servers = info?.cluster === undefined ? 'one server' : `the servers "${info.cluster}"`
  const copies =
    replicas === 1
      ? '1 replica of the records: strict kinds stop while the server that has it is away'
      : `${replicas} replicas of the records: one server may be lost`
  return {
    summary: `nats-server ${info?.version ?? '?'} at ${connection.where}, ${servers}, ${copies}`,
    frameBytesMax: info?.max_payload ?? 1024 * 1024,
    replicas,
  }
}

const openSession = async (options: NatsOptions, open: OpenOptions): Promise<Session> => {
  const { cluster, nodeName, clock } = open
  const opened = await Promise.allSettled(
    ['data', 'control'].map((lane) =>
      Connection.open({
        options,
        name: connectionName(cluster, nodeName, lane),
        cluster,
        clock,
        random: open.random,
      }),
    ),
  )
  const connections = opened.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  const [data, control] = connections
  try {
    const failed = opened.find((one) => one.status === 'rejected')
    if (failed !== undefined) throw failed.reason
    if (data === undefined || control === undefined) throw new StartFailed('NoNats', 'No connection to NATS.')
    await checkPermissions([data, control], open)
    const stream = await openStream(control, options, open).catch((error: unknown) => {
      throw notUsable(error, control, cluster)
    })
    const advisories = await openAdvisories(options, open)
    const records = new NatsRecords({ connection: control, cluster, clock, stream })
    return new NatsSession({
      data,
      control,
      records,
      facts: factsOf(control, stream),
      cluster,
      clock,
      advisories,
    })
  } catch (error) {
    await Promise.all(connections.map((connection) => connection.close()))
    throw connectFailure(error, connections[0]?.where ?? 'the given servers')
  }
}

const openAdvisories = async (
  options: NatsOptions,
  { cluster, nodeName, clock, random }: OpenOptions,
): Promise<Advisories | undefined> => {
  const { systemAccount } = options
  if (systemAccount === undefined) return undefined
  const { servers = options.servers, credentialsFile } = systemAccount
  const own: NatsOptions = {
    ...(options.tls === undefined ? {} : { tls: options.tls }),
    ...(options.connectTimeoutMs === undefined ? {} : { connectTimeoutMs: options.connectTimeoutMs }),
    ...(servers === undefined ? {} : { servers }),
    ...(credentialsFile === undefined ? {} : { credentialsFile }),
  }
  const name = connectionName(cluster, nodeName, 'system')
  return Advisories.open({ options: own, name, cluster, clock, random })
}

/**
 * Nodes in different processes, over one NATS server or several. See `lib/nats.ts`, its public edge.
 */
export const natsTransport = (options: NatsOptions = {}): Transport => ({
  name: 'nats',
  open: (open) => openSession(options, open),
})
