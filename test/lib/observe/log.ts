import * as io from 'io-ts'
import pino from 'pino'
import t, { type Test } from 'tap'
import { logEvents } from '../../../lib/observe/log.js'
import { behavior, message, next, nodeProtocol, supervisor, worker } from '../../../lib/index.js'
import { testCluster } from '../../../supervisors/testing.js'

const Safe = nodeProtocol('safe', { Open: message({ password: io.string }), Oil: message() })
const safe = behavior(Safe, {
  init: () => 0,
  on: {
    Open: () => {
      throw new Error('it is stuck')
    },
    Oil: (count) => next(count + 1),
  },
})

const logged = async (t: Test, level: string) => {
  const lines: Record<string, unknown>[] = []
  const logger = pino({ level }, { write: (line: string) => void lines.push(JSON.parse(line)) })
  const cluster = await testCluster(t, {
    nodes: ['n1'],
    tree: () => supervisor('root', {}, [worker('safe', safe, { restart: 'temporary' })]),
  })
  const node = cluster.node.n1
  const log = logEvents(node, logger)
  return { lines, node, log, cluster }
}

t.test('a crash is a line of pino with its error, its actor and its node', async (t) => {
  const { lines, node, cluster } = await logged(t, 'info')
  node.local(Safe).tell(Safe.Open({ password: 'sesame' }))
  await cluster.advance(1)
  const crash = lines.find(({ event }) => event === 'ActorCrashed')
  t.match(crash, {
    level: 50,
    node: node.id,
    path: 'root/safe',
    message: 'Open',
    err: { message: 'it is stuck' },
  })
  t.match(crash?.['msg'], /safe crashed.*it is stuck/)
})

t.test('what a message carries is never written', async (t) => {
  const { lines, node, cluster } = await logged(t, 'trace')
  const ref = node.local(Safe)
  ref.tell(Safe.Open({ password: 'sesame' }))
  await cluster.advance(1)
  ref.tell(Safe.Open({ password: 'sesame' }))
  await cluster.advance(1)
  const dead = lines.find(({ event }) => event === 'DeadLettered')
  t.match(dead, { path: 'root/safe', reason: 'stopped', message: 'Open' })
  t.notMatch(JSON.stringify(lines), 'sesame')
})

t.test('every event has its level, and ends with the subscription', async (t) => {
  const { lines, node, log, cluster } = await logged(t, 'debug')
  const ref = node.local(Safe)
  ref.tell(Safe.Open({ password: 'sesame' }))
  await cluster.advance(1)
  t.same(
    lines.map(({ event, level }) => [event, level]),
    [
      ['ActorCrashed', 50],
      ['ActorStopped', 20],
    ],
  )
  log.unsubscribe()
  ref.tell(Safe.Oil())
  await cluster.advance(1)
  t.equal(lines.length, 2)
})
