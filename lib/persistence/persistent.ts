/** Actors of one node that keep their history: what they decide is written before anybody hears of it. */
import type { Action } from '../api/act.js'
import { behavior, type Behavior } from '../api/behavior.js'
import type { outcome } from '../api/brand.js'
import type { HandlerData } from '../api/kind.js'
import type { MailboxOptions } from '../api/mailbox.js'
import type { AskSpec, ReadSpec, TellSpec } from '../api/message.js'
import { Misuse } from '../api/misuse.js'
import type { Self } from '../api/node-types.js'
import type { RefusedStep } from '../api/outcome.js'
import type { AnyProtocol, KindOf, SpecsOf } from '../api/protocol.js'
import { dataOf } from '../api/protocol-data.js'
import { anyCodec, type Reach } from '../api/spec.js'
import { checkTravels, type WireCodec } from '../api/wire.js'
import { Journal, type JournalParts } from './journal.js'
import type { PersistenceEngine } from './protocol.js'
import { type RecordedData, Steps, timerTag } from './steps.js'

type Awaitable<A> = A | Promise<A>

/** A tell has been handled: these events are to be kept. */
export interface Recorded<E> {
  readonly [outcome]: 'recorded'
  readonly events: readonly E[]
}
/** An ask has been answered: these events are to be kept, and the reply is read from the state after them. */
export interface RecordedReply<S, E, R> {
  readonly [outcome]: 'recorded-reply'
  readonly events: readonly E[]
  readonly answer: (state: S) => R
}

type PersistentHandler<S, E, N extends string, M> =
  M extends AskSpec<infer A, infer R, infer X, Reach>
    ? (state: S, payload: A, self: Self<N>) => Awaitable<RecordedReply<S, E, R> | RefusedStep<X>>
    : M extends ReadSpec<infer A, infer R>
      ? (state: S, payload: A, self: Self<N>) => R
      : M extends TellSpec<infer A, Reach>
        ? (state: S, payload: A, self: Self<N>) => Awaitable<Recorded<E>>
        : never

/** How a persistent actor begins, decides and ends, and where its history is kept. */
export interface PersistentDefinition<P extends AnyProtocol, S, E> {
  /** The name of its journal: one actor writes it at a time, anywhere. 1 to 255 characters. */
  readonly key: string
  readonly engine: PersistenceEngine
  /** Of one event; what it encodes to must be JSON. */
  readonly events: WireCodec<E>
  /** Of the state, for snapshots; what it encodes to must be JSON. */
  readonly state: WireCodec<S>
  /** The state before the first event. */
  readonly init: () => NoInfer<S>
  /** The state after one event. Pure: it runs again at each replay. */
  readonly apply: (state: NoInfer<S>, event: NoInfer<E>) => NoInfer<S>
  /** They may wait; the next message is taken when what they decided has been written. */
  readonly on: {
    readonly [K in keyof SpecsOf<P>]: PersistentHandler<NoInfer<S>, NoInfer<E>, KindOf<P>, SpecsOf<P>[K]>
  }
  /** As for `behavior`. */
  readonly mailbox?: MailboxOptions
  /** As for `behavior`: after so many milliseconds without a message the actor stops with reason `normal`. */
  readonly idleMs?: number
  /** As for `behavior`. A snapshot that is being written is waited for before it runs. */
  readonly onStop?: (state: NoInfer<S>) => Awaitable<void>
  /** Steps between two snapshots: 1 … 1,000,000, default 100. More means less to write and longer starts. */
  readonly snapshotEveryCount?: number
  /**
   * Also a snapshot this many milliseconds after the first step that is in none: 1 or more. Default: by count
   * alone.
   */
  readonly snapshotEveryMs?: number
}

const recorded = (
  events: readonly unknown[],
  answer: RecordedData['answer'],
  actions: readonly Action[],
): RecordedData => ({ type: 'recorded', events, answer, actions })

/** A tell has been handled: what happened, in order, and what else to do once it has been written. */
export const record = <E>(events: readonly E[], ...actions: readonly Action[]): Recorded<E> =>
  recorded(events, undefined, actions) as unknown as Recorded<E>

/**
 * An ask has been answered: what happened, and the reply, read from the state after it. Both, and what else
 * to do, leave once the events have been written.
 */
export const recordReply = <S, E, R>(
  events: readonly E[],
  answer: (state: S) => R,
  ...actions: readonly Action[]
): RecordedReply<S, E, R> =>
  recorded(events, answer as (state: unknown) => unknown, actions) as unknown as RecordedReply<S, E, R>

