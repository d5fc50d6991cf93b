import t from 'tap'
import * as io from 'io-ts'
import { id, kind, message, mirrored, next, protocol, refuse, reply } from '../../../lib/index.js'
import { kindData, outcomeData, specOf, specOfMessage } from '../../../lib/api/internal.js'

const CounterId = id('CounterId')
const Counter = protocol('counter', CounterId, {
  Add: message({ n: io.number }),
  Total: message().reads(io.number),
  Take: message({ n: io.number }).replies(io.number).refuses(io.literal('TOO_FEW')),
})
const counter = kind(Counter, {
  state: mirrored(io.number),
  init: () => 0,
  on: {
    Add: (total, { n }) => next(total + n),
    Total: (total) => total,
    Take: (total, { n }) => (n > total ? refuse('TOO_FEW') : reply(total - n, total - n)),
  },
})

t.test('protocol – a constructor makes plain data', async (t) => {
  t.equal(JSON.stringify(Counter.Add({ n: 1 })), '{"kind":"counter","tag":"Add","payload":{"n":1}}')
  t.same({ ...Counter.Total(), [specOfMessage]: 0 }, { kind: 'counter', tag: 'Total', payload: undefined, [specOfMessage]: 0 })
  t.same(Counter.at(CounterId('a')), { kind: 'counter', id: 'a' })
  t.equal(specOf(Counter, 'Add')?.form, 'tell')
  t.equal(specOf(Counter, 'Total')?.form, 'read')
  t.equal(specOf(Counter, 'Take')?.form, 'ask')
  t.equal(specOf(Counter, 'constructor'), undefined)
})

t.test('kind – the runtime reads its parts', async (t) => {
  const data = kindData(counter)
  t.equal(data.kind, 'counter')
  t.equal(data.activate, 'spawn')
  t.equal(data.consistency, 'strict')
  t.equal(outcomeData(data.on['Add']?.(1, { n: 2 }, {}))?.state, 3)
})
