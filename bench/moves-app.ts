/** What the benches of moving entities share: notes on several nodes, and asks that keep going meanwhile. */
import type { TumenNode } from '../supervisors/index.js'
import { keepGoing } from './far.js'
import { Note, NoteId, text } from './far-tree.js'

const write = (node: TumenNode, i: number): Promise<string> =>
  node.ref(Note, NoteId(`note-${i}`)).ask(Note.Write({ text }), { timeoutMs: 20_000 })

/** Begins `count` entities, so many at a time. */
export const beginNotes = (node: TumenNode, count: number): Promise<number> =>
  keepGoing(512, count, (i) => write(node, i))

export interface Load {
  readonly count: number
  readonly failed: number
  /** Of the answers since the last look, in milliseconds. */
  readonly p99Ms: number
  readonly longestMs: number
}

/** Asks evenly over time, `perSecond` of them, over all entities, until it ends. */
export class Loader {
  readonly #node: TumenNode
  readonly #count: number
  readonly #timer: NodeJS.Timeout
  #times: number[] = []
  #failed = 0
  #next = 0
  readonly #open = new Set<Promise<void>>()

  constructor(node: TumenNode, count: number, perSecond: number) {
    this.#node = node
    this.#count = count
    const stepMs = 10
    let due = 0
    let last = performance.now()
    this.#timer = setInterval(() => {
      const now = performance.now()
      due += ((now - last) * perSecond) / 1_000
      last = now
      for (; due >= 1; due--) this.#ask()
    }, stepMs)
  }

  /** What was seen since the last look. */
  look(): Load {
    const times = this.#times.sort((a, b) => a - b)
    this.#times = []
    const failed = this.#failed
    this.#failed = 0
    return {
      count: times.length,
      failed,
      p99Ms: times[Math.floor(times.length * 0.99)] ?? 0,
      longestMs: times.at(-1) ?? 0,
    }
  }

  async end(): Promise<Load> {
    clearInterval(this.#timer)
    await Promise.all(this.#open)
    return this.look()
  }

  #ask(): void {
    // A step that meets all of them, and not in the order of their shards.
    this.#next = (this.#next + 7_919) % this.#count
    const startedAt = performance.now()
    const one = write(this.#node, this.#next)
      .then(
        () => this.#times.push(performance.now() - startedAt),
        () => {
          this.#failed++
        },
      )
      .then(() => {
        this.#open.delete(one)
      })
    this.#open.add(one)
  }
}
