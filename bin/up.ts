/** What `tumen up` does from its first line to its last. */
import type { ConfigInput } from '../lib/config.js'
import { type LoadedApp, loadApp } from './app.js'
import type { Json, Performed, Stage } from '../supervisors/launched.js'
import { Cluster } from './cluster.js'
import { type ControlServer, openControl, type Order } from './control.js'
import type { NodeHandle } from './handle.js'
import { Plain, sentenceOf } from './plain.js'
import { type NodeRow, print, say } from './print.js'
import { type Settings, flagOf, readSettings } from './settings.js'
import {
  clusterName,
  livingStates,
  removeState,
  requireOwnDirectory,
  takeStale,
  writeState,
} from './state-file.js'
import { endOrphan } from './orphan.js'
import { type Choice, chooseTransport } from './transport-choice.js'

export interface UpOptions {
  readonly nodes: number
  readonly demo?: true
  readonly once?: true
  readonly json?: true
  readonly killAt?: number
  readonly cluster?: string
  readonly nats?: string
  readonly memory?: true
  readonly [knob: string]: unknown
}

const flagsOf = (given: ConfigInput): string[] =>
  Object.entries(given).flatMap(([knob, value]) => [flagOf(knob as keyof ConfigInput), `${value}`])

/** `up` is for trying things out: mistakes in steps are named where they are made. */
const forTrying = (given: ConfigInput): ConfigInput => ({ diagnostics: true, ...given })

const progressEveryMs = 2_000

/** One run of `tumen up`. */
export class Up {
  private readonly clusterName: string
  private readonly ending = new AbortController()
  private choice: Choice | undefined
  private cluster: Cluster | undefined
  private control: ControlServer | undefined
  private progressAt = Number.NEGATIVE_INFINITY

  constructor(private readonly options: UpOptions) {
    this.clusterName = clusterName(options.cluster)
  }

  /** Gives the exit code. */
  async run(appPath: string | undefined): Promise<number> {
    const app = await loadApp(appPath)
    const { options } = this
    if (options.once && app.main === undefined) {
      throw new Plain(`--once: ${app.path} has no main, so there is no run that could be over.`, 2)
    }
    const settings = readSettings({
      app: app.config,
      flags: options,
      environment: process.env,
      directory: process.cwd(),
    })
    this.requireFree()
    requireOwnDirectory()
    for (const { natsPid } of takeStale()) if (natsPid !== null) endOrphan(natsPid)
    this.onSignals()
    try {
      this.choice = await chooseTransport({ nats: options.nats, memory: options.memory }, say)
      this.choice.server?.onExit((sentence) => say(sentence))
      const cluster = await Promise.race([this.startCluster(app, settings, this.choice), this.aborted()])
      if (cluster === undefined) return this.options.once ? 1 : 0
      return await this.performMain(app, cluster, this.choice)
    } finally {
      await this.end()
    }
  }

  private requireFree(): void {
    const other = livingStates().find((state) => state.cluster === this.clusterName)
    if (other === undefined) return
    throw new Plain(
      `Cluster "${this.clusterName}" runs already (process ${other.pid}): end it, or choose --cluster NAME.`,
    )
  }

  private async startCluster(app: LoadedApp, settings: Settings, choice: Choice): Promise<Cluster> {
    const names = Array.from({ length: this.options.nodes }, (_, at) => `n${at + 1}`)
    const start = await this.starter(app, settings, choice)
    const named = this.clusterName === clusterName(undefined) ? '' : ` --cluster ${this.clusterName}`
    const cluster = new Cluster({
      names,
      start,
      say,
      onChange: () => this.writeState(),
      startCommand: (name) => `tumen start ${name}${named}`,
    })
    this.cluster = cluster
    await cluster.startAll()
    if (this.ending.signal.aborted) throw new Plain('It was ended before it was ready.')
    this.control = await openControl((order) => this.take(order))
    this.writeState()
    for (const { name, pid, info } of cluster.nodes()) {
      const more = Object.entries(info).map(([key, value]) => `${key} ${value}`)
      say([`${name} is ready`, ...(pid === null ? [] : [`process ${pid}`]), ...more].join(', '))
    }
    return cluster
  }

  private async starter(
    app: LoadedApp,
    settings: Settings,
    choice: Choice,
  ): Promise<(name: string) => Promise<NodeHandle>> {
    const cluster = this.clusterName
    if (choice.transport === 'memory') {
      const [{ startInside }, { memory }] = await Promise.all([
        import('./inside.js'),
        import('../lib/transport/memory.js'),
      ])
      const transport = memory()
      return (name) => startInside({ app, cluster, name, transport, config: forTrying(settings.given) })
    }
    const { startProcess } = await import('./processes.js')
    const flags = flagsOf(forTrying(settings.given))
    const base = { appPath: app.path, cluster, natsUrl: choice.url, flags, directory: process.cwd() }
    return (name) => startProcess({ ...base, name })
  }

