/**
 * Checks that cost too much for production: frozen messages and states, so that a change in place is
 * noticed.
 */

const isFreezable = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Object.isFrozen(value)

/**
 * Data only: sockets, maps and other instances are left alone, and so are byte arrays, which cannot be
 * frozen.
 */
const isData = (value: object): boolean => {
  if (Array.isArray(value)) return true
  const proto: unknown = Object.getPrototypeOf(value)
  return proto === Object.prototype || proto === null
}

/** Freezes plain data to its depth and gives it back. */
export const deepFreeze = <A>(value: A): A => {
  if (!isFreezable(value) || !isData(value)) return value
  Object.freeze(value)
  for (const part of Object.values(value)) deepFreeze(part)
  return value
}

/** One object, so that the constructors read a property and no live binding. */
export const freezing = { on: false, deep: deepFreeze }

/**
 * Switches freezing on or off for this process. A node that runs with diagnostics holds it on; the switch
 * counts, because several nodes share one process. The returned function releases it once.
 */
export const holdFreezing = (): (() => void) => {
  holders++
  freezing.on = true
  let held = true
  return () => {
    if (!held) return
    held = false
    holders--
    freezing.on = holders > 0
  }
}
let holders = 0
