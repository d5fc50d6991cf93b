import t from 'tap'
import { newEntity, entityToWire } from '../../../lib/entity/copy.js'
import { claim, onAppend, onDrop, onFill } from '../../../lib/ownership/mirror.js'
import type { Append, Fill } from '../../../lib/ownership/protocol.js'
import { onWritten } from '../../../lib/ownership/record.js'
import { type Action, clockDriftFactor } from '../../../lib/ownership/state.js'
import {
  append,
  change,
  did,
  fill,
  limits,
  mirror,
  record,
  releasedOf,
  sentOf,
  Side,
  writtenOf,
} from '../../fixtures/shard.js'

const appends = (side: Side, more: Partial<Append>, from = 'a#1'): Action[] =>
  side.run((context) => onAppend(side.shard, from, append(more), context))
const fills = (side: Side, more: Partial<Fill>): Action[] =>
  side.run((context) => onFill(side.shard, 'a#1', fill(more), context))

t.test('rule 11 - changes are applied in order without gaps, and the last one is acknowledged', async (t) => {
  const side = mirror()
  t.match(appends(side, { entries: [change(1), change(2)], t0: 33 }), [
    { do: 'send', to: 'a#1', message: { verb: 'ack', epoch: 1, session: 1, t0: 33, seq: 2 } },
  ])
  t.match(sentOf(appends(side, { entries: [change(5)] }), 'ack'), [{ message: { seq: 2 } }], 'a gap')
  t.match(sentOf(appends(side, { entries: [change(2, { state: 'other' }), change(3)] }), 'ack'), [
    { message: { seq: 3 } },
  ])
  t.equal(side.shard.copy?.entities.get('e')?.state, 3)
  t.same(
    side.shard.copy?.log.map(({ seq }) => seq),
    [1, 2, 3],
  )
})

t.test('rule 11 - below the fence it refuses, with the epoch that it knows', async (t) => {
  const side = mirror()
  side.shard.fence = 5
  t.match(appends(side, { epoch: 4 }), [
    { to: 'a#1', message: { verb: 'refuse', known: 5, why: 'stale', epoch: 4 } },
  ])
  t.match(fills(side, { epoch: 4 }), [{ message: { verb: 'refuse', known: 5, why: 'stale' } }])
  t.equal(side.shard.copy?.seq, 0)
})

t.test('rule 11 - a higher epoch raises the fence before its record is seen', async (t) => {
  const side = mirror()
  appends(side, { epoch: 3, session: 1 }, 'c#1')
  t.equal(side.shard.fence, 3)
  t.match(appends(side, { epoch: 1 }), [{ message: { why: 'stale' } }])
})

t.test('rule 11 - changes of another epoch or session are refused: fill me', async (t) => {
  const side = mirror()
  t.match(appends(side, { session: 2, entries: [change(1)] }), [
    { message: { verb: 'refuse', why: 'fill', session: 2 } },
  ])
  t.match(appends(side, { epoch: 2, entries: [change(1)] }), [{ message: { why: 'fill', epoch: 2 } }])
  t.equal(side.shard.copy?.seq, 0)
})

t.test('rule 11 - while the fill of that session is still coming it says nothing', async (t) => {
  const side = mirror()
  fills(side, { session: 2, isLast: false })
  t.same(appends(side, { session: 2, entries: [change(1)] }), [])
})

t.test('rule 11 - an acknowledgement gives a read lease, longer here than the owner counts it', async (t) => {
  const side = mirror()
  side.now = 1_000
  appends(side, {})
  t.equal(side.shard.grantsOut, 1_000 + limits.readLeaseMs * clockDriftFactor)
})

const wireOf = (id: string, state: number) => entityToWire({ ...newEntity(id, 1), life: 'live', state })

t.test('a fill counts when its last part has come, in order', async (t) => {
  const side = mirror()
  t.same(fills(side, { session: 2, part: 0, isLast: false, entities: [wireOf('x', 1)] }), [])
  t.equal(side.shard.copy?.session, 1, 'the old copy stays until then')
  t.same(fills(side, { session: 2, part: 2, entities: [wireOf('z', 3)], seq: 9 }), [], 'a part is missing')
  const last = fills(side, {
    session: 2,
    part: 1,
    entities: [wireOf('y', 2)],
    seq: 9,
    released: 7,
    log: [change(8), change(9)],
  })
  t.match(sentOf(last, 'ack'), [{ message: { session: 2, seq: 9 } }])
  t.match(side.shard.copy, { session: 2, seq: 9, released: 7 })
  t.same([...(side.shard.copy?.entities.keys() ?? [])], ['x', 'y'])
})

t.test('a fill of an older session is not taken; a repeated one is acknowledged again', async (t) => {
  const side = mirror()
  fills(side, { session: 3, seq: 4 })
  t.same(fills(side, { session: 2, seq: 1 }), [])
  t.equal(side.shard.copy?.seq, 4)
  t.match(sentOf(fills(side, { session: 3, seq: 4 }), 'ack'), [{ message: { session: 3, seq: 4 } }])
})

t.test('rule 12 - only a node that the record lists as in-sync may claim', async (t) => {
  const side = mirror()
  side.shard.record = record(1, { insync: ['c#1'] })
  t.same(
    side.run((context) => claim(side.shard, context)),
    [],
  )
  side.shard.record = null
  t.same(
    side.run((context) => claim(side.shard, context)),
    [],
  )
})

