/** Values as text for people. */

const unshowable = 'something that has no text'

/** What was thrown, in a few words. Never throws, whatever was thrown. */
export const textOfThrown = (thrown: unknown): string => {
  try {
    return String(thrown instanceof Error ? thrown.message : thrown)
  } catch {
    return unshowable
  }
}

/** As `String`, but never throws. */
export const textOf = (value: unknown): string => {
  try {
    return String(value)
  } catch {
    return unshowable
  }
}
