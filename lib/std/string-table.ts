import { hash32 } from './hash.js'

/** Something that is found by its key. The fields belong to its table. */
export interface Keyed<T> {
  readonly key: string
  hash: number
  next: T | undefined
}

const firstBuckets = 8

/**
 * Things by their keys, for tables that gain and lose one all the time. Cost: each operation O(1).
 *
 * A `Map` under the same load keeps replacing its insides. Each replaced one refers to the next, so that one
 * of them that has grown old keeps alive all that came after it, and the garbage collector moves it again and
 * again: half of the time of a busy actor, until a full collection.
 */
export class StringTable<T extends Keyed<T>> {
  #buckets: (T | undefined)[] = new Array<undefined>(firstBuckets).fill(undefined)
  #size = 0

  get size(): number {
    return this.#size
  }

  get(key: string): T | undefined {
    const hash = hash32(key)
    let item = this.#buckets[hash & (this.#buckets.length - 1)]
    while (item !== undefined && (item.hash !== hash || item.key !== key)) item = item.next
    return item
  }

  /** Nothing with its key may be there: see `get`. */
  add(item: T): void {
    if (this.#size >= this.#buckets.length) this.#grow()
    item.hash = hash32(item.key)
    this.#put(item)
    this.#size++
  }

  /** Of something that is in this table. */
  delete(item: T): void {
    const at = item.hash & (this.#buckets.length - 1)
    let before = this.#buckets[at]
    if (before === item) this.#buckets[at] = item.next
    else {
      while (before !== undefined && before.next !== item) before = before.next
      if (before === undefined) return
      before.next = item.next
    }
    // What is out must not keep alive what is in.
    item.next = undefined
    this.#size--
  }

  values(): readonly T[] {
    const items: T[] = []
    for (const first of this.#buckets)
      for (let item = first; item !== undefined; item = item.next) items.push(item)
    return items
  }

  clear(): void {
    this.#buckets = new Array<undefined>(firstBuckets).fill(undefined)
    this.#size = 0
  }

  #put(item: T): void {
    const at = item.hash & (this.#buckets.length - 1)
    item.next = this.#buckets[at]
    this.#buckets[at] = item
  }

  #grow(): void {
    const items = this.values()
    this.#buckets = new Array<undefined>(this.#buckets.length * 2).fill(undefined)
    for (const item of items) this.#put(item)
  }
}
