/** The nodes that one `tumen up` started, by name. */
import type { Json, StageNode } from '../supervisors/launched.js'
import { nearestName } from '../lib/config.js'
import type { Clock, Timer } from '../lib/std/clock.js'
import { systemClock } from '../lib/std/system.js'
import type { NodeHandle } from './handle.js'
import { lastNode, Plain, sentenceOf } from './plain.js'

interface Seat {
  readonly name: string
  handle: NodeHandle | undefined
  /** The last one that was known, for the table. */
  info: { readonly [name: string]: Json }
  /** The app ended it on purpose, and starts it again. */
  isHeld: boolean
  /** Somebody drained it: it stays away until it is started by hand. */
  isDrained: boolean
  /** Until it is ready. */
  isStarting: boolean
  /** Of the start that comes by itself. */
  timer: Timer | undefined
  /** When it was started again by itself, on the monotonic clock. */
  restarts: readonly number[]
}

export interface ClusterOptions {
  readonly names: readonly string[]
  readonly start: (name: string) => Promise<NodeHandle>
  readonly say: (line: string) => void
  /** After every change of who runs. */
  readonly onChange: () => void
  /** What to type so that a node is started again. */
  readonly startCommand: (name: string) => string
  readonly clock?: Clock
}

const restartDelayMs = 1_000
const restartsCountMax = 5
const restartsPeriodMs = 60_000
/** How a node ends that left by itself: it was told to over NATS, or by a signal. */
const orderly = ['exit code 0', 'stopped']

/**
 * Starts nodes, ends them, and starts again what ended by itself: after a second, five times a minute at
 * most.
 */
export class Cluster {
  private readonly seats = new Map<string, Seat>()
  private readonly clock: Clock
  private isEnding = false

  constructor(private readonly options: ClusterOptions) {
    this.clock = options.clock ?? systemClock
    for (const name of options.names) {
      const idle = { isHeld: false, isDrained: false, isStarting: false, timer: undefined }
      this.seats.set(name, { name, handle: undefined, info: {}, ...idle, restarts: [] })
    }
  }

  nodes(): readonly StageNode[] {
    return [...this.seats.values()].map(({ name, handle, info }) => ({
      name,
      isUp: handle !== undefined,
      pid: handle?.pid ?? null,
      info,
    }))
  }

  /** Starts all of them together. When one fails the others are ended too. */
  async startAll(): Promise<void> {
    const started = await Promise.allSettled([...this.seats.keys()].map((name) => this.start(name)))
    const failed = started.find((one) => one.status === 'rejected')
    if (failed === undefined) return
    await this.stopAll()
    throw failed.reason
  }

  async start(name: string): Promise<void> {
    const seat = this.seat(name)
    if (seat.handle !== undefined) throw new Plain(`Node ${name} runs already.`)
    if (seat.isStarting) throw new Plain(`Node ${name} is being started already.`)
    if (this.isEnding) throw new Plain('Everything is being ended.')
    seat.timer?.cancel()
    seat.isStarting = true
    let handle: NodeHandle
    try {
      handle = await this.options.start(name)
    } finally {
      seat.isStarting = false
    }
    if (this.isEnding) return handle.stop()
    Object.assign(seat, { handle, info: handle.info, isHeld: false, isDrained: false })
    void handle.ended.then((how) => this.ended(seat, handle, how))
    this.options.onChange()
  }

  /** As `start`, and says so. */
  async startAndSay(name: string): Promise<void> {
    await this.start(name)
    this.options.say(`Node ${name} is ready again.`)
  }

  async perform(name: string | undefined, verb: string, argument: Json): Promise<Json> {
    return this.running(name).perform(verb, argument)
  }

  /** Lets a node hand over and leave. The last one only when that is wanted: nobody can take over from it. */
  async drain(name: string, isLastToo: boolean): Promise<void> {
    const handle = this.running(name)
    const isLast = [...this.seats.values()].every((seat) => seat.handle === undefined || seat.name === name)
    if (isLast && !isLastToo) throw new Plain(lastNode(name))
    this.seat(name).isDrained = true
    await handle.stop()
  }

  /** Ends a node as a crash would. `isHeld`: it stays away until the app starts it again. */
  kill(name: string, isHeld: boolean): Promise<string> {
    const handle = this.running(name)
    this.seat(name).isHeld = isHeld
    handle.kill()
    return handle.ended
  }

  /** Ends all in order, one after the other, so that each hands over to those that remain. */
  async stopAll(): Promise<void> {
    this.isEnding = true
    for (const { timer } of this.seats.values()) timer?.cancel()
    for (const { handle } of this.seats.values()) await handle?.stop()
  }

  /** At once. */
  async killAll(): Promise<void> {
    this.isEnding = true
    const handles = [...this.seats.values()].flatMap(({ handle }) => handle ?? [])
    for (const handle of handles) handle.kill()
    await Promise.all(handles.map(({ ended }) => ended))
  }

  private running(name: string | undefined): NodeHandle {
    if (name !== undefined) {
      const { handle } = this.seat(name)
      if (handle === undefined) throw new Plain(`Node ${name} does not run.`)
      return handle
    }
    const handle = [...this.seats.values()].find((seat) => seat.handle !== undefined)?.handle
    if (handle === undefined) throw new Plain('No node runs at the moment.')
    return handle
  }

  private seat(name: string): Seat {
    const seat = this.seats.get(name)
    if (seat !== undefined) return seat
    const names = [...this.seats.keys()]
    const nearest = nearestName(name, names)
    const meant = nearest === undefined ? '.' : `; did you mean ${nearest}?`
    throw new Plain(
      `No node "${name}" was started by tumen up here${meant} It started ${names.join(', ')}.`,
      2,
    )
  }

  private ended(seat: Seat, handle: NodeHandle, how: string): void {
    if (seat.handle !== handle) return
    seat.handle = undefined
    this.options.onChange()
    if (this.isEnding || seat.isHeld) return
    const again = `${this.options.startCommand(seat.name)} starts it again`
    if (seat.isDrained || orderly.includes(how)) this.options.say(`Node ${seat.name} has left: ${again}.`)
    else this.startAgain(seat, `Node ${seat.name} ended (${how})`, again)
  }

  private startAgain(seat: Seat, what: string, again: string): void {
    const now = this.clock.monotonic()
    const recent = seat.restarts.filter((at) => now - at < restartsPeriodMs)
    if (recent.length >= restartsCountMax) {
      this.options.say(`${what} again and again. It is left alone now: ${again}.`)
      return
    }
    seat.restarts = [...recent, now]
    this.options.say(`${what}; it is started again.`)
    seat.timer = this.clock.after(restartDelayMs, () => {
      if (seat.isStarting || seat.handle !== undefined || this.isEnding) return
      this.startAndSay(seat.name).catch((error: unknown) => {
        if (!this.isEnding) this.startAgain(seat, sentenceOf(error).replace(/\.$/, ''), again)
      })
    })
  }
}
