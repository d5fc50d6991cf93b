/** The benches of several processes. */
import { askRemote, askRemoteOne } from './ask-remote.js'
import { drain } from './drain.js'
import { entityMemory } from './entity-memory.js'
import { failover } from './failover.js'
import { rebalance } from './rebalance.js'
import { startCluster } from './start-cluster.js'
import { writeMirrored } from './write-mirrored.js'

/** By name, in the order of the standard set. */
export const ofClusters = {
  'ask-remote': askRemote,
  'ask-remote-one': askRemoteOne,
  'write-mirrored': writeMirrored,
  'start-cluster': startCluster,
  'entity-memory': entityMemory,
  failover,
  drain,
  rebalance,
}
