/** Failures on purpose: the same actor, which crashes where a test says. */
import { type Behavior, behaviorData, behaviorWith } from '../../lib/api/behavior.js'
import { type HandlerData, type Kind, kindData, kindWith } from '../../lib/api/kind.js'
import { madeBy } from '../../lib/api/maker.js'
import type { Ask, Tell } from '../../lib/api/message.js'
import { Misuse, notDeclared } from '../../lib/api/misuse.js'
import type { Reach } from '../../lib/api/spec.js'

type MakesFor<N extends string> = (
  payload: never,
) => Tell<N, string, unknown, Reach> | Ask<N, string, unknown, unknown, unknown, Reach>

export interface FailurePlan<N extends string> {
  /** The constructor of the messages that crash it, such as `Party.Join`. Default: every message. */
  readonly on?: MakesFor<N>
  /** So many of them are handled well before the first crash. Default 0. */
  readonly after?: number
  /** How many of them crash; those that follow are handled well again. Default 1. */
  readonly times?: number
  /** What is thrown. Default: an error that says it is on purpose. */
  readonly error?: unknown
}

const whole = (value: number, least: number, name: string): number => {
  if (Number.isSafeInteger(value) && value >= least) return value
  throw new Misuse('InvalidDeclaration', `failing: ${name}: expected a whole number, ${least} or more.`)
}

const tagOf = (kind: string, on: unknown): string | undefined => {
  if (on === undefined) return undefined
  const made = madeBy(on)
  if (made === undefined) throw notDeclared('the constructor of a message, such as Party.Join')
  if (made.kind === kind) return made.tag
  throw new Misuse(
    'InvalidDeclaration',
    `failing: on: ${made.kind}.${made.tag} is never sent to "${kind}"; name one of its own messages.`,
  )
}

const wrapped = (
  kind: string,
  on: Readonly<Record<string, HandlerData>>,
  plan: FailurePlan<never>,
): Record<string, HandlerData> => {
  const { error } = plan
  const after = whole(plan.after ?? 0, 0, 'after')
  const times = whole(plan.times ?? 1, 1, 'times')
  const failingTag = tagOf(kind, plan.on)
  let seenCount = 0
  const failing =
    (tag: string, handle: HandlerData): HandlerData =>
    (state, payload, at) => {
      seenCount++
      if (seenCount <= after || seenCount > after + times) return handle(state, payload, at)
      throw error ?? new Error(`"${kind}" fails on purpose: ${tag}, message ${seenCount}`)
    }
  return Object.fromEntries(
    Object.entries(on).map(([tag, handle]) => [
      tag,
      failingTag === undefined || failingTag === tag ? failing(tag, handle) : handle,
    ]),
  )
}

/**
 * The same behavior, or kind, but it crashes on some messages, as planned. Messages are counted over all its
 * lives, and over all nodes that were given it: make one per test.
 *
 * @example
 * entities(failing(party, { on: Party.Join, after: 2 }))   // the third Join crashes, and no other
 */
export function failing<N extends string, S>(
  actor: Behavior<N, S>,
  plan?: FailurePlan<NoInfer<N>>,
): Behavior<N, S>
export function failing<N extends string, I>(actor: Kind<N, I>, plan?: FailurePlan<NoInfer<N>>): Kind<N, I>
export function failing(actor: { readonly kind: string }, given: object = {}): object {
  const plan: FailurePlan<never> = given
  if ('hears' in actor) return behaviorWith(actor, wrapped(actor.kind, behaviorData(actor).on, plan))
  return kindWith(actor, wrapped(actor.kind, kindData(actor).on, plan))
}
