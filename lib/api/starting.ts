/** What the `init` of a local actor, or of a supervisor, may give beside a state. */
import { Misuse } from './misuse.js'
import { outcomeData } from './outcome.js'

declare const starting: unique symbol

/** Made only by `ignore`. */
export interface Ignore {
  readonly [starting]: 'ignore'
}
/** Made only by `withInfo`. */
export interface WithInfo<S> {
  readonly [starting]: 'info'
  readonly state: S
  readonly info: unknown
}

/**
 * Returned by `init`: do not start me, and this is no failure. The child's spec stays, to be started by hand,
 * unless the child is temporary or its supervisor dynamic. As OTP's `ignore`.
 */
export const ignore: Ignore = Object.freeze({ tag: 'ignore' }) as unknown as Ignore

/** A state, and what whoever starts the child by hand gets with the answer. */
export class InfoData {
  constructor(
    readonly state: unknown,
    readonly info: unknown,
  ) {}
}

/** Returned by `init`: the first state, and something for whoever starts the child by hand. */
export const withInfo = <S>(state: S, info: unknown): WithInfo<S> =>
  new InfoData(state, info) as unknown as WithInfo<S>

const sayInstead = 'Return the first state, ignore, or withInfo(state, info).'

/** What is wrong with what an `init` gave; undefined when it can be a state. */
export const initMisuse = (kind: string, made: unknown): Misuse | undefined => {
  if (made === undefined) {
    return new Misuse('BadInit', `The init of "${kind}" returned nothing. ${sayInstead}`)
  }
  if (typeof made !== 'object' || made === null) return undefined
  if (made instanceof InfoData) return initMisuse(kind, made.state)
  const outcome = outcomeData(made)
  if (outcome !== undefined && outcomeNames.has(outcome.type)) {
    const what = `${outcomeNames.get(outcome.type)}, which is for handlers`
    return new Misuse('BadInit', `The init of "${kind}" returned ${what}. ${sayInstead}`)
  }
  return undefined
}

export const supervisorInitMisuse = (id: string): Misuse =>
  new Misuse(
    'BadInit',
    `The init of supervisor "${id}" returned something. Return nothing, or ignore; it cannot wait.`,
  )

const outcomeNames: ReadonlyMap<string, string> = new Map([
  ['stepped', 'next(…)'],
  ['replied', 'reply(…)'],
  ['refused', 'refuse(…)'],
  ['put-off', 'putOff(…)'],
])
