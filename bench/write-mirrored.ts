import { natsRequest } from './baselines/nats-request.js'
import { threeNodes } from './cluster.js'
import { keepGoing } from './far.js'
import { Note, NoteId, text } from './far-tree.js'
import type { Bench, Side } from './harness.js'

const inFlightMax = 256
const writesCount = 5_120
const entitiesCount = 1_000

const ours = async (): Promise<Side> => {
  const { node, others, close } = await threeNodes()
  const write = (i: number): Promise<string> =>
    node.ref(Note, NoteId(`note-${i % entitiesCount}`)).ask(Note.Write({ text }))
  await keepGoing(inFlightMax, entitiesCount, write)
  return {
    round: () => keepGoing(inFlightMax, writesCount, write),
    cpuMicros: others.cpuMicros,
    close,
  }
}

/** Acknowledged writes to mirrored entities on three nodes, 256 in flight from one of them. */
export const writeMirrored: Bench = {
  name: 'write-mirrored',
  unit: 'writes/s',
  baseline: 'nats.js request',
  ours,
  theirs: () => natsRequest(inFlightMax, writesCount / 2),
}
