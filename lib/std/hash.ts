/**
 * The hashes of the runtime. They decide where every entity lives, so they are frozen: the vectors in
 * `test/lib/std/hash.ts` must never change, or nodes of two versions would disagree on every owner.
 */

/**
 * Spreads 32 bits over 32 bits so that each input bit touches each output bit
 * (murmur3's finalizer); a bijection.
 */
export const mix32 = (value: number): number => {
  let x = value
  x ^= x >>> 16
  x = Math.imul(x, 0x85ebca6b)
  x ^= x >>> 13
  x = Math.imul(x, 0xc2b2ae35)
  x ^= x >>> 16
  return x >>> 0
}

/** The 32-bit hash of a text: FNV-1a over its UTF-16 code units, then `mix32`. Linear in its length. */
export const hash32 = (text: string): number => {
  let x = 0x811c9dc5
  for (let i = 0; i < text.length; i++) {
    x ^= text.charCodeAt(i)
    x = Math.imul(x, 0x01000193)
  }
  return mix32(x)
}

/** Joins two hashes into one; the order matters. */
export const combine32 = (left: number, right: number): number =>
  mix32(Math.imul(left, 0x9e3779b1) + (right ^ (right >>> 15)) + 0x7f4a7c15)
