/**
 * The transport of one process: real frames and real bytes, no server. The embedded default, and what the
 * test cluster and the simulation run on.
 */
import { createRecordStore, memoryRecords, type RecordStore } from '../records/memory.js'
import type { NodeId } from '../ids.js'
import type { Clock } from '../std/clock.js'
import type { Inbox, LinkStatus, OpenOptions, Session, Transport } from './transport.js'

const frameBytesMax = 1024 * 1024

interface Network {
  readonly inboxes: Map<NodeId, Inbox>
  readonly store: RecordStore
  sessionsCount: number
}

/** Several clusters that do not see each other. */
interface Hub {
  readonly networks: Map<string, Network>
  storesCount: number
  /** Whether records outlive the last session of their cluster. */
  readonly keepsRecords: boolean
}

const createHub = (keepsRecords: boolean): Hub => ({ networks: new Map(), storesCount: 0, keepsRecords })

const networkOf = (hub: Hub, cluster: string): Network => {
  let network = hub.networks.get(cluster)
  if (network === undefined) {
    hub.storesCount++
    network = { inboxes: new Map(), store: createRecordStore(String(hub.storesCount)), sessionsCount: 0 }
    hub.networks.set(cluster, network)
  }
  return network
}

class MemorySession implements Session {
  readonly records
  readonly facts = { summary: 'memory: all nodes in this process', frameBytesMax, replicas: 1 }
  readonly #listeners = new Set<(status: LinkStatus) => void>()
  readonly #nodes: NodeId[] = []
  #status: LinkStatus = 'up'

  constructor(
    readonly network: Network,
    readonly clock: Clock,
    readonly onClosed: () => void,
  ) {
    this.records = memoryRecords(network.store, clock)
  }

  status(): LinkStatus {
    return this.#status
  }

  onStatus(listener: (status: LinkStatus) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  listen(node: NodeId, inbox: Inbox, done: () => void): void {
    this.#nodes.push(node)
    this.network.inboxes.set(node, inbox)
    this.clock.defer(done)
  }

  send(to: NodeId, lane: 'data' | 'control', frame: Uint8Array): void {
    if (this.#status !== 'up') return
    this.clock.defer(() => this.network.inboxes.get(to)?.onFrame(frame, lane))
  }

  probe(to: NodeId, _timeoutMs: number, done: (answer: 'answered' | 'no-responders') => void): void {
    this.clock.defer(() => done(this.network.inboxes.has(to) ? 'answered' : 'no-responders'))
  }

  close(): Promise<void> {
    if (this.#status === 'closed') return Promise.resolve()
    this.#status = 'closed'
    return new Promise((resolve) => {
      // After the frames that were sent before.
      this.clock.defer(() => {
        for (const node of this.#nodes) this.network.inboxes.delete(node)
        this.onClosed()
        for (const listener of this.#listeners) listener('closed')
        resolve()
      })
    })
  }
}

const openOn = (hub: Hub, { cluster, clock }: OpenOptions): Session => {
  const network = networkOf(hub, cluster)
  network.sessionsCount++
  return new MemorySession(network, clock, () => {
    network.sessionsCount--
    if (network.sessionsCount === 0 && !hub.keepsRecords) hub.networks.delete(cluster)
  })
}

const onHub = (hub: Hub): Transport => ({
  name: 'memory',
  open: (options) => Promise.resolve(openOn(hub, options)),
})

/** What `openMemory` gives: a session at once, for a simulation that must not wait for promises. */
export interface MemoryTransport extends Transport {
  openNow(options: OpenOptions): Session
}

/**
 * A network of its own: nodes that were given this object see each other when their cluster has the same
 * name.
 *
 * Guarantees: frames arrive after the present turn, in the order sent, none is lost. Records live as long as
 * this object, also while no node is connected. Limits: nothing survives the process.
 */
export const memory = (): MemoryTransport => {
  const hub = createHub(true)
  return { ...onHub(hub), openNow: (options) => openOn(hub, options) }
}

const processHub = createHub(false)

/**
 * The network that all nodes of this process share: what a node uses when it is given no transport. Records
 * are forgotten with the last node of their cluster.
 */
export const sharedMemory = (): Transport => onHub(processHub)
