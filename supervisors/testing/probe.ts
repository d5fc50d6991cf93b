/** Stands in for an actor: records what it is sent, and answers asks as it was told to. */
import type { ChildSpec } from '../../lib/api/child-data.js'
import { entities, worker } from '../../lib/api/child-spec.js'
import { behavior, type BehaviorDefinition } from '../../lib/api/behavior.js'
import { dataOf, type MessageSpecData } from '../../lib/api/internal.js'
import { kind } from '../../lib/api/kind.js'
import { Misuse } from '../../lib/api/misuse.js'
import type { AskSpec, ReadSpec } from '../../lib/api/message.js'
import { next, reply } from '../../lib/api/outcome.js'
import type { AnyProtocol, SpecsOf } from '../../lib/api/protocol.js'
import type { Reach } from '../../lib/api/spec.js'
import { disposable } from '../../lib/api/source.js'

/** What came in. */
export interface Received {
  readonly tag: string
  readonly payload: unknown
  /** The entity's id; empty for a node's own actor. */
  readonly id: string
}

type AnswerTo<M> =
  M extends AskSpec<infer A, infer R, unknown, Reach>
    ? (payload: A) => R
    : M extends ReadSpec<infer A, infer R>
      ? (payload: A) => R
      : never

/**
 * Replies by message. An ask without one crashes the probe, and its asker is told which answer is missing.
 */
export type Answers<P extends AnyProtocol> = { readonly [K in keyof SpecsOf<P>]?: AnswerTo<SpecsOf<P>[K]> }

export interface Probe {
  /**
   * For the tree, in the place of the real one: a worker, or entities that begin with their first message.
   */
  readonly child: ChildSpec
  /** Everything so far, oldest first, of all nodes whose tree has this child. */
  readonly messages: readonly Received[]
  /** The oldest message that was not taken yet; waits for one if there is none. */
  next(): Promise<Received>
}

type Handler = (state: unknown, payload: unknown, at: { readonly id?: string }) => unknown

/** A stand-in for the actors of this protocol. Make one per test, and put its `child` into the tree. */
export const probe = <P extends AnyProtocol>(protocol: P, answers: Answers<P> = {}): Probe => {
  const { kind: name, scope, specs } = dataOf(protocol)
  const unknown = Object.keys(answers).find((tag) => (specs.get(tag)?.form ?? 'tell') === 'tell')
  if (unknown !== undefined)
    throw new Misuse('InvalidDeclaration', `probe: "${name}" has no ask ${unknown}, so nothing to answer.`)
  const messages: Received[] = []
  const waiting: ((received: Received) => void)[] = []
  let takenCount = 0

  const record = (received: Received): void => {
    messages.push(received)
    const first = waiting.shift()
    if (first === undefined) return
    takenCount++
    first(received)
  }
  const handler =
    (tag: string, spec: MessageSpecData): Handler =>
    (state, payload, at) => {
      record({ tag, payload, id: scope === 'id' ? (at.id ?? '') : '' })
      if (spec.form === 'tell') return next(state)
      const answer = (answers as Readonly<Record<string, ((payload: unknown) => unknown) | undefined>>)[tag]
      if (answer === undefined) throw new Error(`the probe of "${name}" was given no answer to ${tag}`)
      const value = answer(payload)
      return spec.form === 'read' ? value : reply(state, value)
    }
  const on: Record<string, Handler> = {}
  for (const [tag, spec] of specs) on[tag] = handler(tag, spec)
  const definition = { init: () => null, on } as unknown as BehaviorDefinition<P, null>
  return {
    child:
      scope === 'node'
        ? worker(`${name}-probe`, behavior(protocol, definition))
        : entities(
            kind(protocol, { ...definition, activate: 'first-message', state: disposable() } as never),
          ),
    messages,
    next: () =>
      new Promise((resolve) => {
        const received = messages[takenCount]
        if (received === undefined) waiting.push(resolve)
        else {
          takenCount++
          resolve(received)
        }
      }),
  }
}
