import { randomBytes } from 'node:crypto'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { type Health, openHealth } from '../health.js'
import { answer, type FromNode, type ToNode } from '../ipc.js'
import { addKnobs } from '../knob-flags.js'
import type { LogLevel } from '../log.js'
import { Plain, sentenceOf } from '../plain.js'
import { print, say } from '../print.js'
import type { HostedNode } from '../run-node.js'
import { readSettings } from '../settings.js'
import { clusterName } from '../state-file.js'

interface NodeCommandOptions {
  readonly cluster?: string
  readonly name?: string
  readonly nats?: string
  readonly health?: number
  readonly json?: true
  readonly managed?: true
  readonly logLevel: LogLevel
  readonly [knob: string]: unknown
}

/** How long a node may take to leave when its `tumen up` was killed. */
const orphanMsMax = 5_000

const port = (text: string): number => {
  const value = Number(text)
  if (Number.isInteger(value) && value >= 0 && value <= 65_535) return value
  throw new InvalidArgumentError('Expected a port from 0 to 65535.')
}

/** Adds `tumen node`. */
export const addNode = (program: Command): void => {
  const command = program
    .command('node')
    .argument('[app]', 'a JavaScript module; default: the "tumen" field of the nearest package.json')
    .description('run one node of a cluster in this process until it is told to end')
    .option('--cluster <name>', 'the cluster to join (TUMEN_CLUSTER; default "tumen")')
    .option('--name <name>', 'the node’s name, the same over restarts; default: a fresh one')
    .option('--nats <url>', 'the NATS server (TUMEN_NATS_URL)')
    .option('--health <port>', 'tell live, ready and draining over HTTP on this port of loopback', port)
    .option('--json', 'one line of JSON on stdout when it is ready')
    .addOption(
      new Option('--log-level <level>', 'what happens, as lines of JSON on stderr, from this level on')
        .choices(['debug', 'info', 'warn', 'error', 'silent'] satisfies LogLevel[])
        .default('info'),
    )
    .option('--managed', 'report to the tumen up that started this process')
  command.options.find(({ long }) => long === '--managed')?.hideHelp()
  addKnobs(command).action(runNode)
}

/** Signals: the first drains, the second ends the process at once. */
const onSignals = (drain: (signal: string) => void): void => {
  let count = 0
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      count += 1
      if (count > 1) process.exit(130)
      drain(signal)
    })
  }
}

const runNode = async (appPath: string | undefined, options: NodeCommandOptions): Promise<void> => {
  const tell = (message: FromNode): void => {
    if (options.managed && process.connected) process.send?.(message)
  }
  try {
    await new RunningNode(options, tell).run(appPath)
  } catch (error) {
    if (!options.managed) throw error
    tell({ type: 'failed', sentence: sentenceOf(error) })
    process.exitCode = 1
  } finally {
    process.removeAllListeners('disconnect')
    if (process.connected) process.disconnect()
  }
}

class RunningNode {
  private hosted: HostedNode | undefined
  private isDraining = false
  private end: () => void = () => {}
  private readonly ended = new Promise<void>((resolve) => {
    this.end = resolve
  })

  constructor(
    private readonly options: NodeCommandOptions,
    private readonly tell: (message: FromNode) => void,
  ) {}

  async run(appPath: string | undefined): Promise<void> {
    onSignals(() => this.drain())
    if (this.options.managed) this.endWithParent()
    const { options } = this
    const health =
      options.health === undefined ? undefined : await openHealth(options.health, () => this.health())
    try {
      this.hosted = await this.start(appPath)
      if (!options.managed) this.announce(this.hosted)
      this.listen(this.hosted)
      this.tell({ type: 'ready', node: this.hosted.node.id, info: this.hosted.info })
      await this.ended
      await this.hosted.stop()
    } finally {
      health?.close()
    }
  }

  /** The `tumen up` that started this process is gone: nobody else would end it. */
  private endWithParent(): void {
    const leave = (): void => {
      if (this.hosted === undefined) process.exit(1)
      this.drain()
      setTimeout(() => process.exit(1), orphanMsMax).unref()
    }
    process.once('disconnect', leave)
    if (!process.connected) leave()
  }

  private async start(appPath: string | undefined): Promise<HostedNode> {
    const { options } = this
    const { loadApp } = await import('../app.js')
    const app = await loadApp(appPath)
    const { given } = readSettings({
      app: app.config,
      flags: options,
      environment: process.env,
      directory: process.cwd(),
    })
    const url = options.nats ?? process.env['TUMEN_NATS_URL']
    if (url === undefined) {
      throw new Plain(
        'A node needs a NATS server: --nats URL or TUMEN_NATS_URL. For one process, use tumen up.',
        2,
      )
    }
    const [{ nats }, { hostNode }, { logLines, sayErrors }] = await Promise.all([
      import('../../lib/nats.js'),
      import('../run-node.js'),
      import('../log.js'),
    ])
    return hostNode({
      app,
      cluster: clusterName(options.cluster),
      name: options.name ?? `node-${randomBytes(4).toString('hex')}`,
      transport: nats({ servers: url }),
      config: given,
      log: options.managed ? sayErrors : await logLines(options.logLevel),
      onDrain: () => this.drain(),
    })
  }

  private announce({ node, info }: HostedNode): void {
    const { cluster, transport } = node.status()
    say(`Node ${node.id} of cluster "${cluster}" is ready: ${transport}`)
    for (const [name, value] of Object.entries(info)) say(`  ${name}: ${value}`)
    if (this.options.json) print(JSON.stringify({ node: node.id, cluster, transport, info }))
  }

  private listen(hosted: HostedNode): void {
    if (!this.options.managed) return
    process.on('message', (request: ToNode) => {
      void answer(request, (verb, argument) => hosted.perform(verb, argument)).then(this.tell)
    })
  }

  private drain(): void {
    if (this.isDraining) return
    this.isDraining = true
    if (!this.options.managed) say('Draining; a second signal ends at once.')
    this.end()
  }

  private health(): Health {
    const ready = this.hosted?.node.status().status === 'ready'
    return { ready, draining: this.isDraining }
  }
}
