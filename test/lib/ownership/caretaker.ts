import t from 'tap'
import { createWrites } from '../../../lib/ownership/writes.js'
import { createRecordStore, memoryRecords } from '../../../lib/records/memory.js'
import { noneReached } from '../../../lib/limits.js'
import { VirtualClock } from '../../../lib/std/virtual-clock.js'
import { read } from '../../fixtures/shard.js'
import { Owners, shard } from '../../fixtures/owners.js'

const three = ['a#1', 'b#1', 'c#1']
const thirdOf = (...two: string[]): string => three.find((node) => !two.includes(node)) ?? ''

t.test('caretaker - a shard begins once, on the node that should own it, with its mirror', async (t) => {
  const owners = new Owners(three)
  const owner = owners.begin()
  const record = owners.record()
  t.match(record, { version: 1, epoch: 1, gen: 1, born: 1 })
  t.equal(record.insync.length, 1)
  t.same(owners.events, [`${owner} took empty`])
  for (const node of three) t.equal(owners.at(node).ownerOf(shard), owner, 'all know')
  owners.stop()
})

t.test('caretaker - a dead mirror is replaced in one record change, and nothing is lost', async (t) => {
  const owners = new Owners(three)
  const owner = owners.begin()
  const [mirror = ''] = owners.record().insync
  owners.change(owner, 3)
  owners.clock.advance(10)
  owners.kill(mirror)
  owners.change(owner, 2)
  owners.clock.advance(2_000)
  const record = owners.record()
  t.match(record, { version: 2, owner, epoch: 1, insync: [thirdOf(owner, mirror)] })
  t.match(owners.at(thirdOf(owner, mirror)).get(shard)?.copy, { seq: 5 })
  t.same(
    owners.released.map(({ change }) => change.seq),
    [1, 2, 3, 4, 5],
  )
  owners.stop()
})

t.test('caretaker - a mirror that leaves is replaced while it still acknowledges', async (t) => {
  const owners = new Owners(three)
  const owner = owners.begin()
  const [mirror = ''] = owners.record().insync
  owners.leaving.add(mirror)
  owners.membersChanged()
  owners.clock.advance(1_000)
  t.match(owners.record(), { version: 2, insync: [thirdOf(owner, mirror)] })
  t.equal(owners.at(mirror).get(shard)?.copy, null, 'and told to drop its copy')
  owners.stop()
})

t.test(
  'caretaker - the mirror of a dead owner claims, goes on from its copy, and finds a mirror',
  async (t) => {
    const owners = new Owners(three)
    const owner = owners.begin()
    const [mirror = ''] = owners.record().insync
    owners.change(owner, 4)
    owners.clock.advance(10)
    owners.kill(owner)
    owners.clock.advance(3_000)
    const record = owners.record()
    t.match(record, { owner: mirror, epoch: 2, gen: 1, insync: [thirdOf(owner, mirror)] })
    t.match(owners.at(mirror).get(shard)?.copy, { seq: 4, released: 4 })
    t.ok(owners.events.includes(`${mirror} took copy`))
    owners.stop()
  },
)

t.test(
  'caretaker - without a mirror the lease of the dead owner is waited out, then it begins anew',
  async (t) => {
    const owners = new Owners(three, 0)
    const owner = owners.begin()
    owners.change(owner, 2)
    owners.kill(owner)
    owners.clock.advance(10_000)
    t.match(owners.record(), { version: 1, owner }, 'declared dead is not enough: nobody would refuse it')
    owners.over.add(owner)
    owners.clock.advance(200)
    t.match(owners.record(), { version: 2, epoch: 2, gen: 2, born: 2 })
    owners.stop()
  },
)

t.test('caretaker - state is called lost only when owner and every mirror are gone', async (t) => {
  const owners = new Owners(three)
  const owner = owners.begin()
  const [mirror = ''] = owners.record().insync
  owners.change(owner, 2)
  owners.clock.advance(10)
  owners.kill(owner, mirror)
  owners.clock.advance(5_000)
  t.equal(owners.record().gen, 1, 'their leases may still run')
  owners.over.add(owner)
  owners.clock.advance(5_000)
  t.equal(owners.record().gen, 1, 'both')
  owners.over.add(mirror)
  owners.clock.advance(200)
  const rest = thirdOf(owner, mirror)
  t.match(owners.record(), { owner: rest, gen: 2 })
  t.same(owners.events.slice(-1), [`${rest} took empty`])
  owners.stop()
})

