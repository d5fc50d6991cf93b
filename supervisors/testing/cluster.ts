/** A whole cluster in one process on one clock: nodes that a test kills, freezes and cuts off. */
import type { ChildSpec } from '../../lib/api/child-data.js'
import { Misuse } from '../../lib/api/misuse.js'
import type { TumenNode } from '../../lib/api/node-types.js'
import type { ConfigInput } from '../../lib/config.js'
import type { PersistenceEngine, SnapshotStore } from '../../lib/persistence/protocol.js'
import { seededRandom } from '../../lib/std/random.js'
import { faulty, type FaultyTransport } from '../../lib/transport/faulty.js'
import { memory } from '../../lib/transport/memory.js'
import type { Parts } from '../node/parts.js'
import { startParts } from '../node/start.js'
import { NodeClock, TestClock } from './clock.js'
import { Expecting, type Expectations } from './expect.js'

/** What closes when a test ends: tap, node:test and vitest each have one of these. */
export type Closes =
  | { teardown(fn: () => Promise<void>): unknown }
  | { after(fn: () => Promise<void>): unknown }
  | { onTestFinished(fn: () => Promise<void>): unknown }

export interface TestClusterOptions<N extends string> {
  readonly nodes: readonly N[]
  /** Those of them that only `start` starts. Default: none. */
  readonly later?: readonly NoInfer<N>[]
  /** Called once per node. */
  readonly tree: () => ChildSpec
  /** The same seed gives the same run; default 1. */
  readonly seed?: number
  /** Default: that of a node, with fewer shards and with `diagnostics`. */
  readonly config?: ConfigInput
  /** For persisted kinds; it outlives the nodes. */
  readonly persistence?: PersistenceEngine
  /** For kinds with `snapshotOnLeave`. */
  readonly snapshots?: SnapshotStore
}

export interface WaitOptions {
  /** Milliseconds of the cluster's time; default 10,000. */
  readonly deadlineMs?: number
}

/**
 * Nodes in this process, over memory, on one virtual clock. Everything else is real: trees, frames, records,
 * leases, mirrors, takeovers.
 *
 * What is due at this moment runs by itself, so an ask between healthy nodes is just awaited. Time passes
 * only in
 * `advance` and `waitUntil`: an ask that needs time, such as one to an entity whose node was just killed, is
 * awaited inside `waitUntil`, or after `advance`.
 */
export interface TestCluster<N extends string> {
  readonly node: { readonly [K in N]: TumenNode }
  readonly seed: number
  /** Wall clock of all nodes, in milliseconds since 1970. */
  now(): number
  /** Moves the one clock of all nodes and runs everything that falls due, in order. */
  advance(ms: number): Promise<void>
  /**
   * Lets time pass until the condition holds. A condition that throws or rejects does not hold yet; its last
   * error, and what each node knows, are in the message when the deadline passes.
   */
  waitUntil(what: string, holds: () => boolean | Promise<boolean>, options?: WaitOptions): Promise<void>
  /** What the test expects; it fails with what happened instead. */
  readonly expect: Expectations
  /** Starts a node that does not run: one of `later`; or one that ended, as a new incarnation. */
  start(node: N): Promise<void>
  /** As SIGTERM: it hands over what it has and leaves. */
  stop(node: N): Promise<void>
  /** As SIGKILL: from now on nothing of it reaches anybody, and nobody is told. */
  kill(node: N): void
  /** As SIGSTOP: nothing of it runs, what is sent to it waits. */
  freeze(node: N): void
  thaw(node: N): void
  /** From now on nothing gets from one to the other; the other way is as before. */
  cut(from: N, to: N): void
  /** Ends all cuts. */
  heal(): void
}

const startDeadlineMs = 60_000
/** After it every node is a witness of crashes: nodes that have only just come up suspect nobody. */
const warmUpMs = 3_000
const stepMs = 5

