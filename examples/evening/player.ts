/**
 * One player at a real WebSocket: sends a command, waits for the answer, and when the socket goes away
 * connects to the next node's gateway and sends the open command again under the same `reqId`.
 */
import { WebSocket } from 'ws'
import type { Absence } from './evidence.js'

export type Fields = Readonly<Record<string, unknown>>

/** What a gateway answers; the fields of the reply stand beside `ok`. */
export interface Reply extends Fields {
  readonly id: number
  readonly ok: boolean
  readonly refused?: string
  readonly error?: string
  readonly message?: string
  readonly retryAfterMs?: number
}

export interface Told {
  readonly reply: Reply
  readonly sentAt: number
  readonly answeredAt: number
}

export interface PlayerOptions {
  readonly name: string
  /** The gateways that are up at the moment. */
  readonly gateways: () => readonly string[]
  /** Which of them is tried first. */
  readonly first: number
  readonly now: () => number
  readonly onNotice: (player: string, notice: Fields) => void
}

interface Open {
  readonly text: string
  readonly id: number
  readonly sentAt: number
  readonly settle: (told: Told) => void
  readonly giveUpAt: number
}

const answerMsMax = 40_000
const reconnectMs = 40
const resendMs = 7_000
const connectMsMax = 2_000
/** After these the same command cannot do any better. */
const isFinal = new Set(['BAD_REQUEST', 'FORBIDDEN', 'STATE_LOST', 'NO_ANSWER'])

export class Player {
  readonly absences: Absence[] = []
  private socket: WebSocket | undefined
  private isIn = false
  hasQuit = false
  private turn: number
  private lastId = 0
  private open: Open | undefined
  /** The socket that counts, as the gateway called it; empty before the first. */
  session = ''
  private absentSince: number | undefined
  private readonly timers = new Set<NodeJS.Timeout>()
  private whenIn: (() => void)[] = []

  constructor(private readonly options: PlayerOptions) {
    this.turn = options.first
  }

  get name(): string {
    return this.options.name
  }
  /** The gateway that the socket is at; empty while there is none. */
  get gateway(): string {
    return this.isIn ? (this.socket?.url ?? '') : ''
  }
  get isWaiting(): boolean {
    return this.open !== undefined
  }

  /** Resolves when the gateway has taken the player in. */
  login(): Promise<void> {
    return new Promise((resolve) => {
      this.whenIn.push(resolve)
      this.connect()
    })
  }

  /** Sends one command; the one before has been answered. `cut`: the socket goes away right after it. */
  send(cmd: string, fields: Fields, cut: boolean): Promise<Told> {
    this.lastId += 1
    const id = this.lastId
    const sentAt = this.options.now()
    return new Promise((settle) => {
      const text = JSON.stringify({ id, cmd, ...fields })
      this.open = { text, id, sentAt, settle, giveUpAt: sentAt + answerMsMax }
      this.transmit()
      this.later(resendMs, () => this.remind(id))
      if (cut) this.cut()
    })
  }

  /** The socket is gone without a word. */
  cut(): void {
    this.turn += 1
    this.socket?.terminate()
  }

  /** Goes home. */
  quit(): void {
    this.hasQuit = true
    for (const timer of this.timers) clearTimeout(timer)
    this.timers.clear()
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.close()
    else this.socket?.terminate()
  }

  private connect(): void {
    if (this.hasQuit) return
    const gateways = this.options.gateways()
    const url = gateways[this.turn % Math.max(1, gateways.length)]
    if (url === undefined) {
      this.later(reconnectMs, () => this.connect())
      return
    }
    const socket = new WebSocket(url, { handshakeTimeout: connectMsMax, perMessageDeflate: false })
    this.socket = socket
    const credentials = { player: this.name }
    socket.on('open', () => socket.send(JSON.stringify({ id: 0, cmd: 'login', credentials })))
    socket.on('message', (data) => this.take(socket, JSON.parse(String(data)) as Reply))
    socket.on('error', () => {})
    socket.on('close', () => this.closed(socket))
  }

  private take(socket: WebSocket, message: Reply): void {
    if (socket !== this.socket) return
    if (message['notice'] !== undefined) this.options.onNotice(this.name, message)
    else if (message.id === 0) this.welcomed(message)
    else this.answered(message)
  }

  private answered(message: Reply): void {
    const { open } = this
    if (open === undefined || message.id !== open.id) return
    const { error, retryAfterMs = reconnectMs } = message
    if (error !== undefined && !isFinal.has(error) && this.options.now() < open.giveUpAt) {
      this.later(retryAfterMs, () => this.transmit(open.id))
      return
    }
    this.open = undefined
    open.settle({ reply: message, sentAt: open.sentAt, answeredAt: this.options.now() })
  }

  private welcomed(message: Reply): void {
    if (!message.ok) {
      this.socket?.terminate()
      return
    }
    this.isIn = true
    this.session = String(message['session'])
    const { absentSince } = this
    this.absentSince = undefined
    if (absentSince !== undefined) {
      this.absences.push({ player: this.name, from: absentSince, until: this.options.now() })
    }
    for (const resolve of this.whenIn.splice(0)) resolve()
    this.transmit()
  }

  private closed(socket: WebSocket): void {
    if (socket !== this.socket) return
    if (this.isIn) this.absentSince = this.options.now()
    this.isIn = false
    if (this.hasQuit) {
      this.absences.push({ player: this.name, from: this.absentSince ?? 0, until: Number.POSITIVE_INFINITY })
      return
    }
    this.turn += 1
    this.giveUpWhenLate()
    this.later(reconnectMs, () => this.connect())
  }

  private transmit(id?: number): void {
    const { open } = this
    if (open === undefined || !this.isIn || (id !== undefined && open.id !== id)) return
    this.socket?.send(open.text)
  }

  private remind(id: number): void {
    if (this.open?.id !== id) return
    this.giveUpWhenLate()
    this.transmit(id)
    this.later(resendMs, () => this.remind(id))
  }

  private giveUpWhenLate(): void {
    const { open } = this
    const now = this.options.now()
    if (open === undefined || now < open.giveUpAt) return
    this.open = undefined
    const message = `no answer within ${answerMsMax / 1_000} s`
    const reply: Reply = { id: open.id, ok: false, error: 'NO_ANSWER', message }
    open.settle({ reply, sentAt: open.sentAt, answeredAt: Number.POSITIVE_INFINITY })
  }

  private later(ms: number, fn: () => void): void {
    const timer = setTimeout(() => {
      this.timers.delete(timer)
      fn()
    }, ms)
    this.timers.add(timer)
  }
}
