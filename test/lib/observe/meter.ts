import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import * as io from 'io-ts'
import t from 'tap'
import { meterNode } from '../../../lib/observe/meter.js'
import { disposable, entities, id, kind, message, protocol, reply, supervisor } from '../../../lib/index.js'
import { testCluster } from '../../../supervisors/testing.js'

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
