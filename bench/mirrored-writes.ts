import { nats } from '../lib/nats.js'
import { startNode } from '../supervisors/index.js'
import { natsRequest } from './baselines/nats-request.js'
import { far, keepGoing } from './far.js'
import { Note, NoteId, text, tree } from './far-tree.js'
import type { Bench, Side } from './harness.js'

const inFlightMax = 256
const writesCount = 5_120
const entitiesCount = 1_000

const ours = async (): Promise<Side> => {
  const others = await far()
  await Promise.all(['n2', 'n3'].map((name) => others.start('far-node.js', name)))
  const node = await startNode({
    cluster: 'bench',
    name: 'n1',
    transport: nats({ servers: others.url }),
    tree: tree(),
  })
  const write = (i: number): Promise<string> =>
    node.ref(Note, NoteId(`note-${i % entitiesCount}`)).ask(Note.Write({ text }))
  await keepGoing(inFlightMax, entitiesCount, write)
  return {
    round: () => keepGoing(inFlightMax, writesCount, write),
    cpuMicros: others.cpuMicros,
    close: async () => {
      await node.stop({ drainMs: 0 })
      await others.close()
    },
  }
}

/** Acknowledged writes to mirrored entities on three nodes, 256 in flight from one of them. */
export const mirroredWrites: Bench = {
  name: 'mirrored-writes',
  unit: 'writes/s',
  baseline: 'nats.js request',
  ours,
  theirs: () => natsRequest(inFlightMax, writesCount / 2),
}
