import * as api from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import t from 'tap'
import { otelTracing } from '../../../lib/observe/otel.js'

const exporter = new InMemorySpanExporter()
const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
api.trace.setGlobalTracerProvider(provider)
api.context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
t.teardown(() => provider.shutdown())
t.beforeEach(() => exporter.reset())

const tracing = otelTracing(api)
const tracer = api.trace.getTracer('test')
const spanNamed = (name: string) => {
  const found = exporter.getFinishedSpans().find((span) => span.name === name)
  if (found === undefined) throw new Error(`there is no span "${name}"`)
  return found
}
const handling = { kind: 'party', tag: 'Join', path: 'root/party' }

t.test('a message is a span below that of its sender, and what it calls is below it', async (t) => {
  const carried = tracer.startActiveSpan('request', (span) => {
    const context = tracing.capture()
    span.end()
    return context
  })
  await tracing.handle(carried, handling, async () => {
    await Promise.resolve()
    tracer.startActiveSpan('store', (span) => span.end())
  })
  const message = spanNamed('party Join')
  t.equal(message.parentSpanContext?.spanId, spanNamed('request').spanContext().spanId)
  t.equal(spanNamed('store').parentSpanContext?.spanId, message.spanContext().spanId)
  t.same(message.attributes, { 'tumen.path': 'root/party' })
})

t.test('without a sender in a span a message begins a trace of its own', async (t) => {
  t.equal(tracing.capture(), undefined)
  t.equal(
    tracing.handle(undefined, handling, () => 7),
    7,
  )
  t.equal(spanNamed('party Join').parentSpanContext, undefined)
})

t.test('a handler that throws or rejects marks its span, and the error goes on', async (t) => {
  t.throws(
    () =>
      tracing.handle(undefined, handling, () => {
        throw new Error('no')
      }),
    { message: 'no' },
  )
  t.match(spanNamed('party Join'), {
    status: { code: api.SpanStatusCode.ERROR },
    events: [{ name: 'exception' }],
  })
  exporter.reset()
  await t.rejects(
    tracing.handle(undefined, handling, () => Promise.reject(new Error('later'))),
    { message: 'later' },
  )
  t.match(spanNamed('party Join'), { status: { code: api.SpanStatusCode.ERROR } })
})
