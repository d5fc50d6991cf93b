import { deepStrictEqual } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import * as E from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import t from 'tap'
import type { Envelope } from '../../../lib/wire/envelope.js'
import {
  agree,
  decodeFrame,
  describeNotSendable,
  encodeFrames,
  frameHeadBytes,
  wireVersions,
} from '../../../lib/wire/frame.js'
import { envelope, travelled } from '../../fixtures/wire.js'

const from = 'n1#3'
const big = 64 * 1024 * 1024
const tell = (payload: unknown): Envelope =>
  ({ type: 'tell', kind: 'party', id: 'p1', tag: 'Join', hops: 0, payload }) as Envelope

const decodedOf = (frames: readonly Uint8Array[]): Envelope[] =>
  frames.flatMap((frame) => {
    const decoded = decodeFrame(frame)
    if (E.isLeft(decoded)) throw new Error(decoded.left)
    deepStrictEqual(decoded.right.from, from)
    return [...decoded.right.envelopes]
  })

t.test('frame - envelopes come back equal and in order', async () => {
  fc.assert(
    fc.property(fc.array(envelope, { maxLength: 12 }), (envelopes) => {
      const { frames, unsent } = encodeFrames(from, envelopes, big)
      deepStrictEqual(unsent, [])
      deepStrictEqual(frames.length, 1)
      deepStrictEqual(decodedOf(frames).map(travelled), envelopes.map(travelled))
    }),
  )
})

t.test('frame - no frame is longer than allowed, and nothing is lost between them', async () => {
  fc.assert(
    fc.property(
      fc.array(envelope, { maxLength: 30 }),
      fc.integer({ min: 60, max: 2_000 }),
      (envelopes, bytesMax) => {
        const { frames, unsent } = encodeFrames(from, envelopes, bytesMax)
        for (const frame of frames) deepStrictEqual(frame.length <= bytesMax, true)
        const left = new Set(unsent.map((one) => one.envelope))
        deepStrictEqual(
          decodedOf(frames).map(travelled),
          envelopes.filter((one) => !left.has(one)).map(travelled),
        )
      },
    ),
  )
})

t.test(
  'frame - an envelope that fits no frame is given back with both sizes, the others leave',
  async (t) => {
    const large = tell('x'.repeat(5_000))
    const { frames, unsent } = encodeFrames(from, [tell(1), large, tell(2)], 1_000)
    t.strictSame(decodedOf(frames), [tell(1), tell(2)])
    t.equal(unsent[0]?.envelope, large)
    t.match(unsent[0]?.problem, { tag: 'TooLarge', bytesMax: 1_000 })
    t.match(
      unsent.map((one) => describeNotSendable(one.problem)),
      [/takes 50\d\d bytes, a frame holds 1000/],
    )
  },
)

t.test('frame - the longest envelope that fits travels', async (t) => {
  const room = 1_000 - frameHeadBytes(from)
  const fits = encodeFrames(from, [tell('')], 1_000).frames[0]?.length ?? 0
  const payload = 'x'.repeat(room - (fits - frameHeadBytes(from)) - 2)
  t.strictSame(encodeFrames(from, [tell(payload)], 1_000).unsent, [])
  t.equal(encodeFrames(from, [tell(`${payload}x`)], 1_000).unsent.length, 1)
})

t.test('frame - what cannot travel is named by its path', async (t) => {
  const { unsent } = encodeFrames(from, [tell({ next: () => 1 })], 1_000)
  t.match(unsent[0]?.problem, { tag: 'NotWire', text: /^payload\.next: a function cannot travel/ })
  const wrong = encodeFrames(from, [{ type: 'answer', ask: -1, outcome: 'reply', payload: null }], 1_000)
  t.match(wrong.unsent[0]?.problem, { tag: 'NotWire', text: /-1 is not a whole number/ })
})

t.test('frame - what a sender changes after adding does not travel', async (t) => {
  const payload = { n: 1 }
  const { frames } = encodeFrames(from, [tell(payload)], 1_000)
  payload.n = 2
  t.strictSame(decodedOf(frames), [tell({ n: 1 })])
})

