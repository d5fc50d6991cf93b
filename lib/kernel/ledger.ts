import { noneReached } from '../limits.js'
import { RingBuffer } from '../std/ring-buffer.js'
import type { DeadLetter, DeadLetterReason, EventListener, LifecycleEvent } from './events.js'

/**
 * Where every message of a kernel went. At any moment, exactly:
 * `sent = handled + errors + deadLetters + waiting`.
 */
export interface Counts {
  /** Messages that were told to some cell, also those that were refused. */
  readonly sent: number
  /** Messages whose handling ended. */
  readonly handled: number
  /** Messages that ended in a failure somebody was told of: a crash, or an error to the asker. */
  readonly errors: number
  /** Messages that nobody handled and nobody was told of. */
  readonly deadLetters: number
  /** Messages in mailboxes or in hand. */
  readonly waiting: number
  /** Answers nobody waited for any more. Not messages of their own, so outside the sum. */
  readonly lateReplies: number
  /** The dead letters by reason. */
  readonly byReason: Readonly<Record<DeadLetterReason, number>>
}

/** Counts, dead letters and lifecycle events of one kernel. */
export class Ledger {
  sent = 0
  handled = 0
  errors = 0
  /** How often each limit was reached, by this kernel and by all that runs on its node. */
  readonly reached = noneReached()
  private dead = 0
  private readonly byReason: Record<DeadLetterReason, number> = {
    'mailbox-full': 0,
    'stash-full': 0,
    stopped: 0,
    killed: 0,
    'late-reply': 0,
    unhandled: 0,
  }
  private readonly letters: RingBuffer<DeadLetter>
  private readonly listeners = new Set<EventListener>()

  constructor(deadLettersCountMax: number) {
    this.letters = new RingBuffer(deadLettersCountMax)
  }

  /** True when somebody listens: events are not even made otherwise. */
  get isHeard(): boolean {
    return this.listeners.size > 0
  }

  listen(listener: EventListener): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  emit(event: LifecycleEvent): void {
    for (const listener of this.listeners) listener(event)
  }

  /** Counts one message as dead and keeps it among the last ones. */
  bury(letter: DeadLetter): void {
    if (letter.reason !== 'late-reply') this.dead++
    this.byReason[letter.reason]++
    if (!this.letters.push(letter)) {
      this.reached.deadLettersCountMax++
      this.letters.shift()
      this.letters.push(letter)
    }
    if (this.isHeard) this.emit({ tag: 'DeadLettered', letter })
  }

  /** The last dead letters, oldest first. */
  recent(): DeadLetter[] {
    const found: DeadLetter[] = []
    for (let i = 0; i < this.letters.size; i++) found.push(this.letters.at(i) as DeadLetter)
    return found
  }

  counts(waiting: number): Counts {
    const { sent, handled, errors, dead, byReason } = this
    return {
      sent,
      handled,
      errors,
      deadLetters: dead,
      waiting,
      lateReplies: byReason['late-reply'],
      byReason: { ...byReason },
    }
  }
}