  private async performMain(app: LoadedApp, cluster: Cluster, choice: Choice): Promise<number> {
    let performed: Performed | undefined
    if (app.main !== undefined) {
      performed = await Promise.race([app.main(this.stage(cluster, choice)), this.aborted()])
    }
    if (performed !== undefined) {
      const show = this.options.json ? say : print
      show(performed.text)
      if (!this.options.once && performed.hints !== undefined) say(performed.hints)
      if (this.options.json) print(JSON.stringify(performed.summary))
    }
    if (!this.options.once || (performed === undefined && app.main === undefined)) {
      if (!this.ending.signal.aborted) say('Ctrl-C ends everything that was started here.')
      await this.aborted()
    }
    const wasBrokenOff = performed === undefined && app.main !== undefined
    return performed?.isGood === false || (wasBrokenOff && this.options.once) ? 1 : 0
  }

  private stage(cluster: Cluster, choice: Choice): Stage {
    return {
      transport: choice.transport,
      nodes: () => cluster.nodes(),
      call: (node, name, argument) => cluster.perform(node, 'call', { name, argument }),
      perform: (node, verb, argument) => cluster.perform(node, verb, argument),
      kill: (node) => {
        void cluster.kill(node, true)
        return performance.timeOrigin + performance.now()
      },
      start: (node) => cluster.start(node),
      say,
      progress: (line) => this.showProgress(line),
      killAt: this.options.killAt,
      signal: this.ending.signal,
    }
  }

  /** One line that is written over; where nobody looks at a terminal, a line now and then. */
  private showProgress(line: string): void {
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2K${line}`)
    else if (line !== '' && performance.now() - this.progressAt >= progressEveryMs) {
      this.progressAt = performance.now()
      say(line)
    }
  }

  private aborted(): Promise<undefined> {
    const { signal } = this.ending
    if (signal.aborted) return Promise.resolve(undefined)
    return new Promise((resolve) =>
      signal.addEventListener('abort', () => resolve(undefined), { once: true }),
    )
  }

  /** An order from another terminal. */
  private async take({ verb, argument }: Order): Promise<Json> {
    const cluster = this.cluster
    if (cluster === undefined) throw new Plain('The cluster is not ready yet.')
    const { node, argument: inner } = argument as { readonly node: string | null; readonly argument: Json }
    if (verb === 'drain' || verb === 'kill') {
      if (node === null) throw new Plain(`Which node? tumen ${verb} NODE.`, 2)
      const isLastToo = (inner as { readonly last?: boolean } | null)?.last === true
      await (verb === 'drain' ? cluster.drain(node, isLastToo) : cluster.kill(node, false))
      return { node }
    }
    if (verb === 'start') {
      if (node === null) throw new Plain('Which node? tumen start NODE.', 2)
      await cluster.startAndSay(node)
      return { node }
    }
    if (node === null && (verb === 'status' || verb === 'tree')) return this.ofAll(cluster, verb)
    return cluster.perform(node ?? undefined, verb, inner)
  }

  private async ofAll(cluster: Cluster, verb: 'status' | 'tree'): Promise<Json> {
    const rows = cluster.nodes().map(async ({ name, isUp, pid, info }): Promise<NodeRow> => {
      if (!isUp) return { name, isUp, pid, info }
      try {
        return { name, isUp, pid, info, [verb]: await cluster.perform(name, verb, null) }
      } catch (error) {
        return { name, isUp, pid, info, sentence: sentenceOf(error) }
      }
    })
    const { transport, url = null } = this.choice ?? { transport: 'memory' }
    const natsUrl = url === null ? null : withoutSecrets(url)
    return {
      cluster: this.clusterName,
      transport,
      natsUrl,
      nodes: await Promise.all(rows),
    } as unknown as Json
  }

  private writeState(): void {
    const { choice, cluster, control } = this
    if (choice === undefined || cluster === undefined || control === undefined) return
    writeState({
      cluster: this.clusterName,
      pid: process.pid,
      transport: choice.transport,
      natsUrl: choice.url,
      natsPid: choice.server?.pid ?? null,
      nodes: cluster
        .nodes()
        .flatMap(({ name, pid, isUp }) => (isUp ? [{ name, pid: pid ?? process.pid }] : [])),
      controlUrl: control.url,
      token: control.token,
    })
  }

  /** The first signal lets everything leave in order, the second ends it at once. */
  private onSignals(): void {
    let count = 0
    const take = (): void => {
      count += 1
      if (count === 1) {
        say('\nEnding: the nodes hand over and leave. A second Ctrl-C ends them at once.')
        this.ending.abort()
      } else {
        void Promise.allSettled([this.cluster?.killAll(), this.choice?.server?.stop()]).then(() => {
          removeState(this.clusterName, process.pid)
          process.exit(130)
        })
      }
    }
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, take)
  }

  private async end(): Promise<void> {
    try {
      await this.cluster?.stopAll()
      await this.control?.close()
    } finally {
      removeState(this.clusterName, process.pid)
      await this.choice?.server?.stop()
    }
  }
}

const withoutSecrets = (url: string): string => url.replace(/\/\/[^@/]*@/, '//')
