/** What this Node must be. The launcher's door loads this file alone before anything else. */

const [majorMin, minorMin] = [20, 19]

/** The sentence for a Node that is too old, such as 18.20.4; undefined for one that can run the rest. */
export const tooOld = (version: string): string | undefined => {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major > majorMin || (major === majorMin && minor >= minorMin)) return undefined
  return `tumen needs Node ${majorMin}.${minorMin} or newer; this is Node ${version}.`
}