t.test('rule 12 - nor without a lease, nor twice', async (t) => {
  const side = mirror()
  side.leaseHolds = false
  t.same(
    side.run((context) => claim(side.shard, context)),
    [],
  )
  side.leaseHolds = true
  t.equal(writtenOf(side.run((context) => claim(side.shard, context))).length, 1)
  t.same(
    side.run((context) => claim(side.shard, context)),
    [],
  )
})

t.test(
  'rule 12 - it claims at the version it has seen, without itself in the set, in the same generation',
  async (t) => {
    const side = mirror()
    side.shard.record = record(7, { insync: ['b#1', 'c#1'], gen: 3, born: 2 })
    t.match(writtenOf(side.run((context) => claim(side.shard, context))), [
      { purpose: 'claim', version: 8, record: { owner: 'b#1', epoch: 8, insync: ['c#1'], gen: 3, born: 2 } },
    ])
    t.equal(side.shard.role, 'claiming')
  },
)

t.test('rule 12 - while it claims it acknowledges nothing', async (t) => {
  const side = mirror()
  side.run((context) => claim(side.shard, context))
  t.same(appends(side, { entries: [change(1)] }), [])
  t.same(fills(side, { session: 2 }), [])
  t.equal(side.shard.copy?.seq, 0)
})

const claimed = (side: Side): Action[] => {
  side.run((context) => claim(side.shard, context))
  const nonce = side.shard.writing?.record.nonce ?? ''
  return side.run((context) => onWritten(side.shard, nonce, 'created', context))
}

t.test(
  'rule 12 - when it is decided it sends again what is not known to be released, and goes on',
  async (t) => {
    const side = mirror()
    appends(side, { entries: [change(1), change(2), change(3)], released: 1 })
    side.now = 10_000
    const actions = claimed(side)
    t.match(side.shard, { role: 'owner', epoch: 2 })
    t.match(actions, [{ do: 'took', how: 'copy' }, { do: 'release' }, { do: 'release' }])
    t.same(releasedOf(actions), [2, 3], 'at their old seq')
    t.match(side.shard.copy, { gen: 1, epoch: 2, seq: 3, released: 3 })
  },
)

t.test('rule 12 - it waits out the read leases that it gave', async (t) => {
  const side = mirror()
  appends(side, { entries: [change(1)] })
  const actions = claimed(side)
  t.ok(did(actions, 'took'))
  t.same(releasedOf(actions), [])
  t.equal(side.shard.readyAt, limits.readLeaseMs * clockDriftFactor)
})

t.test('rule 12 - another one was faster: it is no owner, and its copy is worthless', async (t) => {
  const side = mirror()
  appends(side, { entries: [change(1)] })
  side.run((context) => claim(side.shard, context))
  t.same(
    side.run((context) => onWritten(side.shard, side.shard.writing?.record.nonce ?? '', 'taken', context)),
    [{ do: 'read-record' }],
  )
  side.sees(record(2, { owner: 'c#1', insync: [] }))
  t.match(side.shard, { role: 'none', writing: null, copy: null })
})

t.test('rule 14 - out of the in-sync set, at a higher epoch, the copy is dropped', async (t) => {
  const side = mirror()
  side.sees(record(2, { epoch: 1, insync: [] }))
  t.match(side.shard, { role: 'none' })
  t.not(side.shard.copy, null, 'the same owner may still be filling it')
  side.sees(record(3, { owner: 'c#1', insync: [] }))
  t.equal(side.shard.copy, null)
})

t.test('rule 14 - told to drop it does, unless a later session has filled it', async (t) => {
  const side = mirror()
  side.run(() => onDrop(side.shard, { epoch: 1, session: 1 }))
  t.not(side.shard.copy, null, 'it is in-sync by record')
  side.sees(record(2, { epoch: 1, insync: [] }))
  fills(side, { session: 2 })
  side.run(() => onDrop(side.shard, { epoch: 1, session: 1 }))
  t.equal(side.shard.copy?.session, 2)
  side.run(() => onDrop(side.shard, { epoch: 1, session: 2 }))
  t.equal(side.shard.copy, null)
})

t.test(
  'an owner refuses another one of its own or a lower epoch, and looks the record up for a higher',
  async (t) => {
    const side = new Side('b#1')
    side.sees(record(4, { owner: 'b#1', born: 4 }))
    t.match(appends(side, { epoch: 4 }), [{ message: { verb: 'refuse', known: 4, why: 'stale' } }])
    t.same(appends(side, { epoch: 6 }), [{ do: 'read-record' }])
  },
)

t.test('rule 15 - a mirror that is named when the generation begins begins with an empty copy', async (t) => {
  const side = new Side('b#1')
  t.same(side.sees(record(1, { insync: ['b#1'] })), [])
  t.match(side.shard, { role: 'mirror', copy: { gen: 1, seq: 0 } })
})

t.test('one that is named later and has no copy is no mirror, and asks for a newer record', async (t) => {
  const side = new Side('b#1')
  t.same(side.sees(record(5, { insync: ['b#1'], born: 1 })), [{ do: 'read-record' }])
  t.match(side.shard, { role: 'none', copy: null })
})

t.test('the log of a mirror is cut when its owner has released it', async (t) => {
  const side = mirror()
  for (let seq = 1; seq <= 200; seq++) appends(side, { entries: [change(seq)], released: seq - 1 })
  t.ok((side.shard.copy?.log.length ?? 0) < 130)
  t.equal(side.shard.copy?.log.at(-1)?.seq, 200)
})
