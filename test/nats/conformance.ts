import t from 'tap'
import { recordsConformance } from '../fixtures/conformance/records.js'
import { transportConformance } from '../fixtures/conformance/transport.js'
import { natsHarness } from '../fixtures/nats-harness.js'
import { startNatsServer } from '../fixtures/nats-server.js'

const server = await startNatsServer(t)
transportConformance(t, 'nats', async (t) => natsHarness(t, { servers: server.url }))
recordsConformance(t, 'nats', async (t) => natsHarness(t, { servers: server.url }))
