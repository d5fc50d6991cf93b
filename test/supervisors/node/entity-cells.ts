import t from 'tap'
import type { EntitiesData } from '../../../lib/api/internal.js'
import type { EntityBody, EntityCell, Work } from '../../../lib/entity/hosting.js'
import { entityCells } from '../../../supervisors/node/entity-cells.js'
import { bed } from '../../fixtures/kernel/index.js'
import { purse } from '../../fixtures/purse.js'

const mail = (tag: string): Work => ({
  type: 'mail',
  envelope: { type: 'tell', kind: 'purse', id: 'a', tag, payload: null, hops: 0 },
  from: 'n2#1',
})
const own: Work = { type: 'own', input: { type: 'timer', name: 'bell', at: 0 } }
const nameOf = (work: Work): string => (work.type === 'mail' ? work.envelope.tag : work.input.type)

const bench = ({ countMax = 10, mailboxCountMax = 100 } = {}) => {
  const { kernel, clock } = bed()
  const handled: string[] = []
  const crashed: string[] = []
  const left: string[] = []
  const spec = { kind: purse, countMax } as unknown as EntitiesData
  const cells = entityCells({ kernel, random: { next: () => 0 }, mailboxCountMax }, spec, () => undefined)
  const open = (id = 'a'): EntityCell | undefined => {
    const body: EntityBody = {
      kind: purse,
      id,
      handle: (work) => {
        if (nameOf(work) === 'Boom') throw new Error('on purpose')
        handled.push(nameOf(work))
      },
      crashed: (work, error) => crashed.push(`${nameOf(work)}: ${(error as Error).message}`),
      left: (work) => left.push(nameOf(work)),
    }
    return cells.open(body)
  }
  return { clock, handled, crashed, left, cells, open }
}

t.test('entity cells - one handles its mail in order, its own work first', async (t) => {
  const { clock, handled, open } = bench()
  const cell = open()
  for (const work of [mail('one'), mail('two'), own]) t.ok(cell?.post(work))
  t.equal(cell?.mailCount, 3)
  clock.advance(1)
  t.equal(cell?.mailCount, 0)
  t.same(handled, ['timer', 'one', 'two'])
})

t.test('entity cells - the mailbox is bounded for mail, not for its own work', async (t) => {
  const { clock, handled, open } = bench({ mailboxCountMax: 2 })
  const cell = open()
  t.same(
    [mail('one'), mail('two'), mail('three'), own].map((work) => cell?.post(work)),
    [true, true, false, true],
  )
  clock.advance(1)
  t.equal(handled.length, 3)
})

t.test('entity cells - at most so many at once; one that is closed makes room', async (t) => {
  const { cells, open } = bench({ countMax: 2 })
  const first = open('a')
  open('b')
  t.equal(open('c'), undefined)
  t.equal(cells.count(), 2)
  first?.close()
  t.equal(cells.count(), 1)
  t.ok(open('c'))
})

t.test('entity cells - a crash costs the message that crashed it; the rest is handled at once', async (t) => {
  const { clock, handled, crashed, open } = bench()
  const cell = open()
  for (const tag of ['one', 'Boom', 'two']) cell?.post(mail(tag))
  clock.advance(1)
  t.same(crashed, ['Boom: on purpose'])
  t.same(handled, ['one', 'two'])
})

t.test(
  'entity cells - one that crashes again and again waits ever longer, ten seconds at most',
  async (t) => {
    const { clock, handled, crashed, open } = bench()
    const cell = open()
    const waits: number[] = []
    for (let i = 0; i < 12; i++) {
      cell?.post(mail('Boom'))
      cell?.post(mail(`${i}`))
      const begun = clock.monotonic()
      while (handled.length <= i) clock.advance(50)
      waits.push(clock.monotonic() - begun)
    }
    t.equal(crashed.length, 12)
    t.same(waits.slice(0, 5), [50, 100, 200, 400, 800])
    t.same(waits.slice(-2), [10_000, 10_000])
  },
)

t.test('entity cells - after a calm minute the next crash counts as the first', async (t) => {
  const { clock, handled, open } = bench()
  const cell = open()
  for (let i = 0; i < 4; i++) cell?.post(mail('Boom'))
  clock.advance(61_000)
  clock.advance(61_000)
  cell?.post(mail('Boom'))
  cell?.post(mail('after'))
  clock.advance(1)
  t.same(handled, ['after'])
})

t.test(
  'entity cells - what is left in a closed one is given back, also while it waits after a crash',
  async (t) => {
    const { clock, handled, left, open } = bench()
    const cell = open()
    for (const tag of ['Boom', 'Boom', 'one', 'two']) cell?.post(mail(tag))
    clock.advance(1)
    t.same(handled, [])
    cell?.close()
    clock.advance(30_000)
    t.same(left, ['one', 'two'])
    t.same(handled, [])
  },
)
