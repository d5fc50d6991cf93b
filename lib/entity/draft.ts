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
    return {
      seq,
      id,
      at,
      ...(this.hasState && this.life !== 'stopped' && this.life !== 'gone'
        ? { state: this.state ?? null }
        : {}),
      ...(this.life === undefined ? {} : { life: this.life }),
      ...(this.replies.length > 0 ? { replies: this.replies } : {}),
      ...(this.forgets.length > 0 ? { forgets: this.forgets } : {}),
      ...(this.timers.length > 0 ? { timers: this.timers } : {}),
      ...(this.commands.length > 0 ? { commands: this.commands } : {}),
      ...(this.heard.length > 0 ? { heard: this.heard } : {}),
      outputs: this.outputs,
    }
  },
})
