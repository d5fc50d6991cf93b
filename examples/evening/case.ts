/** One party under examination: what was asked of it, and what the judge has found out so far. */
import type { Answer, Ending, Fault, Played, View } from './evidence.js'
import type { Line } from './session.js'

export type State = View | undefined
export interface Done {
  readonly line: Line
  readonly answer: Answer
}

/** One party under examination. */
export interface Case {
  readonly name: string
  readonly evidence: Played
  /** Whose invitation is known to have run out, by version. */
  readonly expired: ReadonlyMap<number, string>
  readonly done: readonly Done[]
  readonly ending: Ending | undefined
  /** The state after each version; index 0 is before it was created. */
  readonly states: State[]
  /** Which command made each version, when one did. */
  readonly makers: (Done | undefined)[]
  readonly fault: (kind: Fault['kind'], text: string) => void
}

/** A command that made a version, or would have; not one that was told that all is so already. */
export const isChange = ({ line, answer: { outcome } }: Done): boolean =>
  line.cmd !== 'chat' && line.cmd !== 'info' && !(outcome.tag === 'ok' && outcome.changed === false)
export const isOk = ({ answer }: Done): boolean => answer.outcome.tag === 'ok'
export const isUnknown = ({ answer }: Done): boolean => answer.outcome.tag === 'unknown'
export const okOf = ({ answer: { outcome } }: Done) => (outcome.tag === 'ok' ? outcome : undefined)
export const nameOf = ({ line }: Done): string =>
  `command ${line.n} (${line.cmd}${line.target === undefined ? '' : ` ${line.target}`} by ${line.player})`
