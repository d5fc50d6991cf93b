const isPlain = (value: object): boolean => {
  const proto: unknown = Object.getPrototypeOf(value)
  return proto === Object.prototype || proto === null || Array.isArray(value)
}

/**
 * Whether two values of plain data are equal, whatever the order of their fields. Of maps, sets and the like
 * it is only known when they are one and the same.
 */
export const sameData = (a: unknown, b: unknown): boolean => {
  if (Object.is(a, b)) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (a instanceof Uint8Array && b instanceof Uint8Array)
    return a.length === b.length && a.every((byte, i) => byte === b[i])
  if (!isPlain(a) || !isPlain(b) || Array.isArray(a) !== Array.isArray(b)) return false
  const fields = Object.keys(a)
  if (fields.length !== Object.keys(b).length) return false
  const [mine, theirs] = [a, b] as [Record<string, unknown>, Record<string, unknown>]
  return fields.every((name) => Object.hasOwn(theirs, name) && sameData(mine[name], theirs[name]))
}
