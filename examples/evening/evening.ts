/** An evening as it happens: all players at their sockets, and everything they saw, for the judge. */
import type { Absence, Answer, Ending, Heard, Played, View } from './evidence.js'
import { play } from './play.js'
import { Player, type Fields, type Reply, type Told } from './player.js'
import type { Sent } from './seats.js'
import type { Evening, Line } from './session.js'

export interface EveningOptions {
  readonly evening: Evening
  /** The gateways that are up at the moment. */
  readonly gateways: () => readonly string[]
  readonly now: () => number
  readonly signal: AbortSignal
  /** After each answer, with how many commands have theirs. */
  readonly onAnswer: (answeredCount: number, inFlightCount: number) => void
}

const inFlightMax = 200
/** How many log in at the same time. */
const loginsCountMax = 100

const texts = (list: unknown): string[] =>
  Array.isArray(list)
    ? list.map((one) => String(typeof one === 'object' ? (one as { player?: unknown }).player : one))
    : []

/** What a reply shows of a party; nothing when it shows none. */
const viewOf = (reply: Fields): View | undefined => {
  const { version, leader, members, invites, settings } = reply as Record<string, unknown>
  if (typeof version !== 'number' || typeof leader !== 'string' || members === undefined) return undefined
  const { muted } = settings as { readonly muted: boolean }
  return { version, leader, members: texts(members), invites: texts(invites), muted }
}

const outcomeOf = ({ reply }: Told): Answer['outcome'] => {
  if (reply.refused !== undefined) return { tag: 'refused', code: reply.refused }
  if (!reply.ok) return { tag: 'unknown', error: `${reply.error}: ${reply.message}` }
  const { version, number: chat, changed } = reply as Record<string, unknown>
  const view = viewOf(reply)
  return {
    tag: 'ok',
    ...(typeof version === 'number' ? { version } : {}),
    ...(changed === false ? { changed } : {}),
    ...(typeof chat === 'number' ? { chat } : {}),
    ...(view === undefined ? {} : { view }),
  }
}

type Noticed = Readonly<Record<'notice' | 'party' | 'player' | 'from' | 'text' | 'why', string>> &
  Readonly<Record<'version' | 'number', number>>

const heardOf = (by: string, notice: Fields): Heard | undefined => {
  const { notice: name, party, player, version, from, text, number, why } = notice as Noticed
  if (name === 'chat') return { tag: 'chat', by, party, chat: number, from, text }
  return name === 'invite-ended' && why === 'expired' ? { tag: 'expired', party, version, player } : undefined
}

/** The players of an evening and what they saw. */
export class EveningAtTheSockets {
  readonly players = new Map<string, Player>()
  private readonly answers: Answer[] = []
  private readonly heard: Heard[] = []
  private readonly endings = new Map<string, Ending>()
  private endedAt = Number.POSITIVE_INFINITY
  private readonly acknowledged = new Map<string, [version: number, chats: number]>()
  /** Every command in the order in which they were sent, with its answer as soon as it is there. */
  readonly sent: Sent[] = []
  /** The party of each command without an answer. */
  readonly open = new Map<number, string>()

  constructor(private readonly options: EveningOptions) {
    for (const [at, name] of options.evening.players.entries()) {
      const { gateways, now } = options
      const onNotice = (player: string, notice: Fields): void => {
        const heard = heardOf(player, notice)
        if (heard !== undefined) this.heard.push(heard)
      }
      this.players.set(name, new Player({ name, gateways, now, first: at, onNotice }))
    }
  }

  /** Everybody comes. */
  async arrive(): Promise<void> {
    const waiting = [...this.players.values()]
    const next = async (): Promise<void> => {
      for (let player = waiting.pop(); player !== undefined; player = waiting.pop()) await player.login()
    }
    await Promise.all(Array.from({ length: loginsCountMax }, next))
  }

  /** Everybody plays. */
  play(): Promise<void> {
    const { evening, signal, onAnswer } = this.options
    return play({ lines: evening.lines, inFlightMax, send: (line) => this.send(line), onAnswer, signal })
  }

  private async send(line: Line): Promise<void> {
    const { n, cmd, party, target, text } = line
    const player = this.player(line.player)
    this.open.set(n, party)
    const at = this.sent.push({ line }) - 1
    const fields = {
      party,
      ...(target === undefined ? {} : { target }),
      ...(text === undefined ? {} : { text }),
    }
    const reqId = cmd === 'info' ? {} : { reqId: `evening-${n}` }
    const told = await player.send(cmd, { ...fields, ...reqId }, line.drop ?? false)
    this.open.delete(n)
    const outcome = outcomeOf(told)
    this.answers.push({ n, sentAt: told.sentAt, answeredAt: told.answeredAt, outcome })
    this.sent[at] = { line, outcome }
    if (outcome.tag === 'ok') {
      const [version, chats] = this.acknowledged.get(party) ?? [0, 0]
      const latest = [outcome.version ?? 0, outcome.chat ?? 0] as const
      this.acknowledged.set(party, [Math.max(version, latest[0]), Math.max(chats, latest[1])])
    }
    if (line.quit) player.quit()
  }

  private player(name: string): Player {
    const player = this.players.get(name)
    if (player === undefined) throw new Error(`The session has no player ${name}.`)
    return player
  }

  /**
   * Asks each party what became of it, and says good night in those that are there to learn the last
   * number.
   */
  async ask(): Promise<void> {
    const parties = [...new Set(this.options.evening.lines.map(({ party }) => party))]
    const present = [...this.players.values()].filter((player) => !player.hasQuit)
    const askers = present.slice(0, loginsCountMax)
    await Promise.all(
      askers.map(async (asker, at) => {
        for (let index = at; index < parties.length; index += askers.length) {
          const party = parties[index] as string
          const view = viewOf((await asker.send('info', { party }, false)).reply)
          this.endings.set(party, view === undefined ? {} : { view })
        }
      }),
    )
    const byLeader = [...this.endings].flatMap(([party, { view }]) => (view ? [{ party, view }] : []))
    this.endedAt = this.options.now()
    await Promise.all(byLeader.map(({ party, view }) => this.sayGoodNight(party, view)))
  }

  private async sayGoodNight(party: string, view: View): Promise<void> {
    const { reply } = await this.player(view.leader).send(
      'chat',
      { party, text: 'good night', reqId: `evening-end-${party}` },
      false,
    )
    const { number } = reply as Reply & { readonly number?: unknown }
    this.endings.set(party, { view, ...(typeof number === 'number' ? { chats: number - 1 } : {}) })
  }

  /** What the judge reads. */
  recording(): Played {
    const { lines, partySizeMax, inviteMs, admins } = this.options.evening
    const absences: Absence[] = [...this.players.values()].flatMap((player) => player.absences)
    const heard = this.heard.filter((one) => one.tag !== 'chat' || one.text !== 'good night')
    const { answers, endings } = this
    const { endedAt } = this
    return { lines, partySizeMax, inviteMs, admins, answers, heard, absences, endings, endedAt }
  }

  /** Every party that was acknowledged, with the highest version and chat number that were. */
  parties(): [name: string, version: number, chats: number][] {
    return [...this.acknowledged].map(([name, [version, chats]]) => [name, version, chats])
  }

  /** Everybody goes home. */
  leave(): void {
    for (const player of this.players.values()) player.quit()
  }
}
