/**
 * What can travel, as bytes. The bytes are MessagePack, and only the part of it that `Wire` needs.
 *
 * What comes back is equal to what was sent, with these exceptions, which are all there are:
 *  - a property whose value is `undefined` is left out; everywhere else `undefined` stays `undefined`
 *  - half a surrogate pair in a string becomes U+FFFD
 *  - a Buffer comes back as a Uint8Array, always with bytes of its own
 *  - an object without prototype comes back with the usual one
 *
 * NaN, the infinities and -0 are kept. Everything else (functions, symbols, bigints, dates, maps, sets,
 * instances of classes, the key `__proto__`, more than `depthMax` levels) is refused where it is sent, with
 * the path to it.
 */
import * as E from 'fp-ts/lib/Either.js'
import { Malformed, NotWritable, Reader, Writer } from './bytes.js'
import type { Wire } from './envelope.js'

/** How many arrays and objects may lie inside each other. */
export const depthMax = 64

const isPlain = (value: object): boolean => {
  const proto: unknown = Object.getPrototypeOf(value)
  return proto === Object.prototype || proto === null
}

/** How a type writes its length: in the code itself up to `fixMax`, then in 16 bits, then in 32. */
interface Head {
  readonly fix: number
  readonly fixMax: number
  readonly code16: number
}
const stringHead: Head = { fix: 0xa0, fixMax: 31, code16: 0xda }
const bytesHead: Head = { fix: 0, fixMax: -1, code16: 0xc5 }
const arrayHead: Head = { fix: 0x90, fixMax: 15, code16: 0xdc }
const mapHead: Head = { fix: 0x80, fixMax: 15, code16: 0xde }

const writeHead = (w: Writer, count: number, { fix, fixMax, code16 }: Head): void => {
  w.ensure(5)
  if (count <= fixMax) w.buf[w.at++] = fix | count
  else if (count <= 0xffff) {
    w.buf[w.at] = code16
    w.at = w.buf.writeUInt16BE(count, w.at + 1)
  } else {
    w.buf[w.at] = code16 + 1
    w.at = w.buf.writeUInt32BE(count, w.at + 1)
  }
}

const writeString = (w: Writer, value: string): void => {
  const chars = value.length
  w.ensure(chars * 3 + 5)
  // With less than 32 characters the head is one byte, unless they take 32 bytes or more.
  const headBytes = chars < 32 ? 1 : 2
  const short = w.short(value, w.at + headBytes)
  if (short >= 0 && short < 32 === (headBytes === 1)) {
    if (headBytes === 1) w.buf[w.at] = 0xa0 | short
    else {
      w.buf[w.at] = 0xd9
      w.buf[w.at + 1] = short
    }
    w.at += short + headBytes
    return
  }
  const bytes = Buffer.byteLength(value)
  if (bytes > 31 && bytes < 256) {
    w.buf[w.at++] = 0xd9
    w.buf[w.at++] = bytes
  } else writeHead(w, bytes, stringHead)
  w.at += w.buf.write(value, w.at, bytes, 'utf8')
}

const writeNumber = (w: Writer, value: number): void => {
  w.ensure(9)
  const { buf } = w
  if (value >>> 0 === value && (value !== 0 || 1 / value > 0)) {
    if (value < 128) buf[w.at++] = value
    else if (value < 256) {
      buf[w.at++] = 0xcc
      buf[w.at++] = value
    } else if (value < 65_536) {
      buf[w.at] = 0xcd
      w.at = buf.writeUInt16BE(value, w.at + 1)
    } else {
      buf[w.at] = 0xce
      w.at = buf.writeUInt32BE(value, w.at + 1)
    }
  } else if (value >> 0 === value && value !== 0) {
    if (value >= -32) buf[w.at++] = value & 0xff
    else if (value >= -128) {
      buf[w.at++] = 0xd0
      buf[w.at++] = value & 0xff
    } else {
      buf[w.at] = 0xd2
      w.at = buf.writeInt32BE(value, w.at + 1)
    }
  } else {
    buf[w.at] = 0xcb
    w.at = buf.writeDoubleBE(value, w.at + 1)
  }
}

