/**
 * Which earlier commands a command of the script must wait for, found by what it touches, not by what comes
 * of it: whoever changes a thing waits for all who used it since its last change, whoever uses it for the
 * change alone.
 */
export interface Footprint {
  readonly uses?: readonly string[]
  readonly changes?: readonly string[]
}

interface Thing {
  changedBy: Touch | undefined
  usedBy: Touch[]
}
interface Touch {
  readonly n: number
  readonly player: string
}

/** Remembers who touched what. */
export class Footprints {
  private readonly things = new Map<string, Thing>()

  /** Enters a command and returns those of other players that it waits for, the latest of each player. */
  enter(command: Touch, footprint: Footprint): number[] {
    const waits = new Map<string, number>()
    const wait = (touch: Touch | undefined): void => {
      if (touch === undefined || touch.player === command.player) return
      waits.set(touch.player, Math.max(touch.n, waits.get(touch.player) ?? 0))
    }
    for (const name of footprint.uses ?? []) {
      const thing = this.thing(name)
      wait(thing.changedBy)
      thing.usedBy = [...thing.usedBy.filter((touch) => touch.player !== command.player), command]
    }
    for (const name of footprint.changes ?? []) {
      const thing = this.thing(name)
      wait(thing.changedBy)
      thing.usedBy.forEach(wait)
      this.things.set(name, { changedBy: command, usedBy: [] })
    }
    return [...waits.values()].sort((a, b) => a - b)
  }

  private thing(name: string): Thing {
    const known = this.things.get(name)
    if (known !== undefined) return known
    const fresh: Thing = { changedBy: undefined, usedBy: [] }
    this.things.set(name, fresh)
    return fresh
  }
}
