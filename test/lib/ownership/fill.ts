import t from 'tap'
import { applyChange } from '../../../lib/entity/copy.js'
import { fillOf } from '../../../lib/ownership/fill.js'
import { onFill } from '../../../lib/ownership/mirror.js'
import { addToLog, type Copy, emptyCopy } from '../../../lib/ownership/state.js'
import { change, sentOf, Side } from '../../fixtures/shard.js'

const partBytes = 128 * 1024
const head = { epoch: 3, session: 2, t0: 9 }
/** A copy with so many entities of so many characters. */
const copyOf = (count: number, chars: number, released = count): Copy => {
  const copy = emptyCopy(1, 3)
  for (let seq = 1; seq <= count; seq++) {
    const one = change(seq, { id: `e${seq}`, life: 'live', state: 'x'.repeat(chars) })
    applyChange(copy.entities, one, 100)
    addToLog(copy, one)
    copy.seq = seq
  }
  copy.released = released
  return copy
}

t.test('fill - a small copy is one part', async (t) => {
  const parts = fillOf(copyOf(5, 10), head, partBytes)
  t.match(parts, [{ ...head, part: 0, isLast: true, seq: 5, released: 5, gen: 1, log: [] }])
  t.equal(parts.length, 1)
  t.match(fillOf(emptyCopy(1, 3), head, partBytes), [{ part: 0, isLast: true, entities: [] }])
})

t.test('fill - the log that is not released travels with the last part', async (t) => {
  const [part] = fillOf(copyOf(5, 10, 3), head, partBytes)
  t.same(
    part?.log.map(({ seq }) => seq),
    [4, 5],
  )
})

t.test(
  'fill - a large copy comes in parts, each of which fits into a frame, and is whole again',
  async (t) => {
    const copy = copyOf(40, 30_000, 38)
    const parts = fillOf(copy, head, partBytes)
    t.ok(parts.length > 5, `${parts.length} parts`)
    for (const { entities } of parts) t.ok(JSON.stringify(entities).length < 200_000)
    t.same(
      parts.map(({ part, isLast }) => [part, isLast]),
      parts.map((_, i) => [i, i === parts.length - 1]),
    )
    const mirror = new Side('b#1')
    const acks = parts.flatMap((part) =>
      sentOf(
        mirror.run((context) => onFill(mirror.shard, 'a#1', part, context)),
        'ack',
      ),
    )
    t.match(acks, [{ message: { seq: 40, session: 2 } }], 'acknowledged once, at the end')
    t.equal(acks.length, 1)
    t.strictSame(mirror.shard.copy?.entities, copy.entities)
    t.match(mirror.shard.copy, { gen: 1, epoch: 3, session: 2, seq: 40, released: 38 })
    t.same(
      mirror.shard.copy?.log.map(({ seq }) => seq),
      [39, 40],
    )
  },
)

t.test(
  'fill - a part that is lost leaves the mirror without a copy; the next session fills it',
  async (t) => {
    const parts = fillOf(copyOf(40, 30_000), head, partBytes)
    const mirror = new Side('b#1')
    for (const part of parts.filter((_, i) => i !== 1))
      mirror.run((context) => onFill(mirror.shard, 'a#1', part, context))
    t.equal(mirror.shard.copy, null)
    for (const part of fillOf(copyOf(40, 30_000), { ...head, session: 3 }, partBytes))
      mirror.run((context) => onFill(mirror.shard, 'a#1', part, context))
    t.equal(mirror.shard.copy?.entities.size, 40)
  },
)

t.test('fill - an entity with very many answers comes in rows, and none of them is missing', async (t) => {
  const copy = copyOf(1, 50_000)
  const replies = Array.from(
    { length: 900 },
    (_, i) => [`r${i}`, 'reply', `${i}`.repeat(300), 9_000] as const,
  )
  applyChange(copy.entities, change(2, { id: 'e1', replies }), 1_000)
  applyChange(copy.entities, change(3, { id: 'e2', life: 'live', state: 1 }), 1_000)
  const parts = fillOf(copy, head, partBytes)
  for (const { entities } of parts) t.ok(JSON.stringify(entities).length < 300_000)
  const mirror = new Side('b#1')
  for (const part of parts) mirror.run((context) => onFill(mirror.shard, 'a#1', part, context))
  t.strictSame(mirror.shard.copy?.entities, copy.entities)
  t.same(
    [...(mirror.shard.copy?.entities.get('e1')?.replies.keys() ?? [])],
    replies.map(([reqId]) => reqId),
  )
})

t.test('fill - a long log that is not released comes in parts too', async (t) => {
  const copy = copyOf(40, 30_000, 0)
  const parts = fillOf(copy, head, partBytes)
  for (const { entities, log } of parts) t.ok(JSON.stringify([entities, log]).length < 200_000)
  const mirror = new Side('b#1')
  for (const part of parts) mirror.run((context) => onFill(mirror.shard, 'a#1', part, context))
  t.strictSame(mirror.shard.copy?.log, copy.log)
})
