/**
 * A million idle actors in one process. Run by name: it needs about four gigabytes and some minutes.
 *
 * Each actor has a name, its supervisor's entry, a mailbox, an incarnation and one pending timer. All of
 * them answer an ask afterwards; then a million more are started and stopped in rounds, and the heap has to
 * be what it was.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { act, behavior, type LocalRef, message, next, nodeProtocol, reply } from '../lib/index.js'
import type { TumenNode } from '../supervisors/index.js'
import type { Figure } from './harness.js'
import { crowd } from './one-node.js'

type Note = (line: string) => void

const actorCount = 1_000_000
const batchCount = 10_000
const wantedBytes = 2_500
const dayMs = 86_400_000

const Idler = nodeProtocol('idler', {
  Doze: message(),
  Wake: message(),
  Ready: message().replies(),
  Leave: message(),
})

const idler = (left: () => void) =>
  behavior(Idler, {
    init: () => 0,
    on: {
      Doze: (state) => next(state, act.after(dayMs, Idler.Wake(), 'wake')),
      Wake: (state) => next(state),
      Ready: (state) => reply(state + 1),
      Leave: (state) => next(state, act.stop()),
    },
    onStop: left,
  })

const heapUsed = async (): Promise<number> => {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  for (let i = 0; i < 6; i++) {
    // nact lets go of what has stopped a turn later.
    await new Promise((done) => setImmediate(done))
    gc()
  }
  return process.memoryUsage().heapUsed
}

const startSome = async (
  node: TumenNode,
  count: number,
  onStop: () => void,
): Promise<LocalRef<'idler'>[]> => {
  const each = idler(onStop)
  const refs: LocalRef<'idler'>[] = []
  while (refs.length < count) {
    const batch = Math.min(batchCount, count - refs.length)
    const started = await Promise.all(Array.from({ length: batch }, () => node.start('crowd', each)))
    for (const ref of started) {
      ref.tell(Idler.Doze())
      refs.push(ref)
    }
  }
  return refs
}

const stopAll = async (node: TumenNode, count: number): Promise<void> => {
  let left = count
  let over: () => void = () => undefined
  const gone = new Promise<void>((done) => {
    over = done
  })
  for (const ref of await startSome(node, count, () => --left === 0 && over())) ref.tell(Idler.Leave())
  await gone
}

const askAll = async (refs: readonly LocalRef<'idler'>[]): Promise<void> => {
  for (let i = 0; i < refs.length; i += batchCount) {
    await Promise.all(
      refs.slice(i, i + batchCount).map((ref) => ref.ask(Idler.Ready(), { timeoutMs: 60_000 })),
    )
  }
}

/** Bytes of heap per idle actor; and the heap after a million starts and stops, to its start, on stderr. */
export const memoryMillion = async (note: Note): Promise<Figure> => {
  const node = await crowd()
  const rounds = 20
  // Tables keep the size that one round needs, so the first round is not measured.
  await stopAll(node, actorCount / rounds)
  const before = await heapUsed()
  for (let i = 0; i < rounds; i++) await stopAll(node, actorCount / rounds)
  const growth = (await heapUsed()) / before
  note(`memory-million: heap after ${actorCount} starts and stops: ${growth.toFixed(3)} of what it was`)
  if (growth > 1.05) throw new Error('starting and stopping actors leaves something behind')
  const empty = await heapUsed()
  const refs = await startSome(node, actorCount, () => undefined)
  const bytes = ((await heapUsed()) - empty) / actorCount
  await askAll(refs)
  note(`memory-million: ${refs.length} actors of ${Math.round(bytes)} bytes each have answered`)
  await node.stop({ drainMs: 600_000 })
  return {
    bench: 'memory-million',
    value: Math.round(bytes),
    unit: 'bytes/actor',
    baseline: 'wanted at most',
    baselineValue: wantedBytes,
    ratio: Number((bytes / wantedBytes).toFixed(2)),
  }
}
