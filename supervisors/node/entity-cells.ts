/**
 * The entities of one kind on this node as cells of the kernel: each restarts by itself after a delay that
 * grows with its crashes, so that a crash loop stays where it is.
 */
import type { EntitiesData } from '../../lib/api/internal.js'
import type { EntityBody, EntityCell, Work } from '../../lib/entity/hosting.js'
import type { Cell } from '../../lib/kernel/cell.js'
import type { Kernel } from '../../lib/kernel/kernel.js'
import { backoffMs } from '../../lib/std/backoff.js'
import type { Random } from '../../lib/std/random.js'

const restarts = { firstMs: 50, lastMs: 10_000, factor: 2, jitter: 0.3 }
/** Without a crash for this long the next one counts as the first. */
const calmMs = 60_000

export interface EntityCellsOptions {
  readonly kernel: Kernel
  readonly random: Random
  readonly mailboxCountMax: number
}

/** Opens the cells of one kind below `parent`. */
export const entityCells = (
  options: EntityCellsOptions,
  spec: EntitiesData,
  parent: () => Cell<any> | undefined,
) => {
  const { kernel, random } = options
  let count = 0
  const open = (body: EntityBody): EntityCell | undefined => {
    const place = parent()
    const isOpen = place === undefined || place.status === 'running' || place.status === 'suspended'
    if (!isOpen || count >= spec.countMax) return undefined
    count++
    let crashes = 0
    let lastCrashAt = Number.NEGATIVE_INFINITY
    const cell = kernel.spawn<Work>({
      name: body.id,
      parent: place,
      mailboxCountMax: body.kind.limits.mailboxCountMax ?? options.mailboxCountMax,
      receive: body.handle,
      crashed: (error, work) => {
        body.crashed(work, error)
        const now = kernel.clock.monotonic()
        crashes = now - lastCrashAt > calmMs ? 1 : crashes + 1
        lastCrashAt = now
        cell.restart()
        const delayMs = backoffMs(restarts, crashes - 1, random)
        // The first crash of a calm entity costs its neighbours in the mailbox nothing.
        if (crashes === 1) cell.resume()
        else kernel.clock.after(delayMs, () => cell.resume())
      },
      undelivered: (work) => {
        body.left(work)
        return true
      },
    })
    return {
      post: (work) => {
        if (work.type === 'own') return cell.control(work)
        if (cell.mailboxCount >= cell.mailboxCountMax) return false
        return cell.tell(work)
      },
      get mailCount() {
        return cell.mailboxCount
      },
      close: () => {
        count--
        cell.kill()
      },
    }
  }
  return { open, count: () => count }
}
