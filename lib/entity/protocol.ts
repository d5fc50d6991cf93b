/** What goes into a step of an entity, and what comes out. */
import type { KindData, Winner } from '../api/kind.js'
import type { Origin } from '../api/topic.js'
import type { AskError } from '../errors.js'
import type { NodeId } from '../ids.js'
import type { Position, Wire } from '../wire/envelope.js'
import type { Change, EntityCopy, Remembered } from './copy.js'

/** Who waits for an answer. */
export interface Asker {
  readonly node: NodeId
  readonly ask: number
  readonly reqId: string
  readonly floor?: number
}
/** How a command ends; `undeliverable` carries an `Undeliverable`. */
export type CommandOutcome = 'reply' | 'refusal' | 'undeliverable'
export type StepInput =
  | {
      readonly type: 'tell'
      readonly tag: string
      readonly payload: Wire
      readonly from?: Position
      readonly origin: Origin
    }
  | {
      readonly type: 'ask'
      readonly tag: string
      readonly payload: Wire
      readonly asker: Asker
      readonly origin: Origin
    }
  | { readonly type: 'spawn'; readonly asker: Asker }
  /** It is to stop, whatever its state. */
  | { readonly type: 'end'; readonly asker: Asker }
  /** `at`: when it was due, so that one which was replaced while it waited is not taken for its successor. */
  | { readonly type: 'timer'; readonly name: string; readonly at: number }
  | {
      readonly type: 'answer'
      readonly number: number
      readonly outcome: CommandOutcome
      readonly payload: Wire
    }
  /** Lets go of a command whose answer crashes the entity each time. */
  | { readonly type: 'abandon'; readonly number: number }
  /** It is to be in memory, for its timers and commands. */
  | { readonly type: 'wake' }
  /** Another copy of this entity has ended, and hands over what it has. */
  | { readonly type: 'merge'; readonly asker: Asker; readonly payload: Wire }
  /** This copy ends, because another one has won. */
  | { readonly type: 'conflict'; readonly winner: Winner }
  | { readonly type: 'passivate' }
  /** It was live when everything that held it was lost. */
  | { readonly type: 'start' }
  | { readonly type: 'forget' }

export type StepResult =
  /** `state` is the decoded state after it; undefined when the entity has stopped. */
  | { readonly type: 'change'; readonly change: Change; readonly state: unknown }
  | { readonly type: 'read'; readonly payload: Wire }
  | { readonly type: 'remembered'; readonly reply: Remembered }
  /** Known already, or still open: there is nothing to do. */
  | { readonly type: 'nothing' }
  /** A tell that a newer one of its sender came before: to handle it now would be out of order. */
  | { readonly type: 'overtaken' }
  | { readonly type: 'error'; readonly error: AskError }

export interface StepLimits {
  readonly replyKeepMs: number
  readonly commandKeepMs: number
  readonly commandsPendingCountMax: number
  readonly remindersCountMax: number
  readonly payloadBytesMax: number
}
/** A state that was asked for. */
export interface Begun {
  readonly state: unknown
}
export interface StepContext {
  readonly kind: KindData
  readonly id: string
  /** Undefined for an id of which nothing is kept. */
  readonly copy: EntityCopy | undefined
  /** The decoded state of a live entity. */
  readonly state: unknown
  /** What an entity that is not live begins from, where it is not `init`. */
  readonly begun?: Begun | undefined
  readonly seq: number
  /** Of the copy that this entity belongs to: no other copy of it has the same. */
  readonly gen: number
  /** Wall clock. */
  readonly now: number
  readonly here: Origin
  readonly limits: StepLimits
}
