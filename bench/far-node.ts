/**
 * A node of the remote benches, in a process of its own. Arguments: address of the server, name of the node.
 */
import { nats } from '../lib/nats.js'
import { startNode } from '../supervisors/index.js'
import { ready } from './far.js'
import { benchConfig, tree } from './far-tree.js'

const [servers = '', name = ''] = process.argv.slice(2)
const node = await startNode({
  cluster: 'bench',
  name,
  transport: nats({ servers }),
  tree: tree(),
  config: benchConfig,
})
process.on('SIGTERM', () => void node.stop().then(() => process.exit(0)))
ready()
