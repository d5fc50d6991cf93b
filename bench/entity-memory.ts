import { threeNodes } from './cluster.js'
import { Note, NoteId, text } from './far-tree.js'
import { keepGoing } from './far.js'
import type { Figure } from './harness.js'

const entitiesCount = 100_000
const inFlightMax = 512
const wantedBytes = 4_096

/** Heap of all three nodes per entity that has one mirror, took one message, and waits for the next. */
export const entityMemory = async (note: (line: string) => void): Promise<Figure> => {
  const { node, others, close } = await threeNodes()
  try {
    const before = await others.heapBytes()
    await keepGoing(inFlightMax, entitiesCount, (i) =>
      node.ref(Note, NoteId(`note-${i}`)).ask(Note.Write({ text })),
    )
    const after = await others.heapBytes()
    const value = after / entitiesCount
    note(`entity-memory: ${Math.round(before / 1024)} KB before the first of ${entitiesCount} entities`)
    return {
      bench: 'entity-memory',
      value: Math.round(value),
      unit: 'bytes/entity',
      baseline: 'the bytes it may take',
      baselineValue: wantedBytes,
      ratio: Number((value / wantedBytes).toFixed(2)),
      more: { grownBytes: Math.round((after - before) / entitiesCount) },
    }
  } finally {
    await close()
  }
}
