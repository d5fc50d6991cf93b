/** Every codec of the declarations, there and back over the bytes that travel. */
import fc from 'fast-check'
import * as E from 'fp-ts/lib/Either.js'
import * as io from 'io-ts'
import t from 'tap'
import { address, answerTo, asked, id, inner, message, protocol } from '../../../lib/index.js'
import {
  decodePayload,
  decodeRefusal,
  decodeReply,
  encodePayload,
  encodeRefusal,
  encodeReply,
  specOf,
  type MessageSpecData,
} from '../../../lib/api/internal.js'
import { decodeWire, encodeWire } from '../../../lib/wire/codec.js'
import type { Wire } from '../../../lib/wire/envelope.js'

const right = <A>(result: E.Either<unknown, A>): A => {
  if (E.isRight(result)) return result.right
  throw new Error(JSON.stringify(result.left))
}
const travel = (wire: Wire): Wire => right(decodeWire(right(encodeWire(wire))))

const UserId = id('UserId')
const DateText = new io.Type<Date, string, unknown>(
  'DateText',
  (value): value is Date => value instanceof Date,
  (value, context) => {
    const date = new Date(typeof value === 'string' ? value : Number.NaN)
    return Number.isNaN(date.getTime()) ? io.failure(value, context) : io.success(date)
  },
  (date) => date.toISOString(),
)
const Shop = protocol('shop', UserId, {
  Ping: message(),
  Sell: message({ to: UserId, on: DateText, items: io.array(io.type({ name: io.string, n: io.number })) })
    .replies(io.record(io.string, DateText))
    .refuses(io.union([io.literal('CLOSED'), io.type({ until: DateText })])),
  Visit: message({ shop: io.string, tip: io.union([io.undefined, io.number]) }),
})
const Guide = protocol('guide', UserId, { Show: message({ shop: address(Shop) }) })
const Own = inner(Shop, { Sold: answerTo(Shop.Sell, { at: DateText, open: asked(Shop.Sell) }) })

const spec = (protocol: object, tag: string): MessageSpecData => {
  const found = specOf(protocol, tag)
  if (found === undefined) throw new Error(`no message ${tag}`)
  return found
}
const userId = fc.string({ minLength: 1, maxLength: 20, unit: 'grapheme' }).filter(UserId.is)
const date = fc.date({ noInvalidDate: true, min: new Date(0), max: new Date(4e12) })

t.test('codecs – a payload is the same after it has travelled', async (t) => {
  const plain = { noNullPrototype: true }
  const payload = fc.record(
    {
      to: userId,
      on: date,
      items: fc.array(fc.record({ name: fc.string(), n: fc.double({ noNaN: true }) }, plain)),
    },
    plain,
  )
  const sell = spec(Shop, 'Sell')
  fc.assert(
    fc.property(payload, (given) => {
      t.strictSame(right(decodePayload(sell, travel(encodePayload(sell, given)))), given)
    }),
    { numRuns: 50 },
  )
  t.equal(
    right(decodePayload(spec(Shop, 'Ping'), travel(encodePayload(spec(Shop, 'Ping'), undefined)))),
    undefined,
  )
})

t.test('codecs – a field that is left out comes back as undefined', async (t) => {
  const visit = spec(Shop, 'Visit')
  const given = { shop: 's', tip: undefined }
  t.strictSame(right(decodePayload(visit, travel(encodePayload(visit, given)))), given)
})

t.test('codecs – replies and refusals are the same after they have travelled', async (t) => {
  const sell = spec(Shop, 'Sell')
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom('a', 'b', 'c'), date), date, (reply, until) => {
      t.same(right(decodeReply(sell, travel(encodeReply(sell, reply)))), { ...reply })
      t.same(right(decodeRefusal(sell, travel(encodeRefusal(sell, { until })))), { until })
    }),
    { numRuns: 30 },
  )
  t.equal(right(decodeRefusal(sell, travel(encodeRefusal(sell, 'CLOSED')))), 'CLOSED')
})

t.test('codecs – an address travels as its id', async (t) => {
  const show = spec(Guide, 'Show')
  const given = { shop: Shop.at(UserId('u1')) }
  t.same(encodePayload(show, given), { shop: 'u1' })
  t.strictSame(right(decodePayload(show, { shop: 'u1' })), given)
  t.same(decodePayload(show, { shop: '' }), E.left(['shop: expected the id of a shop']))
  t.equal(show.payload?.is({ shop: { kind: 'guide', id: 'u1' } }), false)
})

t.test('codecs – an open ask and the fixed part of a continuation survive a failover', async (t) => {
  const sold = spec(Own, 'Sold')
  const given = { at: new Date(5), open: { asked: 'n1#1/7' } }
  t.strictSame(right(decodePayload(sold, travel(encodePayload(sold, given)))), given)
  t.same(
    decodePayload(sold, { at: 'x', open: 7 }),
    E.left(['at: expected DateText', 'open: expected an open ask']),
  )
  t.equal(sold.form, 'answer')
  t.equal(sold.reach, 'self')
  t.equal(sold.reply, spec(Shop, 'Sell').reply)
  t.equal(sold.refusal, spec(Shop, 'Sell').refusal)
})

t.test('codecs – a complaint names field and expectation, never the value', async (t) => {
  const sell = spec(Shop, 'Sell')
  const wrong = {
    to: 'u',
    on: 'secret',
    items: [
      { name: 'a', n: 1 },
      { name: 5_550_123, n: 'secret' },
    ],
  }
  const result = decodePayload(sell, wrong)
  t.same(
    result,
    E.left(['on: expected DateText', 'items.1.name: expected string', 'items.1.n: expected number']),
  )
  t.same(decodePayload(sell, 'secret'), E.left([`expected ${sell.payload?.name.slice(0, 120)}`]))
  t.same(decodeRefusal(sell, 'secret'), E.left(['expected "CLOSED"', 'expected { until: DateText }']))
})

t.test('codecs – complaints are at most eight', async (t) => {
  const Wide = protocol('wide', UserId, { All: message({ list: io.array(io.number) }) })
  const result = decodePayload(spec(Wide, 'All'), { list: Array.from({ length: 20 }, String) })
  t.equal(E.isLeft(result) && result.left.length, 9)
  t.equal(E.isLeft(result) && result.left[8], 'and 12 more')
})
