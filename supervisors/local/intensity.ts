/**
 * Counts one more restart at `now` (monotonic milliseconds) and forgets those older than `periodMs`; one
 * exactly that old still counts. False: this is more than `intensity` within the period.
 *
 * `restarts` is changed in place and never holds more than `intensity + 1` times.
 */
export const countRestart = (
  restarts: number[],
  intensity: number,
  periodMs: number,
  now: number,
): boolean => {
  let old = 0
  while (old < restarts.length && now - (restarts[old] as number) > periodMs) old++
  restarts.splice(0, old)
  restarts.push(now)
  if (restarts.length <= intensity) return true
  restarts.splice(0, restarts.length - intensity - 1)
  return false
}
