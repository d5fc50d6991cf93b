import { threeNodes } from './cluster.js'
import type { Figure } from './harness.js'
import { beginNotes, Loader } from './moves-app.js'

const entitiesCount = 6_000
const perSecond = 2_000
const targetMs = 5_000

/** How long a node of three takes to leave in order, with its share of 6,000 entities, under load. */
export const drain = async (note: (line: string) => void): Promise<Figure> => {
  const { node, others, close } = await threeNodes()
  try {
    await beginNotes(node, entitiesCount)
    const load = new Loader(node, entitiesCount, perSecond)
    await pause(2_000)
    const before = load.look()
    const startedAt = performance.now()
    others.signal(1, 'SIGTERM')
    await others.gone(1)
    const tookMs = performance.now() - startedAt
    const during = load.look()
    await pause(1_000)
    const after = await load.end()
    const failed = before.failed + during.failed + after.failed
    note(
      `drain: ${during.count} asks during it, ${failed} failed, ` +
        `longest ${Math.round(during.longestMs)} ms, ` +
        `p99 ${during.p99Ms.toFixed(1)} ms, before it ${before.p99Ms.toFixed(1)} ms`,
    )
    if (failed > 0) throw new Error(`${failed} asks failed: a drain costs nobody an answer`)
    return {
      bench: 'drain',
      value: Math.round(tookMs),
      unit: 'ms',
      baseline: 'the 5,000 ms it may take',
      baselineValue: targetMs,
      ratio: Number((tookMs / targetMs).toFixed(3)),
      more: {
        asks: during.count,
        failed,
        longestMs: Math.round(during.longestMs),
        p99Ms: Number(during.p99Ms.toFixed(1)),
        quietP99Ms: Number(before.p99Ms.toFixed(1)),
      },
    }
  } finally {
    await close()
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
