/** Names as people write them: what was meant, and complaints as one text. */

const distance = (a: string, b: string): number => {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1]?.toLowerCase() === b[j - 1]?.toLowerCase() ? 0 : 1)
      next[j] = Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1)
    }
    row = next
  }
  return row[b.length] ?? 0
}

/** Of `names`, the one that `text` was most likely meant to be; undefined when none is near. */
export const nearestName = (text: string, names: readonly string[]): string | undefined => {
  const near = names
    .map((name) => ({ name, changes: distance(text, name) }))
    .filter(({ name, changes }) => changes <= Math.max(1, Math.max(text.length, name.length) / 3))
  return near.sort((a, b) => a.changes - b.changes)[0]?.name
}

/** What to say after a name that is not known: the one that was meant, else where to look. */
export const namesInstead = (text: string, names: readonly string[], otherwise: string): string => {
  const nearest = nearestName(text, names)
  return nearest === undefined ? otherwise : `did you mean "${nearest}"?`
}

/** All complaints as one text, with one mark after each. */
export const sentenceOf = (complaints: readonly string[]): string =>
  complaints
    .map((one, i) => (/[.?!]$/.test(one) ? one : one + (i === complaints.length - 1 ? '.' : ';')))
    .join(' ')
