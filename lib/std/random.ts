/** The only source of chance. Shells receive one; a simulation passes a seeded one. */
export interface Random {
  /** A number in [0, 1). */
  next(): number
}

/** A whole number in [0, below). */
export const below = (random: Random, limit: number): number => Math.floor(random.next() * limit)

/** A name that is not used twice: `bytes` random bytes as hex. */
export const token = (random: Random, bytes = 8): string => {
  let text = ''
  for (let i = 0; i < bytes; i++) text += below(random, 256).toString(16).padStart(2, '0')
  return text
}

/** The same seed gives the same numbers on every machine (mulberry32). */
export const seededRandom = (seed: number): Random => {
  let s = seed >>> 0
  return {
    next: () => {
      s = (s + 0x6d2b79f5) >>> 0
      let t = Math.imul(s ^ (s >>> 15), 1 | s)
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
      return ((t ^ (t >>> 14)) >>> 0) / 4294967296
    },
  }
}
