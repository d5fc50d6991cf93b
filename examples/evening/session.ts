/**
 * The written evening: what a line of `session.jsonl` says. Who reads or writes the file imports only
 * this.
 */

/** What players can ask of a party. */
export type Cmd =
  | 'create'
  | 'invite'
  | 'cancelInvite'
  | 'accept'
  | 'decline'
  | 'transfer'
  | 'leave'
  | 'disband'
  | 'kick'
  | 'mute'
  | 'unmute'
  | 'chat'
  | 'info'

/**
 * One command of one player. Commands of one player are played in the order of the file, each after the
 * answer to the one before. The file says what is asked, never what comes of it.
 */
export interface Line {
  /** Counts from 1. */
  readonly n: number
  readonly player: string
  readonly cmd: Cmd
  /** A name of the script's own; the player replaces it by an id that is fresh for each run. */
  readonly party: string
  readonly target?: string
  readonly text?: string
  /** Commands of others that must have been answered before this one is sent. */
  readonly after?: readonly number[]
  /** The player's socket is cut right after this command was sent, and opened again at another node. */
  readonly drop?: true
  /** The player closes the socket after the answer and does not come back. */
  readonly quit?: true
  /** Is sent no sooner than this long after the commands it waits for were answered. */
  readonly pauseMs?: number
}

export interface Evening {
  readonly seed: number
  /** How many members and open invites together a party may have. */
  readonly partySizeMax: number
  /** How long an invitation holds. */
  readonly inviteMs: number
  /** How long a player may be without a socket before being taken for gone. */
  readonly graceMs: number
  readonly players: readonly string[]
  /** Those of them who may end any party. */
  readonly admins: readonly string[]
  readonly lines: readonly Line[]
}

/** One JSON text per line; the first describes the whole. */
export const formatEvening = (evening: Evening): string => {
  const { lines, ...head } = evening
  return `${[head, ...lines].map((line) => JSON.stringify(line)).join('\n')}\n`
}

/** Reads what `formatEvening` wrote. Throws a sentence when the file is not an evening. */
export const parseEvening = (text: string): Evening => {
  const [first, ...rest] = text.split('\n').filter((line) => line !== '')
  const head = JSON.parse(first ?? 'null') as Omit<Evening, 'lines'> | null
  if (!Array.isArray(head?.players))
    throw new Error('The session file does not begin with its list of players.')
  const lines = rest.map((line) => JSON.parse(line) as Line)
  const wrong = lines.findIndex((line, at) => line.n !== at + 1)
  if (wrong >= 0) throw new Error(`Command ${wrong + 1} of the session file is missing or out of order.`)
  return { ...head, lines }
}
