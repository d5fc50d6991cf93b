/** The local benches as a user of nact would write them. */
import nact from 'nact'
import type { Side } from '../harness.js'

const { dispatch, query, spawn, start, stop } = nact
type Ref = Parameters<typeof dispatch>[0]

const closing =
  (system: Ref, ...actors: Ref[]): Side['close'] =>
  async () => {
    for (const actor of actors) stop(actor)
    stop(system)
  }

/** Bursts to one actor. */
export const nactTellOne = async (burstCount: number): Promise<Side> => {
  const system = start()
  let target = 0
  let reached: () => void = () => undefined
  const counter = spawn(
    system,
    (total: number, message: { type: 'Add'; n: number }) => {
      const sum = total + message.n
      if (sum === target) reached()
      return sum
    },
    'counter',
    { initialState: 0 },
  )
  const burst = (): Promise<void> =>
    new Promise((done) => {
      target += burstCount
      reached = done
      for (let i = 0; i < burstCount; i++) dispatch(counter, { type: 'Add', n: 1 })
    })
  return {
    round: async () => {
      for (let i = 0; i < 10; i++) await burst()
      return burstCount * 10
    },
    close: closing(system, counter),
  }
}

/** Two actors that answer each other. */
export const nactPingPong = async (rallyCount: number): Promise<Side> => {
  const system = start()
  let over: () => void = () => undefined
  const ping = spawn(
    system,
    (hits: number, message: { type: 'Ball'; left: number }): number => {
      if (message.left === 0) over()
      else dispatch(pong, { type: 'Ball', left: message.left - 1 })
      return hits + 1
    },
    'ping',
    { initialState: 0 },
  )
  const pong = spawn(
    system,
    (hits: number, message: { type: 'Ball'; left: number }): number => {
      dispatch(ping, { type: 'Ball', left: message.left })
      return hits + 1
    },
    'pong',
    { initialState: 0 },
  )
  return {
    round: async () => {
      await new Promise<void>((done) => {
        over = done
        dispatch(ping, { type: 'Ball', left: rallyCount })
      })
      return rallyCount * 2
    },
    close: closing(system, ping, pong),
  }
}

/** Queries, one after the other. */
export const nactAsk = async (askCount: number): Promise<Side> => {
  const system = start()
  const counter = spawn(
    system,
    (total: number, message: { type: 'Next'; by: number; sender: Ref }) => {
      dispatch(message.sender, total + message.by)
      return total + message.by
    },
    'counter',
    { initialState: 0 },
  )
  return {
    round: async () => {
      for (let i = 0; i < askCount; i++) {
        await query(counter, (sender: Ref) => ({ type: 'Next' as const, by: 1, sender }), 1_000)
      }
      return askCount
    },
    close: closing(system, counter),
  }
}

/** Actors that handle one message and wait for the next. */
export const nactIdle = (): { readonly spawn: (i: number) => unknown; readonly stop: () => void } => {
  const system = start()
  return {
    spawn: (i) => {
      const add = (total: number, { n }: { n: number }): number => total + n
      const ref = spawn(system, add, `actor-${i}`, { initialState: 0 })
      dispatch(ref, { n: 1 })
      return ref
    },
    stop: () => stop(system),
  }
}