class Cluster<N extends string> implements TestCluster<N> {
  readonly node = {} as Record<N, TumenNode>
  readonly seed: number
  readonly expect = new Expecting({ until: (holds, withinMs) => this.#until(holds, withinMs) })
  readonly #options: TestClusterOptions<N>
  readonly #clock = new TestClock()
  readonly #transport: FaultyTransport
  readonly #running = new Map<N, Parts>()
  readonly #clocks = new Map<N, NodeClock>()
  #startsCount = 0
  #ending: Promise<unknown>[] = []

  constructor(options: TestClusterOptions<N>) {
    if (options.nodes.length === 0)
      throw new Misuse('WrongForm', "testCluster: nodes: expected one name or more, such as ['n1'].")
    this.#options = options
    this.seed = options.seed ?? 1
    this.#transport = faulty(memory(), { clock: this.#clock, random: seededRandom(this.seed) })
  }

  async startAll(): Promise<void> {
    const { nodes, later = [] } = this.#options
    const first = nodes.filter((name) => !later.includes(name))
    await this.#during(Promise.all(first.map((name) => this.#startOne(name))), startDeadlineMs)
    await this.waitUntil('all nodes are ready', () => this.#allReady(), { deadlineMs: startDeadlineMs })
    await this.advance(warmUpMs)
  }

  now(): number {
    return this.#clock.now()
  }
  advance(ms: number): Promise<void> {
    return this.#clock.pass(ms)
  }

  async waitUntil(
    what: string,
    holds: () => boolean | Promise<boolean>,
    options: WaitOptions = {},
  ): Promise<void> {
    const { deadlineMs = 10_000 } = options
    const until = this.#clock.monotonic() + deadlineMs
    let lastError: unknown
    for (;;) {
      const looking = Promise.resolve()
        .then(holds)
        .catch((error: unknown) => {
          lastError = error
          return false
        })
      const found = await this.#during(looking, until - this.#clock.monotonic())
      if (found === true) return
      if (this.#clock.monotonic() >= until) throw new Error(this.#dump(what, deadlineMs, lastError))
      await this.advance(stepMs)
    }
  }

  kill(node: N): void {
    this.#known(node)
    const parts = this.#running.get(node)
    if (parts === undefined) return
    this.#running.delete(node)
    this.thaw(node)
    this.#ending.push(parts.session.close(), parts.stop(0))
  }
  async start(node: N): Promise<void> {
    this.#known(node)
    if (this.#running.has(node)) throw new Error(`${node} runs already: stop or kill it first`)
    await this.#during(this.#startOne(node), startDeadlineMs)
  }
  async stop(node: N): Promise<void> {
    this.#known(node)
    const parts = this.#running.get(node)
    if (parts === undefined) return
    this.#running.delete(node)
    await this.#during(parts.node.stop(), startDeadlineMs)
  }
  freeze(node: N): void {
    this.#known(node)
    this.#clocks.get(node)?.freeze()
    this.#transport.faults.pause(node)
  }
  thaw(node: N): void {
    this.#known(node)
    this.#clocks.get(node)?.thaw()
    this.#transport.faults.resume(node)
  }
  cut(from: N, to: N): void {
    this.#known(from)
    this.#known(to)
    this.#transport.faults.cut(from, to)
  }
  heal(): void {
    this.#transport.faults.heal()
  }

  async close(): Promise<void> {
    for (const node of [...this.#running.keys()]) this.kill(node)
    await this.#during(Promise.allSettled(this.#ending), startDeadlineMs)
  }

  #known(node: N): void {
    const { nodes } = this.#options
    if (nodes.includes(node)) return
    const named = nodes.join(', ')
    throw new Misuse('WrongForm', `"${String(node)}" is no node of this test cluster, which has ${named}.`)
  }

  async #startOne(name: N): Promise<void> {
    const clock = new NodeClock(this.#clock)
    this.#clocks.set(name, clock)
    const parts = await startParts({
      cluster: 'test',
      name,
      transport: this.#transport,
      tree: this.#options.tree(),
      config: { shardCount: 64, diagnostics: true, ...this.#options.config },
      clock,
      random: seededRandom(this.seed * 1_009 + ++this.#startsCount),
      ...(this.#options.persistence === undefined ? {} : { persistence: this.#options.persistence }),
      ...(this.#options.snapshots === undefined ? {} : { snapshots: this.#options.snapshots }),
    })
    this.#running.set(name, parts)
    this.node[name] = parts.node
    this.expect.watch(parts.node)
  }

  async #until(holds: () => boolean, withinMs: number): Promise<boolean> {
    const until = this.#clock.monotonic() + withinMs
    await this.#clock.settle()
    while (!holds() && this.#clock.monotonic() < until) {
      await this.advance(Math.min(stepMs, until - this.#clock.monotonic()))
    }
    return holds()
  }

  /** Lets time pass while something is under way; undefined when it takes longer. */
  async #during<A>(work: Promise<A>, deadlineMs: number): Promise<A | undefined> {
    const until = this.#clock.monotonic() + deadlineMs
    let isOver = false
    const watched = work.finally(() => {
      isOver = true
    })
    watched.catch(() => undefined)
    await this.#clock.settle()
    while (!isOver && this.#clock.monotonic() < until) await this.advance(stepMs)
    return isOver ? watched : undefined
  }

  #allReady(): boolean {
    const statuses = [...this.#running.values()].map((parts) => parts.node.status())
    return statuses.every(
      ({ status, members }) =>
        status === 'ready' &&
        members.filter((member) => member.status === 'ready').length === statuses.length,
    )
  }

  #dump(what: string, deadlineMs: number, lastError: unknown): string {
    const nodes = [...this.#running.values()].map((parts) => {
      const { node, status, members, kinds } = parts.node.status()
      const seen = members.map((member) => `${member.node} ${member.status}`).join(', ')
      const runs = kinds
        .map((k) => `${k.kind}: owns ${k.shardsOwned}, mirrors ${k.shardsMirrored} shards`)
        .join('; ')
      return `  ${node} ${status}; sees ${seen || 'nobody'}; ${runs}`
    })
    const last = lastError === undefined ? '' : `\nthe last error: ${String(lastError)}`
    return `not within ${deadlineMs} ms: ${what} (seed ${this.seed})${last}\n${nodes.join('\n')}`
  }
}

const closeWith = (t: Closes, fn: () => Promise<void>): void => {
  if ('teardown' in t) t.teardown(fn)
  else if ('after' in t) t.after(fn)
  else t.onTestFinished(fn)
}

/** Starts the nodes and waits until all are ready; they end with the test. */
export const testCluster = async <const N extends string>(
  t: Closes,
  options: TestClusterOptions<N>,
): Promise<TestCluster<N>> => {
  const cluster = new Cluster(options)
  closeWith(t, () => cluster.close())
  await cluster.startAll()
  return cluster
}
