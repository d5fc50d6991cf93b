/**
 * Nodes of `tumen up` inside its own process, on memory, that can be dropped as if their process had
 * died.
 */
import type { Clock, Timer } from '../lib/std/clock.js'
import { systemClock } from '../lib/std/system.js'
import type { LinkStatus, OpenOptions, Session, Transport } from '../lib/transport/transport.js'
import type { NodeHandle } from './handle.js'
import { sayErrors } from './log.js'
import { hostNode, type NodeStart } from './run-node.js'

const never: Timer = { cancel: () => {} }

/** Hands out the timers of another clock, and cancels all that are left at once. */
class Timers {
  private readonly waiting = new Set<Timer>()

  constructor(private readonly clock: Clock) {}

  after(delayMs: number, fn: () => void): Timer {
    const inner = this.clock.after(delayMs, () => {
      this.waiting.delete(inner)
      fn()
    })
    this.waiting.add(inner)
    const cancel = (): void => {
      this.waiting.delete(inner)
      inner.cancel()
    }
    return { cancel }
  }

  cancelAll(): void {
    for (const timer of this.waiting) timer.cancel()
    this.waiting.clear()
  }
}

/**
 * A clock and a transport that stop for good: after `die` nothing runs that was waiting, no timer is left,
 * and nothing is sent.
 */
export interface Mortal {
  readonly clock: Clock
  readonly transport: Transport
  die(): void
}

export const mortal = (base: Transport, clock: Clock = systemClock): Mortal => {
  let isDead = false
  let isClosing = false
  const sessions: Session[] = []
  const timers = new Timers(clock)
  const alive =
    <A extends unknown[]>(fn: (...parts: A) => void) =>
    (...parts: A): void => {
      if (!isDead) fn(...parts)
    }
  const own: Clock = {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    after: (delayMs, fn) => (isDead ? never : timers.after(delayMs, fn)),
    defer: (fn) => clock.defer(isClosing ? fn : alive(fn)),
  }
  const open = async (options: OpenOptions): Promise<Session> => {
    const session = await base.open(options)
    sessions.push(session)
    return {
      facts: session.facts,
      records: session.records,
      status: () => session.status(),
      onStatus: (listener: (status: LinkStatus) => void) => session.onStatus(alive(listener)),
      listen: (node, inbox, done) => session.listen(node, { onFrame: alive(inbox.onFrame) }, alive(done)),
      send: alive((to, lane, frame) => session.send(to, lane, frame)),
      probe: (to, timeoutMs, done) => session.probe(to, timeoutMs, alive(done)),
      close: () => session.close(),
    }
  }
  return {
    clock: own,
    transport: { name: base.name, open },
    die: () => {
      isDead = true
      timers.cancelAll()
      // The network takes its inbox away, so that those who probe it find nobody: that much still runs.
      isClosing = true
      for (const session of sessions) void session.close()
      isClosing = false
    },
  }
}

/** Starts a node in this process. */
export const startInside = async (start: Omit<NodeStart, 'log'>): Promise<NodeHandle> => {
  const life = mortal(start.transport)
  const hosted = await hostNode({ ...start, log: sayErrors, transport: life.transport, clock: life.clock })
  let end: (how: string) => void = () => {}
  const ended = new Promise<string>((resolve) => {
    end = resolve
  })
  return {
    name: start.name,
    pid: null,
    info: hosted.info,
    ended,
    perform: (verb, argument) => hosted.perform(verb, argument),
    stop: async () => {
      await hosted.stop()
      end('stopped')
    },
    kill: () => {
      hosted.drop()
      life.die()
      end('dropped')
    },
  }
}
