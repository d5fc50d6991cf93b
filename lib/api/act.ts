/** What a step asks its shell to do, as data. */
import { missingMessage, notAnAction } from './action-misuse.js'
import type { action } from './brand.js'
import type { Answer, Asked } from './answer.js'
import { type MessageData, specIn } from './maker.js'
import type { Ask, Tell } from './message.js'
import { Misuse } from './misuse.js'
import type { Address } from './refs.js'
import type { Form, Reach } from './spec.js'
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
  | {
      readonly type: 'remind'
      readonly name: string
      /** Milliseconds since 1970, or from now. */
      readonly at: number | undefined
      readonly afterMs: number | undefined
      readonly message: MessageData
    }
  | { readonly type: 'forget-reminder'; readonly name: string }
  | { readonly type: 'unstash' }
  | { readonly type: 'stop'; readonly as?: 'shutdown'; readonly detail?: unknown }

/** A reminder, and when it falls due: at a time in milliseconds since 1970, or so many from now. */
export type Reminding = {
  /** A reminder of the same name is replaced. */
  readonly name: string
  /** One that is told, of the entity's own protocol or its inner one. */
  readonly message: Tell<string, string, unknown, Reach>
} & ({ readonly at: number; readonly afterMs?: never } | { readonly afterMs: number; readonly at?: never })

/** Milliseconds, exactly or with the share of them, 0 to 1, that chance may add or take. */
export type Delay = number | { readonly ms: number; readonly jitter: number }

/** The same data, as shells read it. Throws `Misuse` for what is no action at all. */
export const actionData = (action: Action): ActionData => {
  const data = action as unknown as ActionData | null | undefined
  if (data?.type === undefined) throw notAnAction(action)
  return data
}

const made = (action: ActionData): Action => action as unknown as Action

/** What a constructor made, in one of these forms. */
const checked = (given: object, place: string, ...forms: readonly Form[]): MessageData => {
  const message = given as MessageData | null | undefined
  if (typeof message !== 'object' || message === null) throw missingMessage(place, message)
  const { form } = specIn(message)
  if (forms.includes(form)) return message
  const name = `${place}: ${message.kind}.${message.tag}`
  if (form === 'tell') throw new Misuse('WrongForm', `${name} has no reply, so it is told: use act.tell.`)
  throw new Misuse(
    'WrongForm',
    `${name} has a reply that nobody would get. Give one that is told, or ask it on a ref.`,
  )
}

const sent = (
  to: AddressData | null | undefined,
  given: object,
  place: string,
  forms: readonly Form[],
): { readonly to: AddressData; readonly message: MessageData } => {
  if (typeof to?.kind !== 'string')
    throw new Misuse('WrongForm', `${place}: expected an address first, such as Party.at(id) or ref.address.`)
  const message = checked(given, place, ...forms)
  if (message.kind === to.kind) return { to, message }
  throw new Misuse(
    'ForeignMessage',
    `${place}: ${message.kind}.${message.tag} was sent to "${to.kind}". ` +
      `Send what the constructors of the protocol "${to.kind}" make.`,
  )
}

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
    made({ type: 'tell', ...sent(to, message, 'act.tell', ['tell']) }),
  /**
   * For what must get there. Kept in the entity's own mirrored state and sent again, also after a failover,
   * until it is answered: applied once. The answer comes back as the inner message `then`.
   *
   * Limits: `commandsPendingCountMax` open commands per entity; with that many it takes no message.
   *
   * What passes is waited for: a node that is gone, a move, a full mailbox. What does not pass comes back as
   * `Undeliverable` in the left of the answer: nobody at that id, a kind that no node runs, a message that is
   * too large or not understood, and a receiver that crashed on it `commandAttemptsCountMax` times.
   */
  command: <N extends string, R, X>(
    to: Address<N>,
    message: Ask<NoInfer<N>, string, unknown, R, X, 'id'>,
    then: Answer<string, string, unknown, NoInfer<R>, NoInfer<X>>,
  ): Action =>
    made({
      type: 'command',
      ...sent(to, message, 'act.command', ['ask', 'read']),
      then: checked(then, 'act.command', 'answer'),
    }),
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
    const own = checked(message, 'act.after', 'tell')
    if (jitter === 0) return made({ type: 'after', delayMs: ms, message: own, name })
    return made({ type: 'after', delayMs: ms, jitter, message: own, name })
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
    const own = checked(message, 'act.every', 'tell')
    return made({ type: 'every', periodMs: ms, jitter, message: own, name })
  },
  /** Drops the timer of this name, if it is pending. */
  cancel: (name: string): Action => made({ type: 'cancel', name }),
  /**
   * Sends `message` to this very entity at a time, also when every node was stopped meanwhile, or the entity
   * itself: then it is begun. The step is told in `at.lateMs` how much later than asked for it is. For
   * entities whose kind has `reminders: true`; a time that has passed falls due at once.
   *
   * Guarantees: when the message that set it is answered, the reminder is in the store. Its message is
   * handled once, and again only if every node was lost between its handling and the next write.
   *
   * Limits: `remindersCountMax` per entity.
   */
  remind: ({ name, at, afterMs, message }: Reminding): Action => {
    const own = checked(message, 'act.remind', 'tell')
    if (typeof name !== 'string' || name === '')
      throw new Misuse('WrongForm', 'act.remind: name: expected a string that is not empty.')
    const ms = at ?? afterMs
    if (!Number.isFinite(ms))
      throw new Misuse('WrongForm', `act.remind: at or afterMs: expected milliseconds, got ${ms}.`)
    return made({ type: 'remind', name, at, afterMs, message: own })
  },
  /** Drops the reminder of this name, if it is pending. */
  forgetReminder: (name: string): Action => made({ type: 'forget-reminder', name }),
  /** Puts all that `stash` set aside before the mail, in order. For actors of a node only. */
  unstash: (): Action => made({ type: 'unstash' }),
  /**
   * Ends this actor after this step: with reason `normal`, or as a `shutdown` that it wants itself, with
   * something to say. Either is an orderly end, after which only a permanent child is started again.
   */
  stop: (as?: 'shutdown', detail?: unknown): Action =>
    made(as === undefined ? { type: 'stop' } : { type: 'stop', as, detail }),
}
