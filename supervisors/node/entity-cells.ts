/**
 * The entities of one kind on this node as cells of the kernel: each restarts by itself after a delay that
 * grows with its crashes, so that a crash loop stays where it is.
 */
import type { EntitiesData } from '../../lib/api/internal.js'
import type { EntityBody, EntityCell, Work } from '../../lib/entity/hosting.js'
import type { Cell, CellBody } from '../../lib/kernel/cell.js'
import type { Kernel } from '../../lib/kernel/kernel.js'
import type { MailboxRules } from '../../lib/kernel/mailbox-rules.js'
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

/** What the cells of one kind share. */
interface Group {
  readonly kernel: Kernel
  readonly random: Random
  readonly rules: MailboxRules
  count: number
}

/** One entity's mailbox, and what runs in it: a single object, because there are very many of them. */
class EntityRunner implements EntityCell, CellBody<Work> {
  readonly #group: Group
  readonly #body: EntityBody
  readonly #cell: Cell<Work>
  #crashes = 0
  #lastCrashAt = 0

  constructor(group: Group, body: EntityBody, parent: Cell<any> | undefined) {
    this.#group = group
    this.#body = body
    this.#cell = group.kernel.spawnAt<Work>({ name: body.id, parent, rules: group.rules }, this)
  }

  get mailCount(): number {
    return this.#cell.mailboxCount
  }

  post(work: Work): boolean {
    const cell = this.#cell
    if (work.type === 'own') return cell.control(work)
    if (cell.mailboxCount >= cell.mailboxCountMax) return false
    return cell.tell(work)
  }

  close(): void {
    this.#group.count--
    this.#cell.kill()
  }

  /** For the kernel, as the two below. */
  receive(work: Work): void | PromiseLike<void> {
    return this.#body.handle(work)
  }

  crashed(error: unknown, work: Work): void {
    const { kernel, random } = this.#group
    this.#body.crashed(work, error)
    const now = kernel.clock.monotonic()
    const isCalm = this.#crashes === 0 || now - this.#lastCrashAt > calmMs
    this.#crashes = isCalm ? 1 : this.#crashes + 1
    this.#lastCrashAt = now
    const cell = this.#cell
    cell.restart()
    const delayMs = backoffMs(restarts, this.#crashes - 1, random)
    // The first crash of a calm entity costs its neighbours in the mailbox nothing.
    if (this.#crashes === 1) cell.resume()
    else kernel.clock.after(delayMs, () => cell.resume())
  }

  undelivered(work: Work): boolean {
    this.#body.left(work)
    return true
  }
}

/** Opens the cells of one kind below `parent`. */
export const entityCells = (
  options: EntityCellsOptions,
  spec: EntitiesData,
  parent: () => Cell<any> | undefined,
) => {
  const { kernel, random } = options
  const countMax = spec.kind.limits.mailboxCountMax ?? options.mailboxCountMax
  const group: Group = { kernel, random, rules: kernel.rulesOf({ countMax }), count: 0 }
  const open = (body: EntityBody): EntityCell | undefined => {
    const place = parent()
    const isOpen = place === undefined || place.status === 'running' || place.status === 'suspended'
    if (!isOpen || group.count >= spec.countMax) return undefined
    group.count++
    return new EntityRunner(group, body, place)
  }
  return { open, count: () => group.count }
}
