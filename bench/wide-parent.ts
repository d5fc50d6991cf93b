import * as t from 'io-ts'
import { behavior, message, next, nodeProtocol } from '../lib/index.js'
import type { Bench, Side } from './harness.js'
import { here } from './here.js'

const burstCount = 1_000
const burstsCount = 20

const Parent = nodeProtocol('parent', { Add: message({ n: t.number }) })
const Child = nodeProtocol('child', { Add: message({ n: t.number }) })
const child = behavior(Child, { init: () => 0, on: { Add: (total, { n }) => next(total + n) } })

const parentOf = async (childCount: number): Promise<Side> => {
  const { actor, stop } = here()
  let target = 0
  let reached: () => void = () => undefined
  const parent = actor(
    'parent',
    behavior(Parent, {
      init: () => 0,
      on: {
        Add: (total, { n }) => {
          if (total + n === target) reached()
          return next(total + n)
        },
      },
    }),
  )
  for (let i = 0; i < childCount; i++) actor(`child-${i}`, child, parent)
  const burst = (): Promise<void> =>
    new Promise((done) => {
      target += burstCount
      reached = done
      for (let i = 0; i < burstCount; i++) parent.ref.tell(Parent.Add({ n: 1 }) as never)
    })
  return {
    round: async () => {
      for (let i = 0; i < burstsCount; i++) await burst()
      return burstCount * burstsCount
    },
    close: stop,
  }
}

/** A parent's own messages: 10,000 children must not make them slower than 10 do. */
export const wideParent: Bench = {
  name: 'wide-parent',
  unit: 'messages/s',
  baseline: 'tumen, parent of 10 children',
  ours: () => parentOf(10_000),
  theirs: () => parentOf(10),
}
