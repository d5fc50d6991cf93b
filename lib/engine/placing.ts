/** What the kinds of a node say of their places. */
import type { KindData } from '../api/kind.js'
import type { Placing } from '../ownership/places.js'
import { placement } from '../placement/strategy.js'

/** By the name of a kind; undefined for one that this node does not know. */
export const placingOf = (kinds: readonly KindData[]): ((kind: string) => Placing | undefined) => {
  const placings = new Map<string, Placing>()
  for (const { kind, placement: strategy = placement.weighted, placementGroup } of kinds) {
    const siblings =
      placementGroup === undefined
        ? []
        : kinds.filter((one) => one.placementGroup === placementGroup && one.kind !== kind)
    placings.set(kind, {
      strategy,
      group: placementGroup ?? kind,
      siblings: siblings.map((one) => one.kind),
    })
  }
  return (kind) => placings.get(kind)
}