const writeBytes = (w: Writer, value: Uint8Array): void => {
  const bytes = value.byteLength
  w.ensure(bytes + 5)
  if (bytes < 256) {
    w.buf[w.at++] = 0xc4
    w.buf[w.at++] = bytes
  } else writeHead(w, bytes, bytesHead)
  w.buf.set(value, w.at)
  w.at += bytes
}

const writeObject = (w: Writer, value: object, depth: number): void => {
  if (value instanceof Uint8Array) return writeBytes(w, value)
  if (depth >= depthMax) throw new NotWritable('too deep')
  if (Array.isArray(value)) {
    writeHead(w, value.length, arrayHead)
    for (let i = 0; i < value.length; i++) writeWire(w, value[i] as Wire, depth + 1)
    return
  }
  if (!isPlain(value)) throw new NotWritable('not plain')
  writeFields(w, value as Record<string, Wire>, depth)
}

/** Makes no list of the fields: this runs for each message. What is plain inherits none. */
const writeFields = (w: Writer, fields: Record<string, Wire>, depth: number): void => {
  let keysCount = 0
  for (const _key in fields) keysCount++
  const head = w.at
  writeHead(w, keysCount, mapHead)
  let count = 0
  for (const key in fields) {
    const field = fields[key]
    if (field === undefined) continue
    if (key === '__proto__') throw new NotWritable('reserved key')
    count++
    writeString(w, key)
    writeWire(w, field, depth + 1)
  }
  if (count === keysCount) return
  if (keysCount <= 15) w.buf[head] = 0x80 | count
  else if (keysCount <= 0xffff) w.buf.writeUInt16BE(count, head + 1)
  else w.buf.writeUInt32BE(count, head + 1)
}

/** Appends `value`. Throws `NotWritable` when it cannot travel; `whyNotWire` then says where. */
export const writeWire = (w: Writer, value: Wire, depth = 0): void => {
  switch (typeof value) {
    case 'string':
      return writeString(w, value)
    case 'number':
      return writeNumber(w, value)
    case 'boolean':
      return w.u8(value ? 0xc3 : 0xc2)
    case 'undefined':
      w.u8(0xd4)
      w.u8(0)
      return w.u8(0)
    case 'object':
      return value === null ? w.u8(0xc0) : writeObject(w, value, depth)
    default:
      throw new NotWritable(typeof value)
  }
}

/** The bytes of a value, or a sentence with the path to what cannot travel. */
export const encodeWire = (value: Wire): E.Either<string, Uint8Array> => {
  const w = new Writer()
  try {
    writeWire(w, value)
    return E.right(w.copy())
  } catch (error) {
    if (error instanceof NotWritable) return E.left(whyNotWire(value))
    throw error
  } finally {
    w.release()
  }
}

const nameOf = (value: unknown): string => {
  if (typeof value !== 'object' || value === null) return `a ${typeof value}`
  const name: unknown = value.constructor?.name
  return typeof name === 'string' && name !== ''
    ? `an instance of ${name.slice(0, 40)}`
    : 'not a plain object'
}

/** Finds the first thing in `value` that cannot travel. */
export const whyNotWire = (value: unknown, path = 'payload', depth = 0): string => {
  if (typeof value === 'function' || typeof value === 'symbol' || typeof value === 'bigint') {
    return `${path}: ${nameOf(value)} cannot travel to another node`
  }
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return ''
  if (depth >= depthMax)
    return `${path.slice(0, 120)}: more than ${depthMax} levels cannot travel to another node`
  if (!Array.isArray(value) && !isPlain(value))
    return `${path}: ${nameOf(value)} cannot travel to another node`
  for (const [key, inner] of Object.entries(value)) {
    if (key === '__proto__') return `${path}: the key __proto__ cannot travel to another node`
    const why = whyNotWire(
      inner,
      Array.isArray(value) ? `${path}[${key}]` : `${path}.${key.slice(0, 64)}`,
      depth + 1,
    )
    if (why !== '') return why
  }
  return ''
}

const roomAtOnce = 32

