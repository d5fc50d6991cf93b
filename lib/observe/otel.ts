/** Tracing by OpenTelemetry. */
import type { Handling, Tracing } from './tracing.js'

interface Span {
  end(): void
  recordException(error: Error): void
  setStatus(status: { readonly code: number }): unknown
}
interface Tracer<C, S> {
  startSpan(name: string, options: { readonly attributes: Readonly<Record<string, string>> }, context: C): S
}

/** The module `@opentelemetry/api`, as far as it is used here. */
export interface OpenTelemetry<C, S> {
  readonly context: {
    active(): C
    with<A>(context: C, run: () => A): A
  }
  readonly trace: {
    getTracer(name: string): Tracer<C, S>
    setSpan(context: C, span: S): C
  }
  readonly ROOT_CONTEXT: C
}

/** `SpanStatusCode.ERROR`. */
const failedCode = 2

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof (value as { then?: unknown } | null | undefined)?.then === 'function'

/**
 * Makes OpenTelemetry's context flow from whoever tells or asks into the handler, where each message is a
 * span below that of its sender, named after the actor and the message. A handler that throws marks its
 * span as failed.
 *
 * @example
 * import * as api from '@opentelemetry/api'
 * const node = await startNode({ cluster: 'game', tree, tracing: otelTracing(api) })
 */
export const otelTracing = <C, S extends Span>(api: OpenTelemetry<C, S>): Tracing => {
  const { context, trace, ROOT_CONTEXT } = api
  const tracer = trace.getTracer('tumen')
  const started = (under: C, { kind, tag, path }: Handling): S =>
    tracer.startSpan(`${kind} ${tag}`, { attributes: { 'tumen.path': path } }, under)
  const failed = (span: S, error: unknown): void => {
    span.recordException(error instanceof Error ? error : new Error(String(error)))
    span.setStatus({ code: failedCode })
    span.end()
  }
  return {
    capture: () => {
      const active = context.active()
      return active === ROOT_CONTEXT ? undefined : active
    },
    handle: (sender, handling, run) => {
      // Only what `capture` gave comes back.
      const under = (sender as C | undefined) ?? ROOT_CONTEXT
      const span = started(under, handling)
      try {
        const result = context.with(trace.setSpan(under, span), run)
        if (isThenable(result)) {
          result.then(
            () => span.end(),
            (error: unknown) => failed(span, error),
          )
        } else {
          span.end()
        }
        return result
      } catch (error) {
        failed(span, error)
        throw error
      }
    },
  }
}
