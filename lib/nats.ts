/**
 * `tumen/nats`: the transport between processes. Kept apart, so that who embeds one process does not load it.
 */
import { natsTransport } from './transport/nats.js'
import type { NatsOptions } from './transport/nats-address.js'
import type { Transport } from './transport/transport.js'

export {
  jetStreamEngine,
  type JetStreamEngine,
  type JetStreamEngineOptions,
} from './persistence/nats.js'
export type { NatsOptions, NatsSystemAccount, NatsTls } from './transport/nats-address.js'

/**
 * Connects a node to the others of its cluster over NATS with JetStream.
 *
 * Needs nats-server 2.9.10 or newer with JetStream; see `docs/PROTOCOL.md` for the subjects that its user
 * must be allowed. Two connections per node: one for messages, one for leases, probes and records.
 *
 * Guarantees: what `Transport` promises. When the server goes away the connections are made again for ever;
 * nothing is sent meanwhile.
 *
 * Errors: starting rejects with `StartFailed`, code `NoNats` (no server, or it refused the credentials) or
 * `NatsNotUsable` (a permission or JetStream is missing); its sentence says what to do.
 *
 * @example
 * startNode({ cluster: 'game', transport: nats({ servers: 'nats://127.0.0.1:4222' }), tree })
 */
export const nats = (options?: NatsOptions): Transport => natsTransport(options)
