/** A change while it is being made. */
import type { Wire } from '../wire/envelope.js'
import type { Change, Command, Due, Heard, Output, ReplyOutcome } from './copy.js'

export interface Draft {
  life: 'live' | 'stopped' | 'gone' | undefined
  hasState: boolean
  state: Wire
  readonly replies: (readonly [string, ReplyOutcome, Wire, number])[]
  readonly forgets: string[]
  readonly timers: (readonly [string, Due | null])[]
  readonly commands: (readonly [number, Command | null])[]
  readonly heard: (readonly [string, Heard])[]
  readonly outputs: Output[]
  finish(seq: number, id: string, at: number): Change
}

export const newDraft = (): Draft => ({
  life: undefined,
  hasState: false,
  state: undefined,
  replies: [],
  forgets: [],
  timers: [],
  commands: [],
  heard: [],
  outputs: [],
  finish(seq, id, at) {
    const { life, replies, forgets, timers, commands, heard, outputs } = this
    const change: { -readonly [K in keyof Change]: Change[K] } = { seq, id, at, outputs }
    if (this.hasState && life !== 'stopped' && life !== 'gone') change.state = this.state ?? null
    if (life !== undefined) change.life = life
    if (replies.length > 0) change.replies = replies
    if (forgets.length > 0) change.forgets = forgets
    if (timers.length > 0) change.timers = timers
    if (commands.length > 0) change.commands = commands
    if (heard.length > 0) change.heard = heard
    return change
  },
})
