import type { ExitReason } from './exit-reason.js'

/** How a life began, or why it did not. */
export type Begun =
  /** `info` is for whoever started it by hand. */
  | { readonly tag: 'started'; readonly info?: unknown }
  /** It wants not to be started, which is no failure. */
  | { readonly tag: 'ignored' }
  | { readonly tag: 'failed'; readonly error: unknown }

export const started: Begun = { tag: 'started' }
export const ignored: Begun = { tag: 'ignored' }

/**
 * One child as its supervisor holds it. It keeps its place, its ref and the mail that waits while it is
 * ended and begun again; `close` is the end of all that.
 */
export interface Lifecycle {
  /** Its place; named as its supervisor names the child. */
  readonly cell: { readonly name: string }
  /**
   * Begins a new life. `done` is called once, at once or later.
   */
  begin(done: (begun: Begun) => void): void
  /**
   * Ends the present life in order: the message in hand is finished, then it cleans up. `done` is called
   * once; when it was about to end by itself, `Ended` is called instead.
   */
  halt(done: () => void): void
  /** Ends the present life at once. A `halt` under way is over; its `done` is not called any more. */
  abort(): void
  /** Gives up its place. Mail that waits is answered or becomes dead letters. */
  close(reason: ExitReason): void
}

/** Called by a child whose life ended without its supervisor having asked for it. */
export type Ended = (reason: ExitReason, child: Lifecycle) => void
