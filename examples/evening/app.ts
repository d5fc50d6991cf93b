/** The demo: parties of players, a gateway per node, and an evening that is played while a node is killed. */
import { type App, entities, type Json, supervisor, worker } from 'tumen'
import { coordinator, partyKind, playerSlot, sessionKind, sessions, startGateway } from 'tumen/actors'
import { main } from './main.js'
import { Party, PartyId } from 'tumen/actors'
import { probe, type ProbeOrder } from './probe.js'
import { readSession } from './read-session.js'

const { partySizeMax: sizeMax, inviteMs, graceMs } = readSession()

const tree = supervisor('community', { strategy: 'one_for_one', intensity: 3 }, [
  entities(partyKind({ sizeMax, inviteMs })),
  entities(playerSlot),
  entities(sessionKind({ graceMs })),
  worker('sessions', sessions),
  worker('coordinator', coordinator),
])

const app: App = {
  tree,
  main,
  onNode: async (node) => {
    // Takes players at their word, so it listens on loopback only.
    const gateway = await startGateway(node, { limits: { ratePerSecond: 200, rateBurstCount: 400 } })
    return {
      info: { gateway: gateway.url },
      calls: {
        probe: async (order) => (await probe(node, order as unknown as ProbeOrder)) as unknown as Json,
        /** How many of these parties live here. */
        mine: (names) =>
          (names as readonly string[]).filter((name) => node.where(Party, PartyId(name)).isHere).length,
      },
      stop: () => gateway.stop(),
      drop: () => gateway.drop(),
    }
  },
}

export default app
