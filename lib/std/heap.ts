/** A priority queue: what comes first by `isBefore` leaves first. `push` and `pop` are O(log n). */
export class Heap<T extends NonNullable<unknown>> {
  private readonly entries: T[] = []

  constructor(private readonly isBefore: (a: T, b: T) => boolean) {}

  get size(): number {
    return this.entries.length
  }

  /** What leaves next, left where it is. */
  get first(): T | undefined {
    return this.entries[0]
  }

  push(entry: T): void {
    const { entries, isBefore } = this
    let i = entries.length
    while (i > 0) {
      const up = (i - 1) >> 1
      const above = entries[up] as T
      if (!isBefore(entry, above)) break
      entries[i] = above
      i = up
    }
    entries[i] = entry
  }

  /** Takes the first; `undefined` when there is none. */
  pop(): T | undefined {
    const { entries, isBefore } = this
    const first = entries[0]
    const last = entries.pop()
    if (last === undefined || entries.length === 0) return first
    let i = 0
    for (;;) {
      let down = 2 * i + 1
      if (down >= entries.length) break
      const right = entries[down + 1]
      if (right !== undefined && isBefore(right, entries[down] as T)) down++
      const below = entries[down] as T
      if (!isBefore(below, last)) break
      entries[i] = below
      i = down
    }
    entries[i] = last
    return first
  }

  clear(): void {
    this.entries.length = 0
  }
}
