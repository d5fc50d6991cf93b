/** Something that will happen later, unless it is cancelled. */
export interface Timer {
  cancel(): void
}

/**
 * The only source of time. Shells receive one; pure code receives `now` as a number.
 * The system clock is in `system.ts`, a virtual one in the test kit.
 */
export interface Clock {
  /**
   * Wall clock in milliseconds since 1970. It may jump: use it for due times that
   * are stored, never for leases.
   */
  now(): number
  /** Monotonic milliseconds. Leases, deadlines and silences are measured with it. */
  monotonic(): number
  /** Runs `fn` once, `delayMs` from now (0 is allowed). `fn` must not throw. */
  after(delayMs: number, fn: () => void): Timer
  /** Runs `fn` once after the present turn of the event loop, in order of calls. */
  defer(fn: () => void): void
  /**
   * Runs `fn` once after the present piece of code, before timers, input and output. Whoever uses it again
   * and again starves them. A clock without it has only `defer`.
   */
  soon?(fn: () => void): void
}
