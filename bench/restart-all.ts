import { behavior, message, next, nodeProtocol } from '../lib/index.js'
import { memory, startNode, supervisor, worker } from '../supervisors/index.js'
import type { Figure } from './harness.js'

const childCount = 10_000
const roundCount = 5
const wantedMs = 1_000

const Member = nodeProtocol('member', { Fall: message() })

/**
 * Milliseconds from the crash of the last of 10,000 children under one_for_all until all of them run again:
 * 9,999 stops in reverse order, one after the other, then 10,000 starts in order.
 */
export const restartAll = async (note: (line: string) => void): Promise<Figure> => {
  let running = 0
  let over: () => void = () => undefined
  const member = behavior(Member, {
    init: () => {
      if (++running === childCount) over()
      return 0
    },
    on: {
      Fall: (state) => {
        if (state === 0) throw new Error('a member falls')
        return next(state)
      },
    },
  })
  const children = Array.from({ length: childCount }, (_, i) => worker(`member-${i}`, member))
  const group = supervisor('group', { strategy: 'one_for_all', intensity: 100 }, children)
  const node = await startNode({
    cluster: 'bench',
    transport: memory(),
    tree: supervisor('root', {}, [group]),
  })
  let restartCount = 0
  node.listen(({ tag }) => {
    if (tag === 'ActorRestarted') restartCount++
  })
  const took: number[] = []
  for (let i = 0; i < roundCount; i++) {
    running = 0
    const since = performance.now()
    await new Promise<void>((done) => {
      over = done
      node.local(Member).tell(Member.Fall())
    })
    took.push(performance.now() - since)
  }
  await node.stop()
  if (restartCount !== childCount * roundCount) throw new Error(`${restartCount} restarts were told`)
  note(`restart-all: ${took.map((ms) => Math.round(ms)).join(', ')} ms`)
  const value = took.toSorted((a, b) => a - b)[Math.floor(roundCount / 2)] ?? 0
  return {
    bench: 'restart-all',
    value: Math.round(value),
    unit: 'ms',
    baseline: 'wanted at most',
    baselineValue: wantedMs,
    ratio: Number((value / wantedMs).toFixed(2)),
  }
}
