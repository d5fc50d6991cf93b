import * as t from 'io-ts'
import { nactIdle } from './baselines/nact-local.js'
import { behavior, message, next, nodeProtocol } from '../lib/index.js'
import type { Figure } from './harness.js'
import { heapBytesNow } from './heap.js'
import { here } from './here.js'

const actorCount = 20_000

const Idle = nodeProtocol('idle', { Add: message({ n: t.number }) })
const idle = behavior(Idle, { init: () => 0, on: { Add: (total, { n }) => next(total + n) } })

const bytesEach = async (spawn: (i: number) => unknown, settled: () => Promise<void>): Promise<number> => {
  const before = heapBytesNow()
  const kept: unknown[] = []
  for (let i = 0; i < actorCount; i++) kept.push(spawn(i))
  await settled()
  const bytes = (heapBytesNow() - before) / actorCount
  return kept.length === actorCount ? bytes : 0
}
const turn = (): Promise<void> => new Promise((done) => setImmediate(done))

/** Bytes of heap per actor that has handled one message and waits for the next. */
export const idleMemory = async (): Promise<Figure> => {
  const { actor, stop } = here()
  const parent = actor('parent', idle)
  const ours = await bytesEach((i) => {
    const made = actor(`actor-${i}`, idle, parent)
    made.ref.tell(Idle.Add({ n: 1 }) as never)
    return made.ref
  }, turn)
  await stop()
  // What nact has stopped is let go a turn later.
  for (let i = 0; i < 3; i++) await turn()
  const nact = nactIdle()
  const theirs = await bytesEach(nact.spawn, turn)
  nact.stop()
  return {
    bench: 'idle-memory',
    value: Math.round(ours),
    unit: 'bytes/actor',
    baseline: 'nact',
    baselineValue: Math.round(theirs),
    ratio: Number((ours / theirs).toFixed(2)),
  }
}
