interface Slot<T> {
  number: number
  item: T | undefined
}

/**
 * Things that are known by a number for a short while, such as asks that wait for their answer. A number is
 * never used twice.
 *
 * Cost: each operation O(1). What was removed leaves nothing behind that the garbage collector would have to
 * move: a `Map` under the same load keeps replacing its tables, and old tables keep alive what they held.
 */
export class Slots<T> {
  readonly #slots: Slot<T>[] = []
  readonly #free: Slot<T>[] = []
  /** A number is a slot's index plus a multiple of this. */
  readonly #stride: number
  #size = 0

  /** Limits: at most `countMax` at a time; the caller sees to it. */
  constructor(countMax: number) {
    this.#stride = 2 ** Math.ceil(Math.log2(countMax + 1))
  }

  get size(): number {
    return this.#size
  }

  add(item: T): number {
    this.#size++
    const free = this.#free.pop()
    if (free !== undefined) {
      free.item = item
      return free.number
    }
    const number = this.#slots.length
    this.#slots.push({ number, item })
    return number
  }

  get(number: number): T | undefined {
    const slot = this.#slots[number % this.#stride]
    return slot?.number === number ? slot.item : undefined
  }

  remove(number: number): void {
    const slot = this.#slots[number % this.#stride]
    if (slot?.number !== number || slot.item === undefined) return
    slot.item = undefined
    slot.number += this.#stride
    this.#free.push(slot)
    this.#size--
  }

  values(): T[] {
    const items: T[] = []
    for (const { item } of this.#slots) if (item !== undefined) items.push(item)
    return items
  }
}
