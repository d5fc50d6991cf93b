import type { MailboxOptions, Overflow } from '../api/mailbox.js'

export type { MailboxOptions }

/** How much may wait for a cell, and what happens then; shared by all cells with the same. */
export interface MailboxRules {
  readonly countMax: number
  /** With this many waiting it is nearly full. */
  readonly highCount: number
  readonly overflow: Overflow
  readonly holdMs: number
  readonly stashCountMax: number
}

const holdMs = 1_000
const stashCountMax = 1_000

export const mailboxRules = (given: MailboxOptions, mailboxCountMax: number): MailboxRules => {
  const countMax = given.countMax ?? mailboxCountMax
  return {
    countMax,
    highCount: Math.ceil(countMax * 0.8),
    overflow: given.overflow ?? 'reject',
    holdMs: given.holdMs ?? holdMs,
    stashCountMax: given.stashCountMax ?? stashCountMax,
  }
}
