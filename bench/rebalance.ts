import type { TumenNode } from '../supervisors/index.js'
import { shardOf } from '../lib/placement/placement.js'
import { placement } from '../lib/placement/strategy.js'
import { threeNodes } from './cluster.js'
import { Note, NoteId } from './far-tree.js'
import type { Figure } from './harness.js'
import { beginNotes, Loader } from './moves-app.js'

const entitiesCount = 100_000
const perSecond = 500
const shardCount = 4_096
const atOnce = 4

const ownersOf = (node: TumenNode): string[] =>
  Array.from({ length: entitiesCount }, (_, i) => node.where(Note, NoteId(`note-${i}`)).owner ?? '')

/** Which entities belong to a node that joins these, by the rendezvous hash alone. */
const properTo = (joined: string, names: readonly string[]): boolean[] => {
  const members = names.map((name) => ({
    node: `${name}#1`,
    name,
    status: 'ready',
    weight: 1,
    roles: [],
    release: '0',
  }))
  const first = new Map<string, boolean>()
  return Array.from({ length: entitiesCount }, (_, i) => {
    const shard = shardOf('note', `note-${i}`, shardCount)
    const known = first.get(shard) ?? placement.uniform.rank(shard, members, 1)[0] === `${joined}#1`
    first.set(shard, known)
    return known
  })
}

/** A fourth node joins 100,000 entities on three and gets its share under load: the p99 of asks meanwhile. */
export const rebalance = async (note: (line: string) => void): Promise<Figure> => {
  const { node, others, close } = await threeNodes()
  try {
    await beginNotes(node, entitiesCount)
    const before = ownersOf(node)
    await others.start('far-node.js', 'n4')
    const load = new Loader(node, entitiesCount, perSecond)
    await pause(1_000)
    load.look()
    await pause(4_000)
    const quiet = load.look()
    const report = await node.rebalance({ movesCountMax: atOnce, roundCountMax: 64, pauseMs: 100 })
    const during = load.look()
    const end = await load.end()
    const after = ownersOf(node)
    const proper = properTo('n4', ['n1', 'n2', 'n3', 'n4'])
    const moved = after.map((owner, i) => owner !== before[i])
    const movedCount = moved.filter(Boolean).length
    const wrong = moved.filter((did, i) => did !== proper[i] || (did && after[i] !== 'n4#1')).length
    const failed = quiet.failed + during.failed + end.failed
    note(
      `rebalance: ${report.moved} shards, ${movedCount} entities ` +
        `(${((100 * movedCount) / entitiesCount).toFixed(1)} %) ` +
        `in ${report.tookMs} ms, ${wrong} that should not have moved or should have, ${report.left} left; ` +
        `${during.count} asks during it, ${failed} failed, longest ${Math.round(during.longestMs)} ms`,
    )
    if (wrong > 0 || failed > 0)
      throw new Error(`${wrong} entities are in the wrong place, ${failed} asks failed`)
    return {
      bench: 'rebalance',
      value: Number(during.p99Ms.toFixed(2)),
      unit: 'ms p99',
      baseline: 'p99 before it',
      baselineValue: Number(quiet.p99Ms.toFixed(2)),
      ratio: Number((during.p99Ms / quiet.p99Ms).toFixed(2)),
      more: {
        shards: report.moved,
        movedShare: Number((movedCount / entitiesCount).toFixed(4)),
        misplaced: wrong,
        left: report.left,
        tookMs: report.tookMs,
        asks: during.count,
        failed,
        longestMs: Math.round(during.longestMs),
      },
    }
  } finally {
    await close()
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
