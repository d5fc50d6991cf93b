import t from 'tap'
import * as io from 'io-ts'
import { id, kind, message, mirrored, next, protocol, reply } from '../../../lib/index.js'
import { kindData } from '../../../lib/api/kind.js'
import { EngineCluster } from '../../fixtures/engine-cluster.js'

const CounterId = id('CounterId')
const Counter = protocol('counter', CounterId, {
  Add: message({ n: io.number }).replies(io.number),
  Bump: message(),
  Total: message().reads(io.number),
})
const counter = kindData(
  kind(Counter, {
    activate: 'first-message',
    state: mirrored(io.number),
    init: () => 0,
    on: {
      Add: (total, { n }) => reply(total + n, total + n),
      Bump: (total) => next(total + 1),
      Total: (total) => total,
    },
  }),
)

t.test('engine – what was acknowledged is there after the owner is gone', async (t) => {
  const c = new EngineCluster([counter])
  await c.start('n1')
  await c.start('n2')
  await c.start('n3')
  c.clock.advance(1_000)
  const ids = Array.from({ length: 20 }, (_, i) => `c${i}`)
  for (const id of ids) t.same(c.ask('n1', 'counter', id, 'Add', { n: 2 }), { tag: 'reply', payload: 2 })
  t.same(c.ask('n2', 'counter', 'c1', 'Add', { n: 3 }, 1_000, 'r1'), { tag: 'reply', payload: 5 })
  t.same(
    c.ask('n3', 'counter', 'c1', 'Add', { n: 3 }, 1_000, 'r1'),
    { tag: 'reply', payload: 5 },
    'once per reqId',
  )
  const where = c.at('n2').where('counter', 'c1')
  t.equal(where.insync.length, 1, 'one mirror')
  const victim = where.owner?.split('#')[0] ?? ''
  const other = ['n1', 'n2', 'n3'].find((name) => name !== victim) ?? ''
  c.kill(victim)
  t.same(
    c.ask(other, 'counter', 'c1', 'Add', { n: 3 }, 5_000, 'r1'),
    { tag: 'reply', payload: 5 },
    'still once',
  )
  for (const id of ids)
    t.same(c.ask(other, 'counter', id, 'Total', undefined), { tag: 'reply', payload: id === 'c1' ? 5 : 2 })
  t.ok(c.at(other).where('counter', 'c1').epoch > where.epoch, 'a new epoch')
})

t.test('engine – a planned leave loses nothing and leaves no record behind', async (t) => {
  const c = new EngineCluster([counter])
  await c.start('n1')
  await c.start('n2')
  await c.start('n3')
  const ids = Array.from({ length: 20 }, (_, i) => `c${i}`)
  for (const id of ids) c.ask('n1', 'counter', id, 'Add', { n: 1 })
  let hasLeft = false
  c.at('n1').leave(10_000, () => {
    hasLeft = true
  })
  for (let i = 0; i < 100 && !hasLeft; i++) c.clock.advance(50)
  t.ok(hasLeft)
  for (const id of ids) t.same(c.ask('n2', 'counter', id, 'Total', undefined), { tag: 'reply', payload: 1 })
  for (const id of ids) t.notMatch(c.at('n2').where('counter', id).owner, /^n1/)
})