const whole = (value: number, most: number, place: string): number => {
  if (Number.isInteger(value) && value >= 1 && value <= most) return value
  throw new Misuse('InvalidDeclaration', `${place}: expected a whole number from 1 to ${most}.`)
}

const partsOf = <P extends AnyProtocol, S, E>(
  kind: string,
  definition: PersistentDefinition<P, S, E>,
): JournalParts => {
  const { key, engine, events, state, init, apply, snapshotEveryCount = 100 } = definition
  if (typeof key !== 'string' || key.length < 1 || key.length > 255) {
    throw new Misuse('InvalidDeclaration', `persistent "${kind}": key: expected 1 to 255 characters.`)
  }
  checkTravels(events, `persistent "${kind}": events`)
  checkTravels(state, `persistent "${kind}": state`)
  return {
    key,
    engine,
    events: anyCodec(events),
    state: anyCodec(state),
    init,
    apply: apply as JournalParts['apply'],
    snapshotEveryCount: whole(snapshotEveryCount, 1_000_000, `persistent "${kind}": snapshotEveryCount`),
  }
}

/**
 * Declares an actor of one node whose history is kept: its handlers decide which events happen, the events
 * are written to the journal of its key, and only then do the state, the reply and the actions follow. At
 * each start the last snapshot is read and the events behind it are applied.
 *
 * Guarantees
 * - What was answered is in the journal; what `apply` or a codec cannot bear is never written.
 * - The events of one step are one entry: kept together or not at all.
 * - Sequence numbers have no gap, and each is written once: of two actors with one key the later writer
 *   stops.
 * - Nothing is ever deleted, and nothing that was read is changed.
 * - An ask that changed something is applied once per `reqId`, also over a crash: the last 256 replies are
 *   kept with the entries.
 *
 * Limits: 100 events and 262,144 bytes per step; handlers cannot put an ask off.
 *
 * Errors: crashes with `JournalFailed`, for its supervisor to judge. A write that was not confirmed
 * (`WriteFailed`) fails the ask with `UnknownOutcome`: ask again with the same `reqId`. A
 * journal that cannot be replayed (`Corrupt`) is a failed start. A snapshot that cannot be written is the
 * event `SnapshotFailed`, and the actor goes on.
 *
 * Gotcha: in a cluster each node starts its own worker, so put the node's name into the key, or give the
 * worker to one node only.
 *
 * @example
 * const purse = persistent(Purse, {
 *   key: 'purse', engine: memoryEngine(), events: Paid, state: t.number,
 *   init: () => 0,
 *   apply: (gold, { amount }) => gold + amount,
 *   on: { Pay: (_, { amount }) => recordReply([{ amount }], (gold) => gold) },
 * })
 */
export const persistent = <P extends AnyProtocol, S, E>(
  protocol: P,
  definition: PersistentDefinition<P, S, E>,
): Behavior<KindOf<P>, never> => {
  const { kind, specs } = dataOf(protocol)
  const parts = partsOf(kind, definition)
  const { snapshotEveryMs, onStop, mailbox, idleMs } = definition
  if (snapshotEveryMs !== undefined) {
    whole(snapshotEveryMs, Number.MAX_SAFE_INTEGER, `persistent "${kind}": snapshotEveryMs`)
  }
  const steps = new Steps(kind, snapshotEveryMs)
  const on: Record<string, HandlerData> = {}
  for (const [tag, handle] of Object.entries(definition.on as Readonly<Record<string, HandlerData>>)) {
    const spec = specs.get(tag)
    // What the protocol does not have is left to the check of all behaviors.
    if (spec === undefined) on[tag] = handle
    else on[tag] = spec.form === 'read' ? steps.reader(handle) : steps.writer(tag, handle, spec)
  }
  // Not one of the protocol's messages, so it is not listed among their handlers.
  Object.defineProperty(on, timerTag, { value: steps.timer() })
  return behavior(protocol, {
    init: () => Journal.load(parts),
    ...(mailbox === undefined ? {} : { mailbox }),
    ...(idleMs === undefined ? {} : { idleMs }),
    on: on as never,
    onStop: async (journal: Journal) => {
      await journal.settled()
      await onStop?.(journal.state as S)
    },
  }) as unknown as Behavior<KindOf<P>, never>
}