t.test('frame - the flow stamp travels', async (t) => {
  const { frames } = encodeFrames(from, [], 1_000, { sent: 2 ** 50, taken: 77, asks: true })
  t.strictSame(frames.map(decodeFrame), [
    E.right({ from, sent: 2 ** 50, taken: 77, asks: true, envelopes: [] }),
  ])
})

t.test('frame - a part of a millisecond is rounded up, and what is over is 0', async (t) => {
  const ask = (remainingMs: number): Envelope => ({
    type: 'ask',
    kind: 'party',
    id: 'p',
    tag: 'Get',
    hops: 0,
    asker: from,
    ask: 1,
    reqId: 'r',
    remainingMs,
    payload: null,
  })
  t.match(decodedOf(encodeFrames(from, [ask(0.2), ask(-3)], 1_000).frames), [
    { remainingMs: 1 },
    { remainingMs: 0 },
  ])
})

t.test('frame - bytes that are no frame give a sentence and never throw', async () => {
  const seeds = fc
    .array(envelope, { minLength: 1, maxLength: 4 })
    .map((all) => Buffer.from(encodeFrames(from, all, big).frames[0] ?? []))
  const spoiled = fc
    .tuple(seeds, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }), fc.nat())
    .map(([bytes, changes, cut]) => {
      for (const [at, value] of changes) bytes[at % bytes.length] = value
      return bytes.subarray(0, cut % 3 === 0 ? cut % bytes.length : bytes.length)
    })
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array(), spoiled), (bytes) => {
      const decoded = decodeFrame(bytes)
      if (E.isLeft(decoded)) deepStrictEqual(typeof decoded.left, 'string')
    }),
    { numRuns: 5_000 },
  )
})

t.test('frame - each way of being wrong has its sentence', async (t) => {
  const good = (): Buffer => Buffer.from(encodeFrames(from, [tell(1)], 1_000).frames[0] ?? [])
  const spoil = (at: number, value: number): Buffer => {
    const bytes = good()
    bytes[at] = value
    return bytes
  }
  const head = frameHeadBytes(from)
  t.match(decodeFrame(new Uint8Array()), E.left('these bytes are not a frame'))
  t.match(decodeFrame(spoil(0, 1)), E.left('these bytes are not a frame'))
  t.match(decodeFrame(spoil(2, 9)), E.left('the frame has wire version 9, this node reads 1 to 1'))
  t.match(decodeFrame(spoil(3, 2)), E.left(/flags that this version does not know/))
  t.match(decodeFrame(spoil(4, 2)), E.left(/more expected/))
  t.match(decodeFrame(spoil(4, 0)), E.left(/bytes too many/))
  t.match(decodeFrame(spoil(head, 200)), E.left(/ends behind the frame's end/))
  t.match(decodeFrame(spoil(head + 4, 99)), E.left(/unknown envelope type 99/))
  t.match(decodeFrame(spoil(head + 5, 2)), E.left(/unknown flags/))
})

t.test('frame - versions that overlap agree on the highest, others are both named', async (t) => {
  t.strictSame(agree(wireVersions, wireVersions), E.right(wireVersions.max))
  t.strictSame(agree({ min: 1, max: 3 }, { min: 2, max: 5 }), E.right(3))
  t.match(agree({ min: 1, max: 1 }, { min: 2, max: 3 }), E.left(/versions 1 to 1, the other 2 to 3/))
})

t.test('frame - the golden vectors still hold', async (t) => {
  const golden = JSON.parse(
    readFileSync(new URL('../../fixtures/golden/frames.json', import.meta.url), 'utf8'),
  ) as readonly { readonly name: string; readonly envelopes: readonly Envelope[]; readonly hex: string }[]
  for (const { name, envelopes, hex } of golden) {
    t.equal(
      Buffer.from(
        encodeFrames(from, envelopes, big, { sent: 300, taken: 200, asks: false }).frames[0] ?? [],
      ).toString('hex'),
      hex,
      name,
    )
    t.strictSame(
      decodeFrame(Buffer.from(hex, 'hex')),
      E.right({ from, sent: 300, taken: 200, asks: false, envelopes }),
      name,
    )
  }
})
