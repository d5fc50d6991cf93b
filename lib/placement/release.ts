/** Which of two releases is newer. Pure. */

/** The numbers of `1.2.3-rc.4`, and whether it is before its final release. */
const partsOf = (release: string): { readonly numbers: readonly number[]; readonly isBefore: boolean } => {
  const [final = '', before] = release.split(/-(.*)/s)
  const numbers = `${final}.${before ?? ''}`.split(/[^0-9]+/).filter((part) => part !== '')
  return { numbers: numbers.map(Number), isBefore: before !== undefined }
}

/** Above 0 when `a` is newer than `b`; texts that are no releases compare by the numbers in them. */
const compareReleases = (a: string, b: string): number => {
  if (a === b) return 0
  const [mine, theirs] = [partsOf(a), partsOf(b)]
  for (let i = 0; i < 3; i++) {
    const difference = (mine.numbers[i] ?? 0) - (theirs.numbers[i] ?? 0)
    if (difference !== 0) return difference
  }
  if (mine.isBefore !== theirs.isBefore) return mine.isBefore ? -1 : 1
  const [last, other] = [mine.numbers[3] ?? 0, theirs.numbers[3] ?? 0]
  return last !== other ? last - other : a < b ? -1 : 1
}

/** Those of the newest release among them; the same array when all are of one. */
export const ofNewestRelease = <M extends { readonly release: string }>(
  members: readonly M[],
): readonly M[] => {
  let newest = members[0]?.release
  let isMixed = false
  for (const { release } of members) {
    if (newest === undefined || release === newest) continue
    isMixed = true
    if (compareReleases(release, newest) > 0) newest = release
  }
  return isMixed ? members.filter(({ release }) => release === newest) : members
}
