/** What a node counts, for a meter of OpenTelemetry. */
import type { Subscription, TumenNode } from '../api/node-types.js'
import type { NodeStatus } from '../api/status.js'

type Attributes = Readonly<Record<string, string>>
interface Result {
  observe(value: number, attributes?: Attributes): void
}
type Callback = (result: Result) => void
interface Instrument {
  addCallback(callback: Callback): void
  removeCallback(callback: Callback): void
}
type Create = (name: string, options: { readonly description: string }) => Instrument

/** As far as it is used here: `metrics.getMeter('tumen')` of `@opentelemetry/api` is one. */
export interface Meter {
  readonly createObservableCounter: Create
  readonly createObservableGauge: Create
}

type Read = (status: NodeStatus, observe: (value: number, attributes?: Attributes) => void) => void

const gauges: Readonly<Record<string, { readonly description: string; readonly read: Read }>> = {
  'tumen.members': {
    description: 'Nodes of the cluster as this node sees them, by status.',
    read: ({ members }, observe) => {
      const counts = new Map<string, number>()
      for (const { status } of members) counts.set(status, (counts.get(status) ?? 0) + 1)
      for (const [status, count] of counts) observe(count, { status })
    },
  },
  'tumen.entities': {
    description: 'Entities that run on this node, by kind.',
    read: ({ kinds }, observe) => {
      for (const { kind, entities } of kinds) observe(entities, { kind })
    },
  },
  'tumen.shards_owned': {
    description: 'Shards that this node owns, by kind.',
    read: ({ kinds }, observe) => {
      for (const { kind, shardsOwned } of kinds) observe(shardsOwned, { kind })
    },
  },
  'tumen.shards_mirrored': {
    description: 'Shards that this node mirrors, by kind.',
    read: ({ kinds }, observe) => {
      for (const { kind, shardsMirrored } of kinds) observe(shardsMirrored, { kind })
    },
  },
}

export interface MeterOptions {
  /** Called with what a reading threw. It is counted in `tumen.readings_failed_total` as well. */
  readonly failed?: (error: unknown) => void
}

/**
 * Gives a meter everything that `node.status()` counts: each counter under its own name after `tumen.`, and
 * gauges of members, entities and shards. Read when the meter asks, so it costs nothing in between. A reading
 * that fails is counted and leaves the others, and the next one, as they are.
 *
 * @example
 * meterNode(node, metrics.getMeter('tumen'))
 */
export const meterNode = (node: TumenNode, meter: Meter, { failed }: MeterOptions = {}): Subscription => {
  const undo: (() => void)[] = []
  let failedCount = 0
  const add = (instrument: Instrument, read: Read): void => {
    const callback: Callback = (result) => {
      try {
        read(node.status(), (value, attributes) => result.observe(value, { node: node.name, ...attributes }))
      } catch (error) {
        failedCount++
        failed?.(error)
      }
    }
    instrument.addCallback(callback)
    undo.push(() => instrument.removeCallback(callback))
  }
  const metered = new Set<string>()
  /** Some counters begin with the first thing that they count. */
  const addCounters = ({ counters }: NodeStatus): void => {
    for (const counter of Object.keys(counters)) {
      if (metered.has(counter)) continue
      metered.add(counter)
      const description = `The counter ${counter} of node.status().`
      add(meter.createObservableCounter(`tumen.${counter}`, { description }), (status, observe) => {
        observe(status.counters[counter] ?? 0)
      })
    }
  }
  for (const [name, { description, read }] of Object.entries(gauges)) {
    add(meter.createObservableGauge(name, { description }), read)
  }
  const description = 'Readings of this node for the meter that threw.'
  add(meter.createObservableCounter('tumen.readings_failed_total', { description }), (status, observe) => {
    addCounters(status)
    observe(failedCount)
  })
  addCounters(node.status())
  return {
    unsubscribe: () => {
      for (const each of undo) each()
    },
  }
}
