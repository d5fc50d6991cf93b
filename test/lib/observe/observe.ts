import * as io from 'io-ts'
import pino from 'pino'
import t, { type Test } from 'tap'
import { logEvents } from '../../../lib/observe/log.js'
import {
  behavior,
  message,
  next,
  nodeProtocol,
  supervisor,
  worker,
  disposable,
  entities,
  id,
  kind,
  protocol,
  reply,
} from '../../../lib/index.js'
import { testCluster } from '../../../supervisors/testing.js'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { meterNode } from '../../../lib/observe/meter.js'

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

const LampId = id('LampId')
const Lamp = protocol('lamp', LampId, { Switch: message().replies(io.number) })
const lamp = kind(Lamp, {
  activate: 'first-message',
  state: disposable<number>(),
  init: () => 0,
  on: { Switch: (count) => reply(count + 1, count + 1) },
})

t.test('the real meter reads what the node counts, when it asks', async (t) => {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })
  const provider = new MeterProvider({ readers: [reader] })
  t.teardown(() => provider.shutdown())
  const cluster = await testCluster(t, {
    nodes: ['n1'],
    tree: () => supervisor('root', {}, [entities(lamp)]),
  })
  const node = cluster.node.n1
  const metered = meterNode(node, provider.getMeter('tumen'))
  await node.ref(Lamp, LampId('hall')).ask(Lamp.Switch())

  const read = async () => {
    exporter.reset()
    await reader.forceFlush()
    const points = new Map<string, readonly { readonly value: unknown; readonly attributes: object }[]>()
    for (const { scopeMetrics } of exporter.getMetrics())
      for (const { metrics } of scopeMetrics)
        for (const { descriptor, dataPoints } of metrics) points.set(descriptor.name, dataPoints)
    return points
  }
  const first = await read()
  t.match(first.get('tumen.entities'), [{ value: 1, attributes: { node: 'n1', kind: 'lamp' } }])
  t.match(first.get('tumen.members'), [{ value: 1, attributes: { status: 'ready' } }])
  t.match(first.get('tumen.shards_owned'), [{ value: 1 }])
  const handled = (points: Map<string, readonly { readonly value: unknown }[]>) =>
    points.get('tumen.kernel_handled_total')?.[0]?.value as number
  await node.ref(Lamp, LampId('hall')).ask(Lamp.Switch())
  const second = await read()
  t.ok(handled(second) > handled(first), 'counters go on')
  metered.unsubscribe()
  await node.ref(Lamp, LampId('porch')).ask(Lamp.Switch())
  t.notMatch((await read()).get('tumen.entities'), [{ value: 2 }], 'nothing is read after unsubscribe')
})
