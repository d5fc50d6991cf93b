import type { Config } from '../config.js'

/** The knobs of a node that bound its kernel; meanings and defaults are in `config.ts`. */
export type KernelLimits = Pick<
  Config,
  | 'mailboxCountMax'
  | 'turnCountMax'
  | 'turnMs'
  | 'blockedLoopMs'
  | 'deadLettersCountMax'
  | 'pendingAsksCountMax'
  | 'askTimeoutMs'
  | 'askTimeoutMsMax'
  | 'repliesCountMax'
  | 'replyKeepMs'
  | 'diagnostics'
>
