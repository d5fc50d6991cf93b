/** What a step asks its shell to do, as data. */
import type { action } from './brand.js'
import type { Answer, Asked } from './answer.js'
import type { MessageData } from './maker.js'
import type { Ask, Tell } from './message.js'
import { Misuse } from './misuse.js'
import type { Address } from './refs.js'
import type { Reach } from './spec.js'
import { topicData, type Topic, type TopicData, type TopicScope } from './topic.js'

/** Something for the shell to do, as plain data made by `act`. */
export interface Action {
  readonly [action]: true
}

/** An address at run time. */
export interface AddressData {
  readonly kind: string
  readonly id: string
  readonly node?: string
}

/** An action at run time. */
export type ActionData =
  | { readonly type: 'tell'; readonly to: AddressData; readonly message: MessageData }
  | {
      readonly type: 'command'
      readonly to: AddressData
      readonly message: MessageData
      /** Its payload is the fixed part; the answer joins it on return. */
      readonly then: MessageData
    }
  | { readonly type: 'answer'; readonly asked: string; readonly reply: unknown }
  | { readonly type: 'refuse'; readonly asked: string; readonly refusal: unknown }
  | { readonly type: 'publish'; readonly topic: TopicData; readonly payload: unknown }
  | {
      readonly type: 'after'
      readonly delayMs: number
      /** The share of the delay that chance may add or take: 0 to 1; absent: none. */
      readonly jitter?: number
      readonly message: MessageData
      /** Replaces a pending timer of the same name; absent: it stands alone. */
      readonly name: string | undefined
    }
  | {
      readonly type: 'every'
      readonly periodMs: number
      readonly jitter: number
      readonly message: MessageData
      readonly name: string
    }
  | { readonly type: 'cancel'; readonly name: string }
  | { readonly type: 'unstash' }
  | { readonly type: 'stop'; readonly as?: 'shutdown'; readonly detail?: unknown }

/** Milliseconds, exactly or with the share of them, 0 to 1, that chance may add or take. */
export type Delay = number | { readonly ms: number; readonly jitter: number }

/** The same data, as shells read it. */
export const actionData = (action: Action): ActionData => action as unknown as ActionData

const made = (action: ActionData): Action => action as unknown as Action
const data = (message: object): MessageData => message as unknown as MessageData

const delay = (
  given: Delay,
  least: number,
  place: string,
): { readonly ms: number; readonly jitter: number } => {
  const { ms, jitter } = typeof given === 'number' ? { ms: given, jitter: 0 } : given
  if (!(ms >= least)) throw new Misuse('WrongForm', `${place}: expected milliseconds, got ${ms}.`)
  if (!(jitter >= 0 && jitter <= 1))
    throw new Misuse('WrongForm', `${place}: jitter: expected a share from 0 to 1, got ${jitter}.`)
  return { ms, jitter }
}

/** The actions of a step. The shell performs them in list order, after the new state is safe. */
export const act = {
  /** For what may be lost: at most once. */
  tell: <N extends string>(to: Address<N>, message: Tell<NoInfer<N>, string, unknown, 'id'>): Action =>
    made({ type: 'tell', to, message: data(message) }),
  /**
   * For what must get there. Kept in the entity's own mirrored state and sent again, also after a failover,
   * until it is answered: applied once. The answer comes back as the inner message `then`.
   *
   * Limits: `commandsPendingCountMax` open commands per entity; with that many it takes no message.
   *
   * Gotcha: only a reply or a refusal is an answer. Every error is tried again, so command an entity that was
   * spawned, or one of a kind with `activate: 'first-message'`.
   */
  command: <N extends string, R, X>(
    to: Address<N>,
    message: Ask<NoInfer<N>, string, unknown, R, X, 'id'>,
    then: Answer<string, string, unknown, NoInfer<R>, NoInfer<X>>,
  ): Action =>
    // biome-ignore lint/suspicious/noThenProperty: data, never awaited
    made({ type: 'command', to, message: data(message), then: data(then) }),
  /** Closes an ask that was put off, with its reply. */
  answer: <R, X>(open: Asked<R, X>, reply: NoInfer<R>): Action =>
    made({ type: 'answer', asked: open.asked, reply }),
  /** Closes an ask that was put off, with the domain's "no". */
  refuse: <R, X>(open: Asked<R, X>, refusal: NoInfer<X>): Action =>
    made({ type: 'refuse', asked: open.asked, refusal }),
  publish: <A, S extends TopicScope>(topic: Topic<string, A, S>, payload: NoInfer<A>): Action =>
    made({ type: 'publish', topic: topicData(topic), payload }),
  /**
   * Sends `message` to this very actor, `delayMs` milliseconds from now. A timer of the same `name` is
   * replaced; without a name it stands alone. With `{ ms, jitter: 0.2 }` a fifth of the delay is added or
   * taken by chance, so that many who wait for the same thing do not come at once.
   *
   * An entity's timers survive a failover, and have no jitter. Those of an actor of a node die with the
   * life that set them; 1,000 at a time.
   */
  after: (delayMs: Delay, message: Tell<string, string, unknown, Reach>, name?: string): Action => {
    const { ms, jitter } = delay(delayMs, Number.NEGATIVE_INFINITY, 'act.after')
    if (jitter === 0) return made({ type: 'after', delayMs: ms, message: data(message), name })
    return made({ type: 'after', delayMs: ms, jitter, message: data(message), name })
  },
  /**
   * Sends `message` to this very actor every `periodMs` milliseconds, the first time one period from now,
   * until `act.cancel(name)` or the end of this life. For actors of a node only.
   *
   * Guarantees: no drift: the n-th comes n periods after the call, moved by its own jitter only. Late ones
   * do not pile up: while one waits in the mailbox, or after a pause, what was missed is left out.
   */
  every: (periodMs: Delay, message: Tell<string, string, unknown, Reach>, name: string): Action => {
    const { ms, jitter } = delay(periodMs, 1, 'act.every')
    return made({ type: 'every', periodMs: ms, jitter, message: data(message), name })
  },
  /** Drops the timer of this name, if it is pending. */
  cancel: (name: string): Action => made({ type: 'cancel', name }),
  /** Puts all that `stash` set aside before the mail, in order. For actors of a node only. */
  unstash: (): Action => made({ type: 'unstash' }),
  /**
   * Ends this actor after this step: with reason `normal`, or as a `shutdown` that it wants itself, with
   * something to say. Either is an orderly end, after which only a permanent child is started again.
   */
  stop: (as?: 'shutdown', detail?: unknown): Action =>
    made(as === undefined ? { type: 'stop' } : { type: 'stop', as, detail }),
}
