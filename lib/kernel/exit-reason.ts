import type { ExitReason, Life } from '../api/exit.js'

export type { ExitReason, Life }

export const normal: ExitReason = { tag: 'normal' }
export const shutdown: ExitReason = { tag: 'shutdown' }
export const killed: ExitReason = { tag: 'kill' }
export const noproc: ExitReason = { tag: 'noproc' }
export const crash = (error: unknown): ExitReason => ({ tag: 'crash', error })