t.test('caretaker - a node whose lease is over neither begins nor claims', async (t) => {
  const owners = new Owners(three)
  const owner = owners.begin()
  const [mirror = ''] = owners.record().insync
  owners.frozen.add(mirror)
  owners.kill(owner)
  owners.clock.advance(5_000)
  t.equal(owners.record().version, 1)
  owners.frozen.delete(mirror)
  owners.clock.advance(1_000)
  t.equal(owners.record().owner, mirror)
  owners.stop()
})

t.test('writes - beyond the bound one waits for its turn, and is counted', async (t) => {
  const [clock, reached, seen] = [new VirtualClock(), noneReached(), [] as string[]]
  const writes = createWrites({
    records: memoryRecords(createRecordStore('s'), clock),
    now: () => clock.monotonic(),
    countMax: 1,
    reached,
    onWritten: () => undefined,
    onLatest: (id) => seen.push(id),
  })
  for (const id of ['purse.0', 'purse.1', 'purse.2']) writes.read(id)
  t.equal(writes.waitingCount, 2)
  t.equal(reached.recordWritesCountMax, 2)
  clock.advance(10)
  t.same(seen, ['purse.0', 'purse.1', 'purse.2'])
})

t.test('caretaker - fills of one node are bounded, and all come in the end', async (t) => {
  const owners = new Owners(three, 1, { fillsCountMax: 1 })
  const owner = owners.begin()
  const [mirror = ''] = owners.record().insync
  owners.kill(mirror)
  owners.clock.advance(2_000)
  t.equal(owners.record().insync.length, 1)
  t.equal(owners.record().owner, owner)
  owners.stop()
})

t.test('ownership - given to its mirror a shard goes on there, and back again', async (t) => {
  const owners = new Owners(three)
  const owner = owners.begin()
  const [mirror = ''] = owners.record().insync
  owners.change(owner, 3)
  owners.clock.advance(10)
  const held = owners.at(owner).get(shard)
  t.ok(held !== undefined && owners.at(owner).give(held, mirror))
  t.notOk(held === undefined || owners.at(owner).takesNew(held), 'it takes nothing new meanwhile')
  owners.clock.advance(1_000)
  t.match(owners.record(), { owner: mirror, epoch: 2, insync: [owner] })
  owners.change(mirror, 1)
  owners.clock.advance(1_000)
  const by = (name: string) =>
    owners.released.filter(({ node }) => node === name).map(({ change }) => change.seq)
  t.same(by(owner), [1, 2, 3])
  t.same(by(mirror), [4], 'it was told what had been released')
  t.same(
    owners.events.slice(1).sort(),
    [`${owner} gave to ${mirror}`, `${owner} stepped down`, `${mirror} took copy`].sort(),
  )
  t.equal(owners.at(owner).namedCount(), 1)
  owners.stop()
})

t.test('ownership - appends of one turn leave as one, and a read is confirmed by its own', async (t) => {
  const owners = new Owners(three)
  const owner = owners.begin()
  owners.clock.advance(10_000)
  const held = owners.at(owner).get(shard)
  if (held === undefined) return t.fail('it owns it')
  owners.change(owner, 5)
  owners.clock.advance(1)
  t.same(
    owners.released.map(({ change }) => change.seq),
    [1, 2, 3, 4, 5],
  )
  let isAnswered = false
  owners.clock.advance(5_000)
  const send = (): void => {
    isAnswered = true
  }
  owners.at(owner).read(held, { ...read(owners.clock.monotonic(), 5), send })
  t.notOk(isAnswered, 'its read lease has run out')
  owners.clock.advance(1)
  t.ok(isAnswered)
  owners.stop()
})

t.test('ownership - messages whose fields do not fit are not taken', async (t) => {
  const owners = new Owners(['a#1'])
  owners.begin()
  const ownership = owners.at('a#1')
  for (const verb of ['append', 'fill', 'ack', 'refuse', 'drop'] as const)
    t.notOk(ownership.onMirror('b#1', { type: 'mirror', shard, verb, body: { epoch: 'x' } }))
  ownership.onNotice({ shard, record: { owner: 'b#1' } })
  ownership.onNotice(undefined)
  t.equal(owners.record().owner, 'a#1')
  owners.stop()
  t.equal(owners.clock.pendingCount, 0, 'nothing of it is left')
})

t.test('ownership - a record that it is told of counts before the store shows it', async (t) => {
  const owners = new Owners(['a#1', 'b#1'])
  const owner = owners.begin()
  const notice = { ...owners.record(), version: 9, epoch: 9, owner: 'z#1', insync: [] }
  owners.at(owner).onNotice({ shard, record: notice })
  t.match(owners.at(owner).get(shard), { role: 'none', record: { owner: 'z#1' } })
  t.equal(owners.at(owner).ownerOf(shard), 'z#1')
  owners.stop()
})
