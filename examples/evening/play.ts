/** Plays the lines of an evening: each player's in order, each after what it waits for, so many at a time. */
import type { Line } from './session.js'

export interface PlayOptions {
  readonly lines: readonly Line[]
  readonly inFlightMax: number
  /** Resolves when the line has its answer. Never rejects. */
  readonly send: (line: Line) => Promise<void>
  /** After each answer. */
  readonly onAnswer: (answeredCount: number, inFlightCount: number) => void
  readonly signal: AbortSignal
}

interface Waiting {
  readonly line: Line
  /** How many answers it waits for. */
  missing: number
  readonly followers: Waiting[]
}

const link = (lines: readonly Line[]): Waiting[] => {
  const all = lines.map((line): Waiting => ({ line, missing: 0, followers: [] }))
  const lastOf = new Map<string, Waiting>()
  for (const one of all) {
    const { player, after = [] } = one.line
    const before = [lastOf.get(player), ...after.map((n) => all[n - 1])]
    for (const other of new Set(before)) {
      if (other === undefined) continue
      other.followers.push(one)
      one.missing += 1
    }
    lastOf.set(player, one)
  }
  return all
}

/** Resolves when every line has its answer, or when it is told to end. */
export const play = (options: PlayOptions): Promise<void> => {
  const all = link(options.lines)
  // In the order of the file, so that no circle falls behind the others.
  const ready = all.filter((one) => one.missing === 0)
  let inFlight = 0
  let answered = 0
  return new Promise((resolve) => {
    const finish = (one: Waiting): void => {
      inFlight -= 1
      answered += 1
      options.onAnswer(answered, inFlight)
      for (const follower of one.followers) {
        follower.missing -= 1
        if (follower.missing === 0) admit(follower)
      }
      if (answered === all.length) resolve()
      else fill()
    }
    const admit = (one: Waiting): void => {
      if (one.line.pauseMs === undefined) insert(ready, one)
      else setTimeout(() => resume(one), one.line.pauseMs)
    }
    const resume = (one: Waiting): void => {
      insert(ready, one)
      fill()
    }
    const fill = (): void => {
      while (inFlight < options.inFlightMax && !options.signal.aborted) {
        const one = ready.shift()
        if (one === undefined) return
        inFlight += 1
        void options.send(one.line).then(() => finish(one))
      }
    }
    options.signal.addEventListener('abort', () => resolve(), { once: true })
    fill()
  })
}

const insert = (ready: Waiting[], one: Waiting): void => {
  let at = ready.length
  while (at > 0 && (ready[at - 1] as Waiting).line.n > one.line.n) at -= 1
  ready.splice(at, 0, one)
}
