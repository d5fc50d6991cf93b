/**
 * Brings the state of an entity into memory before its first message is handled: one attempt at a time, and
 * after a failure the next one only after a delay that grows.
 */
import { causeAsText } from '../errors.js'
import { formatAddress } from '../ids.js'
import { type Backoff, backoffMs } from '../std/backoff.js'
import type { Clock } from '../std/clock.js'
import { createPauses, type Pauses } from '../std/pauses.js'
import type { Random } from '../std/random.js'
import type { Running } from './hosting.js'

const retries: Backoff = { firstMs: 100, lastMs: 5_000, factor: 2, jitter: 0.3 }

export interface LoadingOptions {
  readonly clock: Clock
  readonly random: Random
  /** How long one attempt may take. */
  readonly sourceMs: number
  failed(address: string, cause: string): void
}

export class Loading {
  readonly #options: LoadingOptions
  readonly #pauses: Pauses

  constructor(options: LoadingOptions) {
    this.#options = options
    this.#pauses = createPauses(options.clock)
  }

  /**
   * What `read` gives; null when it failed, or its next attempt is not due yet. Who is patient waits for the
   * attempt that succeeds, or until the entity is closed.
   */
  async load<A>(
    running: Running,
    read: () => PromiseLike<A>,
    isPatient: boolean,
  ): Promise<{ readonly value: A } | null> {
    const { clock, random, failed, sourceMs } = this.#options
    while (!running.isClosed) {
      const waitMs = running.retryAt - clock.monotonic()
      if (waitMs > 0) {
        if (!isPatient) return null
        await this.#pauses.sleep(waitMs)
        continue
      }
      try {
        const value = await this.#pauses.inTime(sourceMs, read)
        running.failedCount = 0
        return { value }
      } catch (error) {
        running.retryAt = clock.monotonic() + backoffMs(retries, running.failedCount++, random)
        if (!running.isClosed) failed(formatAddress(running.kind.kind, running.id), causeAsText(error))
        if (!isPatient) return null
      }
    }
    return null
  }

  stop(): void {
    this.#pauses.stop()
  }
}
