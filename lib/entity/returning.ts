/** Brings remembered entities back by themselves, so many per second. */
import type { Reached } from '../limits.js'
import type { Clock, Timer } from '../std/clock.js'
import { fullBucket, type TokenBucket, takeTokens, type Tokens, tokensDueMs } from '../std/token-bucket.js'

interface Batch {
  readonly ids: readonly string[]
  readonly start: (id: string) => void
  next: number
}

export class Returning {
  readonly #clock: Clock
  readonly #reached: Pick<Reached, 'rememberedCountMax'>
  readonly #bucket: TokenBucket
  readonly #batches: Batch[] = []
  #tokens: Tokens
  #timer: Timer | null = null

  constructor(clock: Clock, perSecond: number, reached: Pick<Reached, 'rememberedCountMax'>) {
    this.#clock = clock
    this.#reached = reached
    this.#bucket = { perSecond, countMax: Math.max(1, Math.ceil(perSecond / 10)) }
    this.#tokens = fullBucket(this.#bucket, clock.monotonic())
  }

  add(ids: readonly string[], start: (id: string) => void): void {
    if (ids.length === 0) return
    this.#batches.push({ ids, start, next: 0 })
    if (this.#timer === null) this.#run()
  }

  stop(): void {
    this.#timer?.cancel()
    this.#batches.length = 0
  }

  #run(): void {
    this.#timer = null
    for (;;) {
      const batch = this.#batches[0]
      const id = batch?.ids[batch.next]
      if (batch === undefined) return
      if (id === undefined) {
        this.#batches.shift()
        continue
      }
      const now = this.#clock.monotonic()
      const [isTaken, left] = takeTokens(this.#bucket, this.#tokens, now)
      this.#tokens = left
      if (!isTaken) {
        this.#reached.rememberedCountMax++
        this.#timer = this.#clock.after(Math.ceil(tokensDueMs(this.#bucket, left, now)), () => this.#run())
        return
      }
      batch.next++
      batch.start(id)
    }
  }
}
