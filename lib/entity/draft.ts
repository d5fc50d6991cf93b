/** A change while it is being made. */
import type { Wire } from '../wire/envelope.js'
import type { Change, Command, Due, Heard, Output, ReplyOutcome } from './copy.js'

type Replies = (readonly [string, ReplyOutcome, Wire, number])[]
type Timers = (readonly [string, Due | null])[]
type Commands = (readonly [number, Command | null])[]
type Heards = (readonly [string, Heard])[]

/** Its lists are made when they are first asked for: most changes have two of them. */
export class Draft {
  life: 'live' | 'stopped' | 'gone' | undefined
  hasState = false
  state: Wire
  readonly outputs: Output[] = []
  #replies: Replies | undefined
  #forgets: string[] | undefined
  #timers: Timers | undefined
  #commands: Commands | undefined
  #heard: Heards | undefined

  constructor(life?: 'live' | 'stopped' | 'gone') {
    this.life = life
  }

  get replies(): Replies {
    this.#replies ??= []
    return this.#replies
  }
  get forgets(): string[] {
    this.#forgets ??= []
    return this.#forgets
  }
  get timers(): Timers {
    this.#timers ??= []
    return this.#timers
  }
  get commands(): Commands {
    this.#commands ??= []
    return this.#commands
  }
  get heard(): Heards {
    this.#heard ??= []
    return this.#heard
  }

  finish(seq: number, id: string, at: number): Change {
    const { life, outputs } = this
    const change: { -readonly [K in keyof Change]: Change[K] } = { seq, id, at, outputs }
    if (this.hasState && life !== 'stopped' && life !== 'gone') change.state = this.state ?? null
    if (this.#replies !== undefined && this.#replies.length > 0) change.replies = this.#replies
    if (life !== undefined) change.life = life
    if (this.#forgets !== undefined && this.#forgets.length > 0) change.forgets = this.#forgets
    if (this.#timers !== undefined && this.#timers.length > 0) change.timers = this.#timers
    if (this.#commands !== undefined && this.#commands.length > 0) change.commands = this.#commands
    if (this.#heard !== undefined && this.#heard.length > 0) change.heard = this.#heard
    return change
  }
}
