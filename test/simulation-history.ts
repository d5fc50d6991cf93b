import * as fc from 'fast-check'
import t from 'tap'
import { type Operation, type Outcome, problemsOf } from './fixtures/simulation/history.js'

/** `version value` or null, from one time to another. */
type Line = readonly [tag: 'write' | 'read' | 'swap', value: string, from: number, to: number, told?: string]

const outcomeOf = (text: string): Outcome => {
  const [version = '', value = ''] = text.split(' ')
  return { gen: 1, version: Number(version), value }
}
const history = (lines: readonly Line[]): Operation[] =>
  lines.map(([tag, value, invokedAt, to, told], i) => ({
    number: i + 1,
    entity: 'r',
    tag,
    value,
    invokedAt,
    returnedAt: told === undefined ? Number.POSITIVE_INFINITY : to,
    outcome: told === undefined ? null : outcomeOf(told),
  }))
const found = (operations: readonly Operation[]): readonly string[] => [
  ...new Set(problemsOf(operations).map(({ what }) => what)),
]

t.test('history – what one order explains is accepted', async (t) => {
  t.same(found(history([])), [])
  const overlapping = history([
    ['write', 'a', 0, 10, '1 a'],
    ['write', 'b', 1, 9, '2 b'],
    ['read', '', 2, 8, '1 a'],
    ['read', '', 3, 20, '2 b'],
  ])
  t.same(found(overlapping), [])
  t.same(
    found(
      history([
        ['write', 'a', 0, 1],
        ['read', '', 2, 3, '0 '],
        ['read', '', 4, 5, '1 a'],
      ]),
    ),
    [],
  )
  t.same(
    found(
      history([
        ['write', 'a', 0, 1],
        ['write', 'b', 2, 3, '2 b'],
      ]),
    ),
    [],
    'one without a word fills a gap',
  )
  const lost = history([
    ['write', 'a', 0, 1, '1 a'],
    ['read', '', 2, 3, '0 '],
  ])
  ;(lost[1] as Operation).outcome = { gen: 2, version: 0, value: '' }
  t.same(found(lost), [], 'a new life begins empty')
})

t.test('history – ten that no order explains are refused', async (t) => {
  const twoOf = (first: Line, second: Line): readonly Line[] => [first, second]
  const planted: Record<string, readonly Line[]> = {
    'a stale read': [
      ['write', 'a', 0, 1, '1 a'],
      ['write', 'b', 2, 3, '2 b'],
      ['read', '', 4, 5, '1 a'],
    ],
    'a lost write': [
      ['write', 'a', 0, 1, '1 a'],
      ['read', '', 2, 3, '0 '],
    ],
    'a split brain': [
      ['write', 'a', 0, 1, '1 a'],
      ['write', 'b', 2, 3, '2 b'],
      ['write', 'c', 2, 3, '2 c'],
      ['read', '', 4, 5, '2 c'],
    ],
    'a reordered pair': twoOf(['write', 'a', 0, 1, '2 a'], ['write', 'b', 2, 3, '1 b']),
    'a double apply': [
      ['write', 'a', 0, 1, '1 a'],
      ['read', '', 2, 3, '1 a'],
      ['read', '', 4, 5, '2 a'],
    ],
    'a double apply that only its number shows': twoOf(
      ['write', 'a', 0, 1, '1 a'],
      ['write', 'b', 2, 3, '3 b'],
    ),
    'a read from the future': twoOf(['read', '', 0, 1, '1 a'], ['write', 'a', 2, 3]),
    'a write that was visible and is gone': [
      ['write', 'a', 0, 1],
      ['read', '', 2, 3, '1 a'],
      ['write', 'b', 4, 5, '1 b'],
    ],
    'two owners that answer': [
      ['write', 'a', 0, 1, '1 a'],
      ['read', '', 2, 3, '1 a'],
      ['read', '', 2, 3, '0 '],
    ],
    'reads that go back, through two nodes': [
      ['write', 'a', 0, 9, '1 a'],
      ['write', 'b', 0, 9, '2 b'],
      ['read', '', 1, 2, '2 b'],
      ['read', '', 3, 4, '1 a'],
    ],
    'a value that nobody wrote': [['read', '', 0, 1, '1 x']],
  }
  for (const [name, lines] of Object.entries(planted)) t.not(found(history(lines)).length, 0, name)
})

