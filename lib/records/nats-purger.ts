/** Removes superseded versions of records from the stream, some time after and never many at once. */
import type { Clock, Timer } from '../std/clock.js'
import { purgeAfterMs } from './records.js'

interface Superseded {
  readonly chain: string
  /** Everything of the chain before this sequence of the stream is superseded. */
  readonly sequence: number
  readonly dueAt: number
}

const purgeEveryMs = 1_000
/** Chains purged per `purgeEveryMs`: after a takeover of thousands the store has other things to do. */
const purgesAtOnceMax = 50
const supersededCountMax = 100_000

/** What is to be purged, in order of time; a chain's newest due entry stands for its older ones. */
export class Purger {
  #waiting: Superseded[] = []
  #timer: Timer | undefined
  #stopped = false

  constructor(
    readonly clock: Clock,
    readonly purge: (chain: string, sequence: number) => Promise<unknown>,
  ) {}

  add(chain: string, sequence: number): void {
    // What is left out here is purged with the chain's next version.
    if (this.#stopped || this.#waiting.length >= supersededCountMax) return
    this.#waiting.push({ chain, sequence, dueAt: this.clock.monotonic() + purgeAfterMs })
    this.#arm(purgeAfterMs)
  }

  stop(): void {
    this.#stopped = true
    this.#waiting = []
    this.#timer?.cancel()
  }

  #arm(delayMs: number): void {
    this.#timer ??= this.clock.after(delayMs, () => {
      this.#timer = undefined
      void this.#run()
    })
  }

  async #run(): Promise<void> {
    const now = this.clock.monotonic()
    const due = new Map<string, number>()
    let count = 0
    for (const { chain, sequence, dueAt } of this.#waiting) {
      if (dueAt > now || (due.size >= purgesAtOnceMax && !due.has(chain))) break
      due.set(chain, sequence)
      count++
    }
    this.#waiting.splice(0, count)
    for (const [chain, sequence] of due) {
      if (this.#stopped) return
      await this.purge(chain, sequence)
    }
    const next = this.#waiting[0]
    if (next !== undefined && !this.#stopped)
      this.#arm(Math.max(purgeEveryMs, next.dueAt - this.clock.monotonic()))
  }
}
