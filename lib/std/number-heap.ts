/** Numbers, the smallest first. `push` and `pop` are O(log n). */
export class NumberHeap {
  private readonly entries: number[] = []

  get size(): number {
    return this.entries.length
  }

  /** The smallest, left where it is. */
  get first(): number | undefined {
    return this.entries[0]
  }

  push(value: number): void {
    const { entries } = this
    let i = entries.length
    while (i > 0) {
      const up = (i - 1) >> 1
      const above = entries[up] as number
      if (above <= value) break
      entries[i] = above
      i = up
    }
    entries[i] = value
  }

  /** Takes the smallest; `undefined` when there is none. */
  pop(): number | undefined {
    const { entries } = this
    const first = entries[0]
    const last = entries.pop()
    if (last === undefined || entries.length === 0) return first
    let i = 0
    for (;;) {
      let down = 2 * i + 1
      if (down >= entries.length) break
      const right = entries[down + 1]
      if (right !== undefined && right < (entries[down] as number)) down++
      const below = entries[down] as number
      if (last <= below) break
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
