/** A cluster of three processes over one nats-server: this one is `n1`, the others run `far-node.ts`. */
import { nats } from '../lib/nats.js'
import { startNode } from '../supervisors/index.js'
import { type Far, far } from './far.js'
import { benchConfig, tree } from './far-tree.js'

export interface Cluster {
  readonly node: Awaited<ReturnType<typeof startNode>>
  readonly others: Far
  close(): Promise<void>
}

export const threeNodes = async (): Promise<Cluster> => {
  const others = await far()
  await Promise.all(['n2', 'n3'].map((name) => others.start('far-node.js', name)))
  const node = await startNode({
    cluster: 'bench',
    name: 'n1',
    transport: nats({ servers: others.url }),
    tree: tree(),
    config: benchConfig,
  })
  return {
    node,
    others,
    close: async () => {
      await node.stop({ drainMs: 0 })
      await others.close()
    },
  }
}