t.test('history – one request has one answer, and a swap one reason', async (t) => {
  const [one] = history([['write', 'a', 0, 1, '1 a']]) as [Operation]
  t.same(found([{ ...one, repeated: [outcomeOf('1 a')] }]), [])
  t.same(found([{ ...one, repeated: [outcomeOf('2 a')] }]), ['answer-differs'])
  const [write, refused] = history([
    ['write', 'a', 0, 1, '1 a'],
    ['swap', 'b', 2, 3, '1 a'],
  ]) as [Operation, Operation]
  const ifIs = { gen: 1, version: 0 }
  const lost = { ...refused, ifIs, isRefused: true, repeated: [{ gen: 1, version: 2, value: 'b' }] }
  t.same(found([write, { ...lost, repeated: [] }]), [])
  t.same(found([write, lost]), ['answer-differs'], 'a refusal that was acknowledged and then forgotten')
  t.same(found([write, { ...lost, repeated: [], ifIs: { gen: 1, version: 1 } }]), ['swap'])
})

/** Wing and Gong: tries each operation that nothing else has to precede, and remembers where it has been. */
const isLinearizable = (operations: readonly Operation[]): boolean => {
  const been = new Set<string>()
  const from = (left: readonly Operation[], version: number, value: string): boolean => {
    const key = `${left.map(({ number }) => number).join()} ${version} ${value}`
    if (left.every(({ outcome }) => outcome === null)) return true
    if (been.has(key)) return false
    been.add(key)
    return left.some((operation) => {
      if (left.some((other) => other.returnedAt < operation.invokedAt)) return false
      const { tag, outcome } = operation
      const rest = left.filter((other) => other !== operation)
      if (tag === 'read')
        return outcome === null || (outcome.version === version && outcome.value === value)
          ? from(rest, version, value)
          : false
      const fits = outcome === null || outcome.version === version + 1
      return fits && from(rest, version + 1, operation.value)
    })
  }
  return from(operations, 0, '')
}

/** Operations as a real register would answer them, then one answer changed now and then. */
const histories = fc
  .array(
    fc.record({
      isRead: fc.boolean(),
      at: fc.nat(12),
      before: fc.nat(6),
      after: fc.nat(6),
      isUnknown: fc.nat(3).map((n) => n === 0),
    }),
    { minLength: 1, maxLength: 6 },
  )
  .chain((plans) =>
    fc.tuple(
      fc.constant(plans),
      fc.option(fc.record({ which: fc.nat(plans.length - 1), by: fc.constantFrom(-1, 1, 2) })),
    ),
  )
  .map(([plans, change]) => {
    let version = 0
    let value = ''
    const operations: Operation[] = []
    const inOrder = plans.map((plan, i) => ({ ...plan, at: plan.at + i / 10 })).sort((a, b) => a.at - b.at)
    for (const [i, { isRead, at, before, after, isUnknown }] of inOrder.entries()) {
      if (!isRead) {
        version++
        value = `v${i}`
      }
      const outcome = isUnknown ? null : { gen: 1, version, value }
      operations.push({
        number: i,
        entity: 'r',
        tag: isRead ? 'read' : 'write',
        value: isRead ? '' : `v${i}`,
        invokedAt: at - before,
        returnedAt: isUnknown ? Number.POSITIVE_INFINITY : at + after,
        outcome,
      })
    }
    const wrong = change === null ? undefined : operations[change.which]
    if (wrong?.outcome && change !== null) {
      const to = Math.max(0, wrong.outcome.version + change.by)
      const there = operations.find(({ outcome }) => outcome?.version === to)?.outcome?.value
      const its = wrong.tag === 'write' ? wrong.value : (there ?? '')
      wrong.outcome = { gen: 1, version: to, value: its }
    }
    return operations
  })

t.test('history – the checker says what a search of all orders says', async (t) => {
  let refused = 0
  fc.assert(
    fc.property(histories, (operations) => {
      const isGood = isLinearizable(operations)
      if (!isGood) refused++
      return isGood === (problemsOf(operations).length === 0)
    }),
    { numRuns: 20_000 },
  )
  t.ok(refused > 500, `${refused} of 20,000 were to be refused`)
})