const readArray = (r: Reader, count: number, depth: number): Wire => {
  if (depth >= depthMax) throw new Malformed(`more than ${depthMax} levels`)
  // Each element is a byte at least: a count that cannot be true allocates nothing.
  if (count > r.end - r.at) throw new Malformed(`an array of ${count} before the end at byte ${r.end}`)
  // Room for few at once; many only as they come, because each level of a spoiled frame could claim them.
  const values: Wire[] = count <= roomAtOnce ? new Array<Wire>(count) : []
  for (let i = 0; i < count; i++) values[i] = readWire(r, depth + 1)
  return values
}

const readMap = (r: Reader, count: number, depth: number): Wire => {
  if (depth >= depthMax) throw new Malformed(`more than ${depthMax} levels`)
  const fields: Record<string, Wire> = {}
  for (let i = 0; i < count; i++) {
    const key = readKey(r)
    if (key === '__proto__') throw new Malformed('the key __proto__')
    fields[key] = readWire(r, depth + 1)
  }
  return fields
}

const readKey = (r: Reader): string => {
  const code = r.u8()
  if (code >= 0xa0 && code < 0xc0) return r.cachedChars(code & 31)
  if (code === 0xd9) return r.chars(r.u8())
  if (code === 0xda) return r.chars(r.buf.readUInt16BE(r.take(2)))
  if (code === 0xdb) return r.chars(r.buf.readUInt32BE(r.take(4)))
  throw new Malformed(`a key that is no text at byte ${r.at}`)
}

const readBytes = (r: Reader, count: number): Wire => {
  const from = r.take(count)
  return new Uint8Array(r.buf.buffer, r.buf.byteOffset + from, count).slice()
}

const readUndefined = (r: Reader): undefined => {
  if (r.u8() !== 0 || r.u8() !== 0) throw new Malformed(`an unknown extension at byte ${r.at}`)
  return undefined
}

const u16 = (r: Reader): number => r.buf.readUInt16BE(r.take(2))
const u32 = (r: Reader): number => r.buf.readUInt32BE(r.take(4))

const readCoded = (r: Reader, code: number, depth: number): Wire => {
  switch (code) {
    case 0xc0:
      return null
    case 0xc2:
      return false
    case 0xc3:
      return true
    case 0xc4:
      return readBytes(r, r.u8())
    case 0xc5:
      return readBytes(r, u16(r))
    case 0xc6:
      return readBytes(r, u32(r))
    case 0xca:
      return r.buf.readFloatBE(r.take(4))
    case 0xcb:
      return r.f64()
    case 0xcc:
      return r.u8()
    case 0xcd:
      return u16(r)
    case 0xce:
      return u32(r)
    case 0xd0:
      return r.buf.readInt8(r.take(1))
    case 0xd1:
      return r.buf.readInt16BE(r.take(2))
    case 0xd2:
      return r.buf.readInt32BE(r.take(4))
    case 0xd4:
      return readUndefined(r)
    case 0xd9:
      return r.chars(r.u8())
    case 0xda:
      return r.chars(u16(r))
    case 0xdb:
      return r.chars(u32(r))
    case 0xdc:
      return readArray(r, u16(r), depth)
    case 0xdd:
      return readArray(r, u32(r), depth)
    case 0xde:
      return readMap(r, u16(r), depth)
    case 0xdf:
      return readMap(r, u32(r), depth)
    default:
      throw new Malformed(`an unknown code ${code} at byte ${r.at}`)
  }
}

/** Reads one value; throws `Malformed`. */
export const readWire = (r: Reader, depth = 0): Wire => {
  const code = r.u8()
  if (code < 0x80) return code
  if (code < 0x90) return readMap(r, code & 15, depth)
  if (code < 0xa0) return readArray(r, code & 15, depth)
  if (code < 0xc0) return r.cachedChars(code & 31)
  if (code >= 0xe0) return code - 256
  return readCoded(r, code, depth)
}

/** The value of these bytes, or a sentence about what is wrong with them. Never throws. */
export const decodeWire = (bytes: Uint8Array): E.Either<string, Wire> => {
  const r = new Reader(bytes)
  try {
    const value = readWire(r)
    return r.at === r.end ? E.right(value) : E.left(`${r.end - r.at} bytes too many`)
  } catch (error) {
    if (error instanceof Malformed) return E.left(error.message)
    throw error
  }
}
