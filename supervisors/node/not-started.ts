/** Why nothing was started, by `startNode` or `node.start`, as what they reject with. */
import { Misuse } from '../../lib/api/misuse.js'
import { type AskError, AskFailed, StartFailed } from '../../lib/errors.js'
import type { Begun } from '../../lib/kernel/lifecycle.js'
import { noSupervisor } from '../local/administration.js'
import type { LocalTree, StartAnswer } from '../local/tree.js'

const notDynamic = (under: string): Misuse =>
  new Misuse(
    'WrongForm',
    `"${under}" supervises the children named in its spec; node.start takes the name of a dynamic(…). ` +
      `Add one to the tree, or use node.supervisor("${under}").startChild.`,
  )

type NotStarted = Exclude<StartAnswer, { readonly tag: 'started' | 'not-found' | 'not-dynamic' }>

const notStarted = (under: string, child: string, answer: NotStarted): AskError => {
  const address = under
  switch (answer.tag) {
    case 'failed':
      return { tag: 'Crashed', address, child, cause: answer.error }
    case 'ignored':
      return { tag: 'NoRecipient', address, child }
    case 'not-running':
      return { tag: 'Unavailable', address, retryAfterMs: 1_000 }
    case 'full':
      return { tag: 'Overloaded', address, mailboxCountMax: answer.countMax, retryAfterMs: 1_000 }
  }
}

interface Tried {
  /** The kind of what was to start. */
  readonly child: string
  readonly answer: Exclude<StartAnswer, { readonly tag: 'started' }>
}

export const whyNotStarted = (tree: LocalTree, under: string, { child, answer }: Tried): Error => {
  if (answer.tag === 'not-found') return noSupervisor(tree, under)
  if (answer.tag === 'not-dynamic') return notDynamic(under)
  return new AskFailed(notStarted(under, child, answer))
}

const causeOf = (begun: Begun): unknown => (begun.tag === 'failed' ? begun.error : undefined)

const sentenceOf = (begun: Begun): string => {
  if (begun.tag !== 'failed') return 'The root supervisor of the tree said ignore, so nothing was started.'
  const { error } = begun
  return `A child of the tree did not start: ${error instanceof Error ? error.message : String(error)}`
}

export const rootNotStarted = (begun: Begun): StartFailed =>
  new StartFailed('ChildFailed', sentenceOf(begun), causeOf(begun))
