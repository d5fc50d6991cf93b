import t from 'tap'
import { claim } from '../../../lib/ownership/mirror.js'
import { give } from '../../../lib/ownership/give.js'
import { tickOwner } from '../../../lib/ownership/owner.js'
import { recordFromBytes, recordToBytes } from '../../../lib/ownership/protocol.js'
import { onLatest, onWritten } from '../../../lib/ownership/record.js'
import type { Action } from '../../../lib/ownership/state.js'
import { found } from '../../../lib/ownership/write.js'
import type { Created } from '../../../lib/records/records.js'
import { did, mirror, owner, record, Side, writtenOf } from '../../fixtures/shard.js'

const nonceOf = (side: Side): string => side.shard.writing?.record.nonce ?? ''
const writes = (side: Side, outcome: Created, nonce = nonceOf(side)): Action[] =>
  side.run((context) => onWritten(side.shard, nonce, outcome, context))
const finds = (side: Side, version: number, bytes: Uint8Array): Action[] =>
  side.run((context) =>
    onLatest(
      side.shard,
      { tag: 'found', record: { chain: 'shard.purse.0', version, value: bytes } },
      context,
    ),
  )

t.test('rule 15 - without a record the owner creates version 1, generation 1, empty', async (t) => {
  const side = new Side()
  t.match(writtenOf(side.run((context) => found(side.shard, ['b#1'], context))), [
    { purpose: 'found', version: 1, record: { owner: 'a#1', epoch: 1, insync: ['b#1'], gen: 1, born: 1 } },
  ])
  t.match(writes(side, 'created'), [
    { do: 'took', how: 'empty' },
    { do: 'fill', to: 'b#1' },
  ])
  t.match(side.shard, { role: 'owner', epoch: 1, copy: { gen: 1, seq: 0 } })
})

t.test(
  'rule 15 - when every copy is lost the next generation begins, empty, at a higher epoch',
  async (t) => {
    const side = new Side()
    side.sees(record(6, { owner: 'c#1', insync: ['b#1'], gen: 2, born: 4 }))
    const [writing] = writtenOf(side.run((context) => found(side.shard, [], context)))
    t.match(writing, { version: 7, record: { owner: 'a#1', epoch: 7, insync: [], gen: 3, born: 7 } })
    t.match(writes(side, 'created'), [{ do: 'took', how: 'empty' }])
  },
)

t.test('rule 15 - a copy of the generation before is not taken for one of the new', async (t) => {
  const side = mirror()
  side.sees(record(2, { owner: 'b#1', gen: 2, born: 2 }))
  t.match(side.shard, { role: 'owner', copy: { gen: 2, seq: 0 } })
})

t.test(
  'rule 3 - a write that timed out is looked up; nothing that depends on it happens meanwhile',
  async (t) => {
    const side = mirror()
    side.run((context) => claim(side.shard, context))
    t.same(writes(side, 'unknown'), [{ do: 'read-record' }])
    t.match(side.shard, { role: 'claiming' })
    const { writing } = side.shard
    const bytes = writing === null ? new Uint8Array() : recordToBytes(writing.record)
    t.ok(did(finds(side, 2, bytes), 'took'), 'my nonce: it was written')
    t.match(side.shard, { role: 'owner', epoch: 2, writing: null })
  },
)

t.test('rule 3 - a later version of somebody else decides it against me', async (t) => {
  const side = mirror()
  side.run((context) => claim(side.shard, context))
  writes(side, 'unknown')
  finds(side, 2, recordToBytes(record(2, { owner: 'c#1' })))
  t.match(side.shard, { role: 'none', writing: null })
})

t.test('rule 3 - while its number is free the same write is tried again', async (t) => {
  const side = mirror()
  const [first] = writtenOf(side.run((context) => claim(side.shard, context)))
  writes(side, 'unknown')
  t.same(writtenOf(finds(side, 1, recordToBytes(record(1, { insync: ['b#1'] })))), [first])
  const fresh = new Side()
  const [begun] = writtenOf(fresh.run((context) => found(fresh.shard, [], context)))
  t.same(writtenOf(fresh.run((context) => onLatest(fresh.shard, { tag: 'none' }, context))), [begun])
})

t.test('rule 3 - a read that failed says nothing, and neither does an answer to another write', async (t) => {
  const side = mirror()
  side.run((context) => claim(side.shard, context))
  t.same(
    side.run((context) => onLatest(side.shard, { tag: 'failed', why: 'no server' }, context)),
    [],
  )
  t.same(writes(side, 'created', 'another'), [])
  t.equal(side.shard.role, 'claiming')
})

t.test('a record that is not newer changes nothing', async (t) => {
  const side = owner(['b#1'])
  t.same(side.sees(record(1, { owner: 'c#1' })), [])
  t.equal(side.shard.role, 'owner')
})

t.test('rule 14 - each record raises the fence', async (t) => {
  const side = new Side('z#1')
  side.sees(record(7, { owner: 'b#1' }))
  t.equal(side.shard.fence, 7)
  side.sees(record(9, { owner: 'b#1', epoch: 7 }))
  t.equal(side.shard.fence, 7)
})

t.test(
  'an owner stays one when only its in-sync set changes, and steps down from a newer epoch of its own',
  async (t) => {
    const side = owner(['b#1'])
    side.sees(record(2, { epoch: 1, insync: [] }))
    t.match(side.shard, { role: 'owner', epoch: 1 })
    side.sees(record(4, { epoch: 4 }))
    t.match(side.shard, { role: 'none' }, 'what is told of it is not from me')
  },
)

t.test('rule 10 - a change of the set that another version overtook is begun anew', async (t) => {
  const side = owner(['b#1', 'c#1'])
  const gone = { choose: () => 'none', stays: (node: string) => node !== 'c#1', best: () => [] } as const
  side.run((context) => tickOwner(side.shard, gone, context))
  side.sees(record(2, { epoch: 1, insync: ['b#1', 'c#1'] }))
  t.equal(side.shard.writing, null)
  t.match(writtenOf(side.run((context) => tickOwner(side.shard, gone, context))), [{ version: 3 }])
})

t.test('rule 16 - when another version came first I am the owner again, or not any more', async (t) => {
  const side = owner(['b#1'])
  side.run((context) => give(side.shard, 'b#1', context))
  t.ok(did(side.sees(record(2, { epoch: 1, insync: ['b#1'] })), 'give-failed'))
  t.match(side.shard, { role: 'owner', giveTo: null })
  side.run((context) => give(side.shard, 'b#1', context))
  const down = side.sees(record(3, { owner: 'b#1' }))
  t.ok(did(down, 'stepped-down'))
  t.equal(side.shard.role, 'none')
})

t.test('a record that cannot be read is reported and taken for none', async (t) => {
  const side = owner([])
  t.match(finds(side, 9, new TextEncoder().encode('{"owner":7}')), [
    { do: 'broken', what: 'not a shard record' },
  ])
  t.match(finds(side, 9, new Uint8Array([255])), [{ do: 'broken' }])
  t.equal(side.shard.record?.version, 1)
})

t.test('a record comes back from its bytes with its version', async (t) => {
  const one = record(3, { insync: ['b#1', 'c#2'], gen: 2 })
  const { version: _, ...written } = one
  t.same(recordFromBytes(3, recordToBytes(written)), { _tag: 'Right', right: one })
})
