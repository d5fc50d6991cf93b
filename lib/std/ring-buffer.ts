const capacityMin = 4

/**
 * A first-in first-out buffer with a bound: mailboxes and the dispatcher's own line are made of it.
 *
 * Terms: `countMax` is the most it holds, 1 or more. `T` must not include
 * `undefined`, which means "nothing there".
 *
 * Guarantees: items leave in the order they came. An item that left is not kept alive.
 *
 * Limits: `push` and `shift` are O(1), amortised over growth by doubling. An unused buffer holds no slots at
 * all; one that had a burst gives its slots back when later rounds need less than a quarter of them.
 */
export class RingBuffer<T> {
  private slots: (T | undefined)[] = []
  private mask = -1
  private head = 0
  private count = 0
  private peak = 0

  constructor(readonly countMax: number = Number.MAX_SAFE_INTEGER) {}

  get size(): number {
    return this.count
  }

  /** Adds at the end. False, and nothing changed, when `countMax` items are there. */
  push(item: T): boolean {
    const count = this.count
    if (count > this.mask) {
      if (count >= this.countMax) return false
      this.resize(Math.max(capacityMin, this.slots.length * 2))
    } else if (count >= this.countMax) return false
    this.slots[(this.head + count) & this.mask] = item
    this.count = count + 1
    return true
  }

  /** Adds at the end also when `countMax` items are there. */
  append(item: T): void {
    const count = this.count
    if (count > this.mask) this.resize(Math.max(capacityMin, this.slots.length * 2))
    this.slots[(this.head + count) & this.mask] = item
    this.count = count + 1
  }

  /** Takes the youngest item; `undefined` when there is none. */
  pop(): T | undefined {
    if (this.count === 0) return undefined
    const at = (this.head + this.count - 1) & this.mask
    const item = this.slots[at]
    this.slots[at] = undefined
    this.count--
    return item
  }

  /** Takes the oldest item; `undefined` when there is none. */
  shift(): T | undefined {
    const count = this.count
    if (count === 0) return undefined
    const head = this.head
    const item = this.slots[head]
    this.slots[head] = undefined
    this.head = (head + 1) & this.mask
    this.count = count - 1
    // As small as it can be there is nothing to give back.
    if (this.mask >= capacityMin) this.left(count)
    return item
  }

  /** The oldest item, left where it is. */
  peek(): T | undefined {
    return this.count === 0 ? undefined : this.slots[this.head]
  }

  /** The item at `index`, 0 being the oldest. */
  at(index: number): T | undefined {
    return index < 0 || index >= this.count ? undefined : this.slots[(this.head + index) & this.mask]
  }

  /** Puts an item before all others: for one that was taken and could not be handled yet. */
  unshift(item: T): boolean {
    if (this.count >= this.countMax) return false
    if (this.count > this.mask) this.resize(Math.max(capacityMin, this.slots.length * 2))
    this.head = (this.head - 1) & this.mask
    this.slots[this.head] = item
    this.count++
    return true
  }

  /** Takes everything, oldest first. */
  drain(): T[] {
    const items: T[] = []
    for (let item = this.shift(); item !== undefined; item = this.shift()) items.push(item)
    return items
  }

  /** One of `count` items left. */
  private left(count: number): void {
    if (count > this.peak) this.peak = count
    if (count > 1) return
    if (this.peak * 4 <= this.slots.length) this.resize(this.slots.length / 2)
    this.peak = 0
  }

  private resize(capacity: number): void {
    const slots: (T | undefined)[] = new Array<T | undefined>(capacity)
    for (let i = 0; i < capacity; i++) {
      slots[i] = i < this.count ? this.slots[(this.head + i) & this.mask] : undefined
    }
    this.slots = slots
    this.mask = capacity - 1
    this.head = 0
  }
}
