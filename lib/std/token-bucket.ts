/**
 * A rate limit: `perSecond` tokens come in evenly, up to `countMax` may lie there for a burst.
 * Pure: `now` is monotonic milliseconds, and time that runs backwards brings nothing.
 */
export interface TokenBucket {
  readonly perSecond: number
  readonly countMax: number
}

export interface Tokens {
  readonly count: number
  readonly at: number
}

/** A full bucket at `now`. */
export const fullBucket = (bucket: TokenBucket, now: number): Tokens => ({ count: bucket.countMax, at: now })

const refilled = (bucket: TokenBucket, tokens: Tokens, now: number): Tokens => {
  const elapsedMs = Math.max(0, now - tokens.at)
  const count = Math.min(bucket.countMax, tokens.count + (elapsedMs * bucket.perSecond) / 1000)
  return { count, at: Math.max(tokens.at, now) }
}

/** Takes `wanted` tokens or none of them. */
export const takeTokens = (
  bucket: TokenBucket,
  tokens: Tokens,
  now: number,
  wanted = 1,
): readonly [isTaken: boolean, left: Tokens] => {
  const there = refilled(bucket, tokens, now)
  return there.count >= wanted ? [true, { ...there, count: there.count - wanted }] : [false, there]
}

/** Milliseconds until `wanted` tokens will lie there; Infinity when they never will. */
export const tokensDueMs = (bucket: TokenBucket, tokens: Tokens, now: number, wanted = 1): number => {
  if (wanted > bucket.countMax) return Number.POSITIVE_INFINITY
  const missing = wanted - refilled(bucket, tokens, now).count
  return missing <= 0 ? 0 : (missing * 1000) / bucket.perSecond
}
