import { nats } from '../lib/nats.js'
import { startNode } from '../supervisors/index.js'
import { natsRequest } from './baselines/nats-request.js'
import { far, keepGoing } from './far.js'
import { Echo, text, tree } from './far-tree.js'
import type { Bench, Side } from './harness.js'

const inFlightMax = 256
const asksCount = 10_240

const ours = (inFlight: number, count: number) => async (): Promise<Side> => {
  const others = await far()
  await others.start('far-node.js', 'far')
  const node = await startNode({
    cluster: 'bench',
    name: 'near',
    transport: nats({ servers: others.url }),
    tree: tree(),
  })
  const echo = node.remote('far', Echo)
  return {
    round: () => keepGoing(inFlight, count, () => echo.ask(Echo.Say({ text }))),
    cpuMicros: others.cpuMicros,
    close: async () => {
      await node.stop({ drainMs: 0 })
      await others.close()
    },
  }
}

/** Asks from one process to an actor of another, 256 in flight. */
export const askRemote: Bench = {
  name: 'ask-remote',
  unit: 'asks/s',
  baseline: 'nats.js request',
  ours: ours(inFlightMax, asksCount),
  theirs: () => natsRequest(inFlightMax, asksCount / 4),
}

/** The same, one after the other. */
export const askRemoteOne: Bench = {
  name: 'ask-remote-one',
  unit: 'asks/s',
  baseline: 'nats.js request',
  ours: ours(1, 200),
  theirs: () => natsRequest(1, 200),
}
