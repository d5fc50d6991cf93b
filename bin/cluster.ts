/** The nodes that one `tumen up` started, by name. */
import type { Json, StageNode } from '../supervisors/launched.js'
import { nearestName } from '../lib/config.js'
import type { NodeHandle } from './handle.js'
import { Plain } from './plain.js'

interface Seat {
  readonly name: string
  handle: NodeHandle | undefined
  /** The last one that was known, for the table. */
  info: { readonly [name: string]: Json }
  /** Somebody ended it on purpose: it is not started again by itself. */
  isHeld: boolean
  /** When it was started again by itself, in milliseconds since 1970. */
  readonly restarts: number[]
}

export interface ClusterOptions {
  readonly names: readonly string[]
  readonly start: (name: string) => Promise<NodeHandle>
  readonly say: (line: string) => void
  /** After every change of who runs. */
  readonly onChange: () => void
}

const restartDelayMs = 1_000
const restartsCountMax = 5
const restartsPeriodMs = 60_000

/**
 * Starts nodes, ends them, and starts again what ended by itself: after a second, five times a minute at
 * most.
 */
export class Cluster {
  private readonly seats = new Map<string, Seat>()
  private readonly timers = new Set<NodeJS.Timeout>()
  private isEnding = false

  constructor(private readonly options: ClusterOptions) {
    for (const name of options.names) {
      this.seats.set(name, { name, handle: undefined, info: {}, isHeld: false, restarts: [] })
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
    const handle = await this.options.start(name)
    if (this.isEnding) return handle.stop()
    Object.assign(seat, { handle, info: handle.info, isHeld: false })
    void handle.ended.then((how) => this.ended(seat, handle, how))
    this.options.onChange()
  }

  async perform(name: string | undefined, verb: string, argument: Json): Promise<Json> {
    return this.running(name).perform(verb, argument)
  }

  /** Lets a node hand over and leave. */
  async drain(name: string): Promise<void> {
    const handle = this.running(name)
    this.seat(name).isHeld = true
    await handle.stop()
  }

  /** Ends a node as a crash would. `isHeld`: it stays away until it is started again. */
  kill(name: string, isHeld: boolean): Promise<string> {
    const handle = this.running(name)
    this.seat(name).isHeld = isHeld
    handle.kill()
    return handle.ended
  }

  /** Ends all in order, one after the other, so that each hands over to those that remain. */
  async stopAll(): Promise<void> {
    this.isEnding = true
    for (const timer of this.timers) clearTimeout(timer)
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
    // It was told to leave by somebody else, such as tumen drain over NATS.
    if (this.isEnding || seat.isHeld || how === 'exit code 0') return
    const now = Date.now()
    seat.restarts.splice(
      0,
      seat.restarts.length,
      ...seat.restarts.filter((at) => now - at < restartsPeriodMs),
    )
    if (seat.restarts.length >= restartsCountMax) {
      this.options.say(`Node ${seat.name} ended (${how}) again and again: it is not started any more.`)
      return
    }
    seat.restarts.push(now)
    this.options.say(`Node ${seat.name} ended (${how}); it is started again.`)
    const timer = setTimeout(() => {
      this.timers.delete(timer)
      this.start(seat.name).catch((error: Error) => this.options.say(error.message))
    }, restartDelayMs)
    this.timers.add(timer)
  }
}
