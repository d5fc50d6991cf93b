/**
 * One actor is flooded by another of the same process. Who else lives there must not notice: another actor
 * that is asked, a timer, and an HTTP server. The value is the worst of the three delays, 99 of 100, while
 * the flood lasts.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import * as t from 'io-ts'
import { act, behavior, message, next, nodeProtocol, reply } from '../lib/index.js'
import { memory, startNode, supervisor, type TumenNode, worker } from '../supervisors/index.js'
import type { Figure } from './harness.js'

const floodCount = 5_000_000
/** Told and not handled yet: the mailbox is never empty and never full. */
const openCount = 50_000
const chunkCount = 5_000
const timerMs = 10
const wantedMs = 20
const requestCount = 1_000

const Flooded = nodeProtocol('flooded', { Drop: message({ n: t.number }) })
const Flooder = nodeProtocol('flooder', { Pour: message({ count: t.number }) })
const Bystander = nodeProtocol('bystander', { Hello: message().replies() })
const Ticker = nodeProtocol('ticker', { Tick: message({ due: t.number }) })

interface Flood {
  readonly node: TumenNode
  /** With the last message handled: how many there were. */
  readonly over: Promise<number>
  readonly late: readonly number[]
  /** From now on the flood may end, when it has had its messages. */
  mayEnd(): void
}

const startFlood = async (): Promise<Flood> => {
  let told = 0
  let isWanted = true
  let finish: (handledCount: number) => void = () => undefined
  const over = new Promise<number>((done) => {
    finish = done
  })
  const late: number[] = []
  const flooder = behavior(Flooder, {
    init: () => 0,
    on: {
      Pour: (poured, { count }, self) => {
        const target = self.node.local(Flooded)
        if (isWanted || told < floodCount) {
          for (let i = 0; i < count; i++) target.tell(Flooded.Drop({ n: ++told }))
        }
        return next(poured + count)
      },
    },
  })
  const flooded = behavior(Flooded, {
    init: () => 0,
    on: {
      Drop: (handled, { n }, self) => {
        if (n % chunkCount === 0) self.node.local(Flooder).tell(Flooder.Pour({ count: chunkCount }))
        if (n === told) finish(n)
        return next(handled + 1)
      },
    },
  })
  const bystander = behavior(Bystander, { init: () => 0, on: { Hello: (state) => reply(state + 1) } })
  const ticker = behavior(Ticker, {
    init: () => 0,
    on: {
      Tick: (ticks, { due }) => {
        const now = performance.now()
        if (due > 0) late.push(now - due)
        return next(ticks + 1, act.after(timerMs, Ticker.Tick({ due: now + timerMs })))
      },
    },
  })
  const node = await startNode({
    cluster: 'bench',
    transport: memory(),
    config: { mailboxCountMax: openCount * 2 },
    tree: supervisor('root', {}, [
      worker('flooded', flooded),
      worker('flooder', flooder),
      worker('bystander', bystander),
      worker('ticker', ticker),
    ]),
  })
  const mayEnd = (): void => {
    isWanted = false
  }
  return { node, over, late, mayEnd }
}

/** The client is a process of its own: its delays must not be those of the flood. */
const requestAll = async (): Promise<{ readonly took: Promise<number[]>; close(): void }> => {
  const server = createServer((_, response) => response.end('here'))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const client = fork(new URL('fairness-client.js', import.meta.url), [String(port), String(requestCount)])
  await once(client, 'message')
  const took = once(client, 'message').then(([message]) => message as number[])
  client.send('go')
  return { took, close: () => server.close() }
}

const askUntil = async (node: TumenNode, isOver: () => boolean): Promise<number[]> => {
  const took: number[] = []
  while (!isOver()) {
    const since = performance.now()
    await node.local(Bystander).ask(Bystander.Hello())
    took.push(performance.now() - since)
    // An ask in each turn of the event loop, as a server would make one per request.
    await new Promise((done) => setImmediate(done))
  }
  return took
}

const percentile = (values: readonly number[], part: number): number =>
  values.toSorted((a, b) => a - b)[Math.ceil(values.length * part) - 1] ?? Number.NaN

/** Milliseconds, 99 of 100: the worst of ask, timer and HTTP request during 5 M messages or more. */
export const fairness = async (note: (line: string) => void): Promise<Figure> => {
  const { node, over, late, mayEnd } = await startFlood()
  const http = await requestAll()
  let isOver = false
  node.local(Ticker).tell(Ticker.Tick({ due: 0 }))
  node.local(Flooder).tell(Flooder.Pour({ count: openCount }))
  const since = performance.now()
  const asked = askUntil(node, () => isOver)
  const requested = await http.took
  mayEnd()
  const count = await over
  isOver = true
  const floodMs = performance.now() - since
  const delays = { ask: await asked, timer: late, http: requested }
  http.close()
  const { kernel_dead_letters_total: lost } = node.status().counters
  await node.stop()
  const told = Object.entries(delays).map(([name, values]) => {
    const most = Math.max(...values).toFixed(1)
    return `${name} ${percentile(values, 0.99).toFixed(1)} ms of ${values.length}, at most ${most}`
  })
  note(`fairness: ${count} messages in ${Math.round(floodMs)} ms, ${lost ?? 0} lost; ${told.join('; ')}`)
  const value = Math.max(...Object.values(delays).map((values) => percentile(values, 0.99)))
  return {
    bench: 'fairness',
    value: Number(value.toFixed(1)),
    unit: 'ms at p99',
    baseline: 'wanted at most',
    baselineValue: wantedMs,
    ratio: Number((value / wantedMs).toFixed(2)),
  }
}
