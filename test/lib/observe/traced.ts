import * as api from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import * as io from 'io-ts'
import t from 'tap'
import {
  act,
  behavior,
  memory,
  message,
  next,
  nodeProtocol,
  otelTracing,
  reply,
  startNode,
  supervisor,
  worker,
} from '../../../supervisors/index.js'

const exporter = new InMemorySpanExporter()
const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
api.trace.setGlobalTracerProvider(provider)
api.context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
t.teardown(() => provider.shutdown())
const tracer = api.trace.getTracer('test')

const Door = nodeProtocol('door', { Knock: message().replies(io.string) })
const Bell = nodeProtocol('bell', { Ring: message() })
const Log = nodeProtocol('log', { Note: message() })

t.test('the context flows through ask and tell, from actor to actor, also after an await', async (t) => {
  const rung = new Promise<void>((done) => {
    const log = behavior(Log, {
      init: () => 0,
      on: {
        Note: (count) => {
          done()
          return next(count + 1)
        },
      },
    })
    const bell = behavior(Bell, {
      init: () => 0,
      on: {
        Ring: async (count, _, self) => {
          await Promise.resolve()
          return next(count + 1, act.tell(Log.on(self.node.id), Log.Note()))
        },
      },
    })
    const door = behavior(Door, {
      init: () => 0,
      on: {
        Knock: async (count, _, self) => {
          await Promise.resolve()
          self.node.local(Bell).tell(Bell.Ring())
          return reply(count + 1, 'who is there?')
        },
      },
    })
    const starting = startNode({
      cluster: 'traced',
      transport: memory(),
      tree: supervisor('root', {}, [worker('log', log), worker('bell', bell), worker('door', door)]),
      tracing: otelTracing(api),
    })
    t.teardown(async () => (await starting).stop())
    void starting.then((node) =>
      tracer.startActiveSpan('request', async (span) => {
        await node.local(Door).ask(Door.Knock())
        span.end()
      }),
    )
  })
  await rung
  await provider.forceFlush()
  const spans = new Map(exporter.getFinishedSpans().map((span) => [span.name, span]))
  const parent = (name: string) => spans.get(name)?.parentSpanContext?.spanId
  const own = (name: string) => spans.get(name)?.spanContext().spanId
  t.ok(own('request'))
  t.equal(parent('door Knock'), own('request'))
  t.equal(parent('bell Ring'), own('door Knock'))
  t.equal(parent('log Note'), own('bell Ring'))
  t.equal(spans.get('door Knock')?.attributes['tumen.path'], 'root/door')
})
