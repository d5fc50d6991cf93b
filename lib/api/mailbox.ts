import { Misuse } from './misuse.js'

/**
 * What a full mailbox does with one more message.
 *
 * - `reject`: an ask is answered `Overloaded`, a tell is a dead letter.
 * - `drop-oldest`: the oldest that waits gives way: for what a newer message replaces.
 * - `drop-newest`: the youngest that waits gives way, so that the oldest and the newest are handled.
 * - `hold`: the message waits, and the actor that sent it takes no message of its own until there is room,
 *   for at most `holdMs`. From outside of actors it is as `reject`.
 *
 * What gives way is answered `Overloaded` if it is an ask, else a dead letter.
 */
export type Overflow = 'reject' | 'drop-oldest' | 'drop-newest' | 'hold'

export interface MailboxOptions {
  /** Messages that may wait, 1 or more. Default: `mailboxCountMax` of the node. */
  readonly countMax?: number
  /** Default `reject`. */
  readonly overflow?: Overflow
  /** With `hold`: milliseconds until a message that waits for room is given up. Default 1,000. */
  readonly holdMs?: number
  /** Messages that `stash` may set aside at a time; one more is treated as `reject` does. Default 1,000. */
  readonly stashCountMax?: number
}

const overflows: readonly Overflow[] = ['reject', 'drop-oldest', 'drop-newest', 'hold']

/** Throws `Misuse` for a number or a word that cannot be. */
export const checkMailbox = (kind: string, mailbox: MailboxOptions): void => {
  for (const name of ['countMax', 'holdMs', 'stashCountMax'] as const) {
    const value = mailbox[name]
    if (value !== undefined && !(Number.isSafeInteger(value) && value >= 1))
      throw new Misuse(
        'InvalidDeclaration',
        `"${kind}": mailbox.${name}: expected a whole number, 1 or more.`,
      )
  }
  if (mailbox.overflow !== undefined && !overflows.includes(mailbox.overflow))
    throw new Misuse(
      'InvalidDeclaration',
      `"${kind}": mailbox.overflow: expected one of ${overflows.join(', ')}.`,
    )
}
