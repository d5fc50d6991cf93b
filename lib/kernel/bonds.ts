import type { Down, ExitReason, Life } from '../api/exit.js'
import type { LinkRules, Signal } from './links-state.js'

/** An actor that can be linked to and monitored. */
export interface Bound {
  /** What its present life is tied to; undefined when nobody lives there. */
  bonds(): Bonds | undefined
  /** As others see its last or present life. */
  life(): Life
  /** What reaches it of an exit. */
  signalled(signal: Signal, from: Life): void
}

/** One monitor. */
interface Watch {
  readonly target: Bonds
  readonly watcher: Bonds | undefined
  readonly tell: (down: Down) => void
  isOver: boolean
}

/** What one life of an actor is tied to. Made with the first link or monitor; most lives have none. */
export class Bonds {
  /** How many links there are to each; the rules say one. */
  private readonly links = new Map<Bonds, number>()
  private readonly watchedBy = new Set<Watch>()
  private readonly watches = new Set<Watch>()
  private readonly afterwards = new Set<() => void>()
  private isOver = false

  constructor(
    readonly owner: Bound,
    private readonly rules: LinkRules,
  ) {}

  link(other: Bonds): void {
    this.count(other, this.rules.linked(this.links.get(other) ?? 0))
  }

  unlink(other: Bonds): void {
    if (this.links.has(other)) this.count(other, this.rules.unlinked(this.links.get(other) ?? 0))
  }

  /** Calls `tell` once when the life of `target` ends, unless that of `watcher` ended before. */
  static watch(target: Bonds, watcher: Bonds | undefined, tell: (down: Down) => void): () => void {
    const watch: Watch = { target, watcher, tell, isOver: false }
    target.watchedBy.add(watch)
    watcher?.watches.add(watch)
    return () => {
      watch.isOver = true
      target.watchedBy.delete(watch)
      watcher?.watches.delete(watch)
    }
  }

  /** Runs when this life is over, unless what it returns was called before. */
  whenOver(run: () => void): () => void {
    this.afterwards.add(run)
    return () => this.afterwards.delete(run)
  }

  /** The life is over, and tied to nothing any more. Who was tied to it hears that from what this returns. */
  end(life: Life, reason: ExitReason): () => void {
    this.isOver = true
    for (const run of this.afterwards) run()
    this.afterwards.clear()
    for (const watch of this.watches) {
      watch.isOver = true
      watch.target.watchedBy.delete(watch)
    }
    const linked = [...this.links.keys()]
    const watchers = [...this.watchedBy]
    for (const other of linked) other.links.delete(this)
    for (const watch of watchers) watch.watcher?.watches.delete(watch)
    this.watches.clear()
    this.links.clear()
    this.watchedBy.clear()
    return () => {
      for (const watch of watchers) {
        if (watch.isOver || watch.watcher?.isOver === true) continue
        watch.isOver = true
        watch.tell({ ...life, reason })
      }
      for (const other of linked)
        if (!other.isOver) other.owner.signalled({ by: 'link', reason, isOwn: false }, life)
    }
  }

  private count(other: Bonds, count: number): void {
    if (count > 0) {
      this.links.set(other, count)
      other.links.set(this, count)
    } else {
      this.links.delete(other)
      other.links.delete(this)
    }
  }
}
