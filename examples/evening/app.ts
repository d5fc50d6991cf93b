/** The demo: parties of players, a gateway per node, and an evening that is played while a node is killed. */
import type { App, Json } from 'tumen'
import { type Authenticate, Party, PartyId, startGateway } from 'tumen/actors'
import { game } from '../../supervisors/trees/game.js'
import { main } from './main.js'
import { probe, type ProbeOrder } from './probe.js'
import { readSession } from './read-session.js'

const { partySizeMax: sizeMax, inviteMs, graceMs, admins } = readSession()

const tree = game({ party: { sizeMax, inviteMs }, session: { graceMs } })

/**
 * Takes players at their word, also those whom the session names as admins, so the gateways listen on
 * loopback only. A host that others can reach checks who a player is before it gives a role.
 */
const authenticate: Authenticate = ({ player }) =>
  typeof player === 'string'
    ? { player, roles: admins.includes(player) ? ['admin'] : [] }
    : { refused: 'credentials: expected {"player":"…"}' }

const app: App = {
  tree,
  main,
  onNode: async (node) => {
    const limits = { ratePerSecond: 200, rateBurstCount: 400 }
    const gateway = await startGateway(node, { authenticate, limits })
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
