import * as E from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import t from 'tap'
import { nodeId } from '../../../lib/ids.js'
import {
  apiSubjects,
  chainSubjects,
  clusterSubjects,
  inboxPrefix,
  nodeSubject,
  parseAckSubject,
  parseNodeSubject,
  parseRecordSubject,
  prefixSubjects,
  recordsStream,
  recordSubject,
  recordSubjects,
  unusedNodeSubject,
} from '../../../lib/wire/subjects.js'

const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_-]{0,20}$/)
const chain = fc.array(name, { minLength: 1, maxLength: 4 }).map((tokens) => tokens.join('.'))

t.test('subjects - the grammar is frozen', async (t) => {
  t.strictSame(
    [
      nodeSubject('c1', nodeId('n1', 3), 'data'),
      nodeSubject('c1', nodeId('n1', 3), 'control'),
      nodeSubject('c1', nodeId('n1', 3), 'probe'),
      unusedNodeSubject('c1', 'n1'),
      clusterSubjects('c1'),
      inboxPrefix('c1'),
      recordsStream('c1'),
      recordSubjects('c1'),
      recordSubject('c1', 'shard.party.17', 4),
      chainSubjects('c1', 'shard.party.17'),
      prefixSubjects('c1', 'shard'),
    ],
    [
      'tumen.c1.n.n1.3.d',
      'tumen.c1.n.n1.3.c',
      'tumen.c1.n.n1.3.p',
      'tumen.c1.n.n1.0.d',
      'tumen.c1.>',
      'tumen.c1.i',
      'tumen_c1_records',
      'tumen.c1.r.>',
      'tumen.c1.r.shard.party.17.4',
      'tumen.c1.r.shard.party.17.*',
      'tumen.c1.r.shard.>',
    ],
  )
  const { consumerDelete, ...api } = apiSubjects('c1')
  t.ok(Object.values(api).every((subject) => subject.startsWith('$JS.API.')))
  t.equal(consumerDelete('x'), '$JS.API.CONSUMER.DELETE.tumen_c1_records.x')
})

t.test('subjects - what is built is read back', async () => {
  const lane = fc.constantFrom('data' as const, 'control' as const, 'probe' as const)
  fc.assert(
    fc.property(name, name, fc.integer({ min: 1 }), lane, (cluster, node, incarnation, lane) => {
      const parts = { cluster, node: nodeId(node, incarnation), lane }
      const read = parseNodeSubject(nodeSubject(parts.cluster, parts.node, lane))
      return E.isRight(read) && JSON.stringify(read.right) === JSON.stringify(parts)
    }),
  )
  fc.assert(
    fc.property(name, chain, fc.integer({ min: 1 }), (cluster, chain, version) => {
      const read = parseRecordSubject(cluster, recordSubject(cluster, chain, version))
      return E.isRight(read) && read.right.chain === chain && read.right.version === version
    }),
  )
})

t.test('subjects - what is not one is a sentence', async (t) => {
  const wrong = [
    '',
    'tumen',
    'tumen.c.n.a.0.d',
    'tumen.c.n.a.1.x',
    'tumen.c.n.a.1.d.e',
    'x.c.n.a.1.d',
    'tumen.c.r.a.1.d',
  ]
  for (const subject of wrong) t.match(parseNodeSubject(subject), E.left(/is no subject of a node/))
  for (const subject of [
    '',
    'tumen.c.r.1',
    'tumen.c.r.a.0',
    'tumen.c.r.a.x',
    'tumen.d.r.a.1',
    'tumen.c.r..1',
  ]) {
    t.match(parseRecordSubject('c', subject), E.left(/is no subject of a record/))
  }
  for (const subject of ['', '$JS.ACK.s.c.1.2.3', '$JS.ACK.s.c.1.x.3.4.5', 'a.b.s.c.1.2.3.4.5'])
    t.match(parseAckSubject(subject), E.left(/not a/))
})

t.test('subjects - deliveries of old and new servers are read', async (t) => {
  const expected = E.right({ streamSequence: 20, consumerSequence: 7, pending: 3 })
  t.strictSame(parseAckSubject('$JS.ACK.stream.consumer.1.20.7.1667000000000000000.3'), expected)
  t.strictSame(
    parseAckSubject('$JS.ACK.domain.account.stream.consumer.1.20.7.1667000000000000000.3.token'),
    expected,
  )
})
