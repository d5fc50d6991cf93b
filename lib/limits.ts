/** The limits of a node, and how often each was reached. */
import { type KnobName, knobNames } from './config.js'

type KnobLimit = Extract<KnobName, `${string}Max`>

/** Limits that are no knobs of a node: those that a kind or a behavior sets for itself, and a fixed one. */
const others = ['stateBytesMax', 'heardShardsCountMax', 'stashCountMax'] as const
export type LimitName = KnobLimit | (typeof others)[number]

/** How often each limit was reached since the node started; whole numbers that only grow. */
export type Reached = Record<LimitName, number>

const isLimit = (name: KnobName): name is KnobLimit => name.endsWith('Max')
const limitNames: readonly LimitName[] = [...knobNames.filter(isLimit), ...others]

/** Counts for a node that has just started. */
export const noneReached = (): Reached =>
  Object.fromEntries(limitNames.map((name) => [name, 0])) as Record<LimitName, number>
