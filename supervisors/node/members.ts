/** Waiting until enough nodes are ready. */
import { Misuse } from '../../lib/api/misuse.js'
import type { WaitForMembersOptions } from '../../lib/api/listing.js'
import type { MemberStatus } from '../../lib/api/status.js'
import { StartFailed } from '../../lib/errors.js'
import type { Clock } from '../../lib/std/clock.js'

const waitMsDefault = 60_000

export interface MembersOptions {
  readonly clock: Clock
  /** As this node sees them. */
  members(): readonly MemberStatus[]
}

export class Members {
  readonly #options: MembersOptions
  readonly #waiting = new Set<() => void>()

  constructor(options: MembersOptions) {
    this.#options = options
  }

  /** They are others than before, or will never change again. */
  changed(): void {
    for (const look of [...this.#waiting]) look()
  }

  wait(
    count: number,
    options: WaitForMembersOptions,
    isOver: () => boolean,
  ): Promise<readonly MemberStatus[]> {
    const { timeoutMs = waitMsDefault, role } = options
    if (!Number.isInteger(count) || count < 1)
      throw new Misuse('WrongForm', `waitForMembers: expected a whole number, 1 or more, got ${count}.`)
    const { clock } = this.#options
    return new Promise((resolve, reject) => {
      const end = (): void => {
        late.cancel()
        this.#waiting.delete(look)
      }
      const fail = (why: string): void => {
        end()
        const ready = this.#ready(role).length
        const who = role === undefined ? 'ready nodes' : `ready nodes with the role "${role}"`
        reject(new StartFailed('StartTimeout', `The cluster has ${ready} of ${count} ${who} ${why}.`))
      }
      const look = (): void => {
        const ready = this.#ready(role)
        if (ready.length >= count) {
          end()
          resolve(ready)
        } else if (isOver()) fail('and this node has stopped')
      }
      const late = clock.after(timeoutMs, () =>
        fail(`after ${timeoutMs} ms: start the others, or wait for fewer`),
      )
      this.#waiting.add(look)
      look()
    })
  }

  #ready(role: string | undefined): readonly MemberStatus[] {
    return this.#options
      .members()
      .filter(({ status, roles }) => status === 'ready' && (role === undefined || roles.includes(role)))
  }
}
