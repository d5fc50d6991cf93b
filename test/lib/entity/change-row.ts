import { deepStrictEqual } from 'node:assert/strict'
import * as E from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import t from 'tap'
import { changeFromWire, changeToWire, isChangeRow } from '../../../lib/entity/change-row.js'
import type { Change, Output } from '../../../lib/entity/copy.js'
import type { Wire } from '../../../lib/wire/envelope.js'
import { decodeFrame, encodeFrames } from '../../../lib/wire/frame.js'

const sent = (body: Wire): Wire => {
  const { frames } = encodeFrames('n1#1', [{ type: 'mirror', shard: 'k.1', verb: 'append', body }], 1 << 20)
  const [bytes] = frames
  const frame = bytes === undefined ? E.left('none') : decodeFrame(bytes)
  if (E.isLeft(frame)) throw new Error(frame.left)
  const [envelope] = frame.right.envelopes
  if (envelope?.type !== 'mirror') throw new Error('another envelope')
  return envelope.body
}

const payload: fc.Arbitrary<Wire> = fc.oneof(
  fc.constantFrom(null, 0, -0, Number.NaN, 'x', '', true),
  fc.record({ a: fc.integer() }, { noNullPrototype: true }),
)
const outcome = fc.constantFrom('reply' as const, 'refusal' as const)
const output: fc.Arbitrary<Output> = fc.oneof(
  fc
    .tuple(fc.string(), fc.nat(), outcome, payload)
    .map(([asker, ask, outcome, payload]) => ({ to: 'asker' as const, asker, ask, outcome, payload })),
  fc.tuple(fc.string(), payload).map(([topic, payload]) => ({ to: 'topic' as const, topic, payload })),
  fc.nat().map((number) => ({ to: 'command' as const, number })),
)
const change: fc.Arbitrary<Change> = fc.record(
  {
    seq: fc.nat(),
    id: fc.string(),
    at: fc.nat(),
    outputs: fc.array(output, { maxLength: 3 }),
    state: payload,
    life: fc.constantFrom('live', 'stopped', 'gone'),
    replies: fc.array(fc.tuple(fc.string(), outcome, payload, fc.nat()), { maxLength: 3 }),
    forgets: fc.array(fc.string(), { maxLength: 2 }),
    timers: fc.array(fc.tuple(fc.string(), fc.constant(null)), { maxLength: 2 }),
    commands: fc.array(fc.tuple(fc.nat(), fc.constant(null)), { maxLength: 2 }),
  },
  { requiredKeys: ['seq', 'id', 'at', 'outputs'], noNullPrototype: true },
)

t.test('change row - a change comes back as it was, also over the wire', async (t) => {
  fc.assert(
    fc.property(change, (given) => {
      const row = sent(changeToWire(given))
      t.ok(isChangeRow(row))
      deepStrictEqual(changeFromWire(row), given)
    }),
  )
})

t.test('change row - an answer that is remembered travels once', async (t) => {
  const text = 'an answer of some length'
  const given: Change = {
    seq: 1,
    id: 'e',
    at: 1,
    state: null,
    replies: [['r', 'reply', text, 9]],
    outputs: [{ to: 'asker', asker: 'n1#1', ask: 7, outcome: 'reply', payload: text }],
  }
  t.equal(JSON.stringify(changeToWire(given)).split(text).length, 2)
  t.strictSame(changeFromWire(sent(changeToWire(given))), given)
})

t.test('change row - what is no row is not taken for one', async (t) => {
  for (const wire of [null, 'x', {}, [], [1, 'e', 3]]) t.notOk(isChangeRow(wire))
})
