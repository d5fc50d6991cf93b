import type { Action } from '../api/act.js'
import type { Down, ExitReason, FarDown, MonitorOptions } from '../api/exit.js'
import type { MessageData } from '../api/internal.js'
import type { Subscription, TumenNode } from '../api/node-types.js'
import type { AskOptions } from '../api/refs.js'
import { lifeOver, notLocal } from './actor-misuse.js'
import { Bonds, type Bound } from './bonds.js'
import { noproc } from './exit-reason.js'
import type { Kernel } from './kernel.js'
import { LocalActorRef, type Referred } from './local-ref.js'

/** Anything that can be sent to. */
interface Target {
  tell(message: MessageData): void
  ask(message: MessageData, options?: AskOptions): Promise<unknown>
}

interface FarMonitor {
  readonly bonds: Bonds
  readonly tell: (down: FarDown) => MessageData
  readonly options: MonitorOptions | undefined
}

const isTarget = (given: MessageData | Target): given is Target =>
  typeof (given as Partial<Target>).ask === 'function'

/** Calls `tell` once when the life behind `ref` ends; at once, with `noproc`, when there is none. */
export const monitorRef = (
  ref: unknown,
  tell: (down: Down) => void,
  watcher?: { readonly bonds: Bonds; readonly kernel: Kernel },
): Subscription => {
  const bound = boundOf(ref, watcher === undefined ? 'node.monitor' : 'self.monitor', watcher?.kernel)
  const target = bound.bonds()
  if (target !== undefined) return { unsubscribe: Bonds.watch(target, watcher?.bonds, tell) }
  tell({ ...bound.life(), reason: noproc })
  return { unsubscribe: () => undefined }
}

/** Watches an actor of node `node` for somebody elsewhere; null when nobody lives there. */
export const watchLocal = (
  node: string,
  actor: Bound | undefined,
  tell: (reason: ExitReason) => void,
): { readonly life: string; readonly cancel: () => void } | null => {
  const target = actor?.bonds()
  if (actor === undefined || target === undefined) return null
  const cancel = Bonds.watch(target, undefined, ({ reason }) => tell(reason))
  return { life: `${node}/${actor.life().incarnation}`, cancel }
}

/**
 * What the handlers of one life of an actor get as `self`: the api's `Self` without its types. The first
 * one is also the actor's ref.
 */
export class LocalSelf extends LocalActorRef {
  private readonly incarnation: number

  constructor(actor: Referred) {
    super(actor)
    this.incarnation = actor.cell.incarnation
  }

  get node(): TumenNode {
    return this.actor.outside.node
  }
  get now(): number {
    return this.actor.kernel.clock.now()
  }
  /** Only in the handler of an ask: for an answer later. */
  get asked(): { readonly asked: string } {
    return { asked: this.actor.askedNow() }
  }
  /** For a persistent behavior, which remembers what it answered. */
  get reqId(): string | undefined {
    return this.actor.reqIdNow()
  }
  get remainingMs(): number {
    return this.actor.remainingMs()
  }

  override tell(message: MessageData): void
  override tell(to: Target, message: MessageData): void
  override tell(to: MessageData | Target, message?: MessageData): void {
    if (message === undefined) super.tell(to as MessageData)
    else this.inItsName(() => (to as Target).tell(message))
  }

  override ask(message: MessageData, options?: AskOptions): Promise<unknown>
  override ask(to: Target, message: MessageData, options?: AskOptions): Promise<unknown>
  override ask(
    to: MessageData | Target,
    message?: MessageData | AskOptions,
    options?: AskOptions,
  ): Promise<unknown> {
    if (!isTarget(to)) return super.ask(to, message as AskOptions | undefined)
    const left = this.remainingMs
    const allowed = options?.timeoutMs ?? this.actor.kernel.limits.askTimeoutMs
    const timeoutMs = left < allowed ? Math.max(1, left) : allowed
    return this.inItsName(() => to.ask(message as MessageData, { ...options, timeoutMs }))
  }

  perform(...actions: readonly Action[]): void {
    this.checkLife()
    this.actor.perform(actions)
  }

  link(to: unknown): void {
    const mine = this.checkLife()
    const other = boundOf(to, 'self.link', this.actor.kernel)
    if (other === this.actor) return
    const theirs = other.bonds()
    if (theirs !== undefined) mine.link(theirs)
    else this.actor.signalled({ by: 'link', reason: noproc, isOwn: false }, other.life())
  }

  unlink(from: unknown): void {
    const mine = this.checkLife()
    const theirs = boundOf(from, 'self.unlink', this.actor.kernel).bonds()
    if (theirs !== undefined) mine.unlink(theirs)
  }

  exit(to: unknown, reason: ExitReason): void {
    this.checkLife()
    const other = boundOf(to, 'self.exit', this.actor.kernel)
    other.signalled({ by: 'exit', reason, isOwn: other === this.actor }, this.actor.life())
  }

  monitor(to: unknown, message: (down: never) => MessageData, options?: MonitorOptions): Subscription {
    const bonds = this.checkLife()
    const { cell, actor } = this
    const tell = message as (down: Down | FarDown) => MessageData
    if (LocalActorRef.actorOf(to as object) === undefined && isTarget(to as Target))
      return this.monitorFar(to as never, { bonds, tell, options })
    return monitorRef(to, (down) => void cell.append(tell(down)), { bonds, kernel: actor.kernel })
  }

  /** What lives elsewhere is watched by the node, for as long as this life lasts. */
  private monitorFar(to: never, { bonds, tell, options }: FarMonitor): Subscription {
    const { cell, actor } = this
    const far = actor.outside.node.monitor(
      to,
      (down: FarDown) => {
        if (down.reason.tag !== 'moved') forget()
        cell.append(tell(down))
      },
      options,
    )
    const forget = bonds.whenOver(() => far.unsubscribe())
    return {
      unsubscribe: () => {
        forget()
        far.unsubscribe()
      },
    }
  }

  /** For a persistent behavior, which goes on without. */
  snapshotFailed(error: unknown): void {
    const { ledger } = this.actor.kernel
    if (ledger.isHeard) ledger.emit({ tag: 'SnapshotFailed', path: this.cell.path, error })
  }

  /** A mailbox that holds its senders has to know whom, also after an await. */
  private inItsName<A>(send: () => A): A {
    const { dispatcher } = this.actor.kernel
    const before = dispatcher.current
    dispatcher.current = this.cell
    try {
      return send()
    } finally {
      dispatcher.current = before
    }
  }

  private checkLife(): Bonds {
    const bonds = this.cell.incarnation === this.incarnation ? this.actor.bonds() : undefined
    if (bonds === undefined) throw lifeOver(this.actor.address)
    return bonds
  }
}

const boundOf = (ref: unknown, used: string, kernel?: Kernel): Bound => {
  const bound = LocalActorRef.actorOf(ref as object)
  if (bound === undefined || (kernel !== undefined && bound.kernel !== kernel)) throw notLocal(used)
  return bound
}
