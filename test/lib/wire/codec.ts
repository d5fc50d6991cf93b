import { deepStrictEqual } from 'node:assert/strict'
import * as E from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { Packr } from 'msgpackr'
import t from 'tap'
import { decodeWire, depthMax, encodeWire } from '../../../lib/wire/codec.js'
import type { Wire } from '../../../lib/wire/envelope.js'
import { travelled, wire } from '../../fixtures/wire.js'

const bytesOf = (value: unknown): Uint8Array => {
  const encoded = encodeWire(value as Wire)
  if (E.isLeft(encoded)) throw new Error(encoded.left)
  return encoded.right
}
const nested = (levels: number): Wire => (levels === 0 ? 1 : [nested(levels - 1)])

t.test('codec - every value that can travel comes back equal, but for undefined properties', async () => {
  fc.assert(
    fc.property(wire, (value) => {
      deepStrictEqual(decodeWire(bytesOf(value)), E.right(travelled(value)))
    }),
    { numRuns: 2_000 },
  )
})

t.test(
  'codec - another MessagePack implementation reads what is written here, and writes what is read here',
  async () => {
    const packr = new Packr({ useRecords: false, mapsAsObjects: true })
    const plain = wire.filter((value) => !JSON.stringify(value)?.includes('{"type":"Buffer"'))
    const comparable = (value: unknown): unknown =>
      value instanceof Uint8Array ? new Uint8Array(value) : value
    fc.assert(
      fc.property(plain, (value) => {
        const theirs: unknown = packr.unpack(bytesOf(value))
        if (!(theirs instanceof Uint8Array))
          deepStrictEqual(decodeWire(bytesOf(theirs)), E.right(travelled(value)))
        else deepStrictEqual(comparable(theirs), comparable(value))
      }),
    )
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const decoded = decodeWire(packr.pack(value))
        deepStrictEqual(JSON.stringify(E.isRight(decoded) ? decoded.right : decoded), JSON.stringify(value))
      }),
    )
  },
)

t.test('codec - undefined stays undefined in arrays and alone, and leaves out a property', async (t) => {
  t.strictSame(decodeWire(bytesOf(undefined)), E.right(undefined))
  t.strictSame(decodeWire(bytesOf([undefined, 1])), E.right([undefined, 1]))
  t.strictSame(decodeWire(bytesOf({ a: undefined, b: 1 })), E.right({ b: 1 }))
  const many = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`k${i}`, i % 2 ? i : undefined]))
  t.strictSame(decodeWire(bytesOf(many)), E.right(travelled(many)))
})

t.test('codec - byte arrays have bytes of their own', async (t) => {
  const bytes = Buffer.from(bytesOf({ b: Buffer.from([1, 2, 3]) }))
  const decoded = decodeWire(bytes)
  bytes.fill(0)
  t.strictSame(decoded, E.right({ b: new Uint8Array([1, 2, 3]) }))
})

t.test('codec - what cannot travel is refused with its path and never with its value', async (t) => {
  class Secret {
    readonly password = 'hunter2'
  }
  const refused: readonly (readonly [unknown, RegExp])[] = [
    [() => 1, /^payload: a function cannot/],
    [{ a: [1, { b: 1n }] }, /^payload\.a\[1\]\.b: a bigint cannot/],
    [{ a: Symbol('x') }, /^payload\.a: a symbol cannot/],
    [{ a: new Secret() }, /^payload\.a: an instance of Secret cannot/],
    [[new Map([['hunter2', 1]])], /^payload\[0\]: an instance of Map cannot/],
    [new Date(0), /^payload: an instance of Date cannot/],
    [JSON.parse('{"__proto__": {"a": 1}}'), /^payload: the key __proto__ cannot/],
    [nested(depthMax + 1), /more than 64 levels cannot/],
  ]
  for (const [value, sentence] of refused) {
    const encoded = encodeWire(value as Wire)
    t.match(encoded, E.left(sentence))
    t.notMatch(JSON.stringify(encoded), /hunter2/)
  }
  t.match(encodeWire(nested(depthMax)), { _tag: 'Right' })
})

t.test('codec - bytes that are no value give a sentence and never throw', async () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.uint8Array({ maxLength: 64 }), fc.uint8Array({ minLength: 1, maxLength: 8 })),
      (bytes) => {
        const decoded = decodeWire(bytes)
        if (E.isLeft(decoded)) deepStrictEqual(typeof decoded.left, 'string')
      },
    ),
    { numRuns: 5_000 },
  )
})

t.test('codec - cut and changed bytes never throw and allocate no more than they can hold', async (t) => {
  const whole = bytesOf({ a: [1, 'two', { three: new Uint8Array(9) }], b: 'x'.repeat(300), c: -1e9, d: 0.5 })
  for (let end = 0; end < whole.length; end++) t.match(decodeWire(whole.subarray(0, end)), { _tag: 'Left' })
  t.match(decodeWire(new Uint8Array([0xdd, 0xff, 0xff, 0xff, 0xff, 1])), E.left(/an array of 4294967295/))
  t.match(decodeWire(new Uint8Array([0xdb, 0xff, 0xff, 0xff, 0xff, 1])), E.left(/more expected/))
  t.match(decodeWire(new Uint8Array([0xc6, 0xff, 0xff, 0xff, 0xff, 1])), E.left(/more expected/))
  t.match(decodeWire(new Uint8Array(100_000).fill(0x91)), E.left(/more than 64 levels/))
  t.match(decodeWire(new Uint8Array(100_000).fill(0x81)), E.left(/no text/))
  t.match(decodeWire(new Uint8Array([0xc1])), E.left(/unknown code/))
  t.match(decodeWire(new Uint8Array([0xd4, 1, 0])), E.left(/unknown extension/))
  t.match(decodeWire(new Uint8Array([1, 1])), E.left(/too many/))
})
