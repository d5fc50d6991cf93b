/** The local benches of many actors, or of many asks at once, as a user of nact would write them. */
import nact from 'nact'
import type { Side } from '../harness.js'

const { dispatch, query, spawn, start, stop } = nact
type Ref = Parameters<typeof dispatch>[0]

const closing =
  (system: Ref, actors: () => readonly Ref[]): Side['close'] =>
  async () => {
    for (const actor of actors()) stop(actor)
    stop(system)
  }

/** Messages to many actors in turn. */
export const nactTellMany = async (actorCount: number, eachCount: number): Promise<Side> => {
  const system = start()
  let left = 0
  let over: () => void = () => undefined
  const add = (total: number, { n }: { type: 'Add'; n: number }): number => {
    if (--left === 0) over()
    return total + n
  }
  const refs = Array.from({ length: actorCount }, (_, i) =>
    spawn(system, add, `actor-${i}`, { initialState: 0 }),
  )
  return {
    round: async () => {
      left = actorCount * eachCount
      await new Promise<void>((done) => {
        over = done
        for (let i = 0; i < eachCount; i++) for (const ref of refs) dispatch(ref, { type: 'Add', n: 1 })
      })
      return actorCount * eachCount
    },
    close: closing(system, () => refs),
  }
}

/** Queries, many in flight. */
export const nactAskMany = async (inFlightCount: number, eachCount: number): Promise<Side> => {
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
  const one = async (): Promise<void> => {
    for (let i = 0; i < eachCount; i++) {
      await query(counter, (sender: Ref) => ({ type: 'Next' as const, by: 1, sender }), 1_000)
    }
  }
  return {
    round: async () => {
      await Promise.all(Array.from({ length: inFlightCount }, one))
      return inFlightCount * eachCount
    },
    close: closing(system, () => [counter]),
  }
}

/** Actors that are started, told one message, and stop. */
export const nactSpawnStop = async (actorCount: number): Promise<Side> => {
  const system = start()
  let left = 0
  let over: () => void = () => undefined
  const leave = (state: number, message: { type: 'Leave' }, { self }: { self: Ref }): number => {
    if (message.type === 'Leave') stop(self)
    return state
  }
  const afterStop = (): void => {
    if (--left === 0) over()
  }
  return {
    round: async () => {
      left = actorCount
      await new Promise<void>((done) => {
        over = done
        for (let i = 0; i < actorCount; i++) {
          const guest = spawn(system, leave, `guest-${i}`, { initialState: 0, afterStop })
          dispatch(guest, { type: 'Leave' })
        }
      })
      return actorCount
    },
    close: closing(system, () => []),
  }
}
