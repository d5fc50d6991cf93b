/**
 * Writing to and reading from bytes: whole numbers as varints, text as UTF-8 with its length in front. The
 * writer grows; the reader throws `Malformed` instead of reading beyond its end, and its callers turn that
 * into a value.
 */

/** Thrown by a reader on input that no writer here has written. */
export class Malformed extends Error {}

/** Thrown by a writer on a number or value that cannot travel. */
export class NotWritable extends Error {}

const startBytes = 4_096
/** For longer text the buffer's own writing is quicker. */
const shortCharsMax = 40
/** A buffer that grew beyond this is let go after use. */
const keptBytesMax = 1 << 20
const keptBuffersMax = 64
const kept: Buffer[] = []

export class Writer {
  buf: Buffer = kept.pop() ?? Buffer.allocUnsafeSlow(startBytes)
  at = 0

  /** Gives the buffer back for the next writer; this one must not be used afterwards. */
  release(): void {
    if (this.buf.length <= keptBytesMax && kept.length < keptBuffersMax) kept.push(this.buf)
  }

  ensure(more: number): void {
    const need = this.at + more
    if (need <= this.buf.length) return
    const grown = Buffer.allocUnsafeSlow(Math.max(need, this.buf.length * 2))
    this.buf.copy(grown, 0, 0, this.at)
    this.buf = grown
  }

  u8(value: number): void {
    this.ensure(1)
    this.buf[this.at++] = value
  }

  u32(value: number): void {
    this.ensure(4)
    this.at = this.buf.writeUInt32LE(value, this.at)
  }

  f64(value: number): void {
    this.ensure(8)
    this.at = this.buf.writeDoubleBE(value, this.at)
  }

  /** A whole number from 0 to 2^53 - 1, in seven bits per byte, lowest first. */
  varint(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0)
      throw new NotWritable(`${value} is not a whole number from 0`)
    this.ensure(8)
    const { buf } = this
    let rest = value
    while (rest > 0x7fffffff) {
      buf[this.at++] = (rest % 128) | 0x80
      rest = Math.floor(rest / 128)
    }
    while (rest > 127) {
      buf[this.at++] = (rest & 127) | 0x80
      rest >>>= 7
    }
    buf[this.at++] = rest
  }

  text(value: string): void {
    const chars = value.length
    this.ensure(chars * 3 + 8)
    // Three bytes per character at most, so the length fits into one.
    const short = this.short(value, this.at + 1)
    if (short >= 0) {
      this.buf[this.at] = short
      this.at += short + 1
      return
    }
    const bytes = Buffer.byteLength(value)
    this.varint(bytes)
    this.at += this.buf.write(value, this.at, bytes, 'utf8')
  }

  /**
   * Writes short text in place, without moving, and returns its bytes; -1 when it is long or has characters
   * outside the basic plane.
   */
  short(value: string, from: number): number {
    const chars = value.length
    if (chars > shortCharsMax) return -1
    const { buf } = this
    let at = from
    for (let i = 0; i < chars; i++) {
      const code = value.charCodeAt(i)
      if (code < 0x80) buf[at++] = code
      else if (code < 0x800) {
        buf[at++] = 0xc0 | (code >> 6)
        buf[at++] = 0x80 | (code & 63)
      } else if (code < 0xd800 || code > 0xdfff) {
        buf[at++] = 0xe0 | (code >> 12)
        buf[at++] = 0x80 | ((code >> 6) & 63)
        buf[at++] = 0x80 | (code & 63)
      } else return -1
    }
    return at - from
  }

  /** The bytes from `start` on, as a copy of its own. */
  copy(start = 0): Buffer {
    const bytes = Buffer.allocUnsafe(this.at - start)
    this.buf.copy(bytes, 0, start, this.at)
    return bytes
  }
}

const wordBytesMax = 32
const wordsCount = 4_096
const words: (string | undefined)[] = new Array<string | undefined>(wordsCount)

/** Reads `bytes` from `at` up to `end`. */
export class Reader {
  readonly buf: Buffer
  at: number
  end: number

  constructor(bytes: Uint8Array) {
    this.buf = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.at = 0
    this.end = bytes.byteLength
  }

  /** Moves over `count` bytes and returns where they begin. */
  take(count: number): number {
    const from = this.at
    if (count > this.end - from) throw new Malformed(`ends at byte ${this.end}, ${count} more expected`)
    this.at = from + count
    return from
  }

  u8(): number {
    if (this.at >= this.end) throw new Malformed(`ends at byte ${this.end}, 1 more expected`)
    return this.buf[this.at++] as number
  }

  u32(): number {
    return this.buf.readUInt32LE(this.take(4))
  }

  f64(): number {
    return this.buf.readDoubleBE(this.take(8))
  }

  varint(): number {
    let byte = this.u8()
    if (byte < 128) return byte
    let value = byte & 127
    let scale = 128
    do {
      byte = this.u8()
      value += (byte & 127) * scale
      scale *= 128
    } while (byte > 127 && scale < 2 ** 56)
    if (byte > 127 || !Number.isSafeInteger(value))
      throw new Malformed(`a number before byte ${this.at} is too large`)
    return value
  }

  text(): string {
    return this.chars(this.varint())
  }

  /** As `text`, for words that come again and again: a word seen before costs no new string. */
  word(): string {
    return this.cachedChars(this.varint())
  }

  chars(bytes: number): string {
    const from = this.take(bytes)
    return this.buf.toString('utf8', from, this.at)
  }

  cachedChars(bytes: number): string {
    if (bytes > wordBytesMax) return this.chars(bytes)
    const from = this.take(bytes)
    const { buf } = this
    let hash = bytes
    for (let i = from; i < this.at; i++) hash = Math.imul(hash, 31) + (buf[i] as number)
    const slot = (hash ^ (hash >>> 12)) & (wordsCount - 1)
    const word = words[slot]
    if (word !== undefined && word.length === bytes) {
      let i = 0
      while (i < bytes && word.charCodeAt(i) === buf[from + i]) i++
      if (i === bytes) return word
    }
    const fresh = buf.toString('utf8', from, this.at)
    // Only ASCII is kept: for it alone the comparison of characters with bytes above is right.
    if (fresh.length === bytes) words[slot] = fresh
    return fresh
  }
}
