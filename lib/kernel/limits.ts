/** What bounds a kernel. Each has its default in `kernelDefaults`. */
export interface KernelLimits {
  /** Messages that wait in one mailbox; one more is refused, or pushes out the oldest. 1 or more. */
  readonly mailboxCountMax: number
  /** Timers of one actor at a time; one more is a programmer error. 1 or more. */
  readonly timersCountMax: number
  /** Messages of one actor before its neighbours get their turn. Higher: faster alone, less fair. 1 or more. */
  readonly turnCountMax: number
  /** Milliseconds of actor work before input, output and timers get theirs. */
  readonly turnMs: number
  /** A handler that runs longer without waiting is reported. Above `turnMs`. */
  readonly blockedLoopMs: number
  /** Dead letters that are kept for inspection; older ones are only counted. 1 or more. */
  readonly deadLettersKeptMax: number
  /** Asks of this node that are open at a time; one more is answered `Overloaded`. 1 or more. */
  readonly asksPendingCountMax: number
  /** Deadlines of asks are noticed up to this much late: they share one timer. */
  readonly deadlineStepMs: number
}

export const kernelDefaults: KernelLimits = {
  mailboxCountMax: 10_000,
  timersCountMax: 1_000,
  turnCountMax: 64,
  turnMs: 5,
  blockedLoopMs: 100,
  deadLettersKeptMax: 100,
  asksPendingCountMax: 100_000,
  deadlineStepMs: 10,
}
