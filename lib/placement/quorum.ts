/** Counting members: which side of a split has the larger part of them. */

/** The smallest number of members that is more than half of `count`. */
export const majorityOf = (count: number): number => Math.floor(count / 2) + 1

/**
 * Whether those present are the larger part of all members, by name.
 *
 * Guarantees: of two complementary halves of any membership exactly one has it. With an even number of them
 * and half of them present it is the half with the first name in alphabetical order. Nobody has it of an
 * empty membership. Names that are no members do not count.
 */
export const hasQuorum = (members: readonly string[], present: Iterable<string>): boolean => {
  const there = new Set(present)
  const all = new Set(members)
  let count = 0
  let first: string | undefined
  for (const name of all) {
    if (there.has(name)) count++
    if (first === undefined || name < first) first = name
  }
  if (count * 2 !== all.size) return count * 2 > all.size
  return first !== undefined && there.has(first)
}
