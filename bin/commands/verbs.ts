/** The verbs that look at, or speak with, a cluster that runs. */
import { InvalidArgumentError, Option, type Command } from 'commander'
import type { EntitiesPage, NodeStatus, RebalanceReport, TreeNode, Where } from '../../lib/index.js'
import type { Json } from '../../supervisors/launched.js'
import { addKnobs } from '../knob-flags.js'
import { parseJson, Plain } from '../plain.js'
import { entitiesText, type NodeRow, openedTable, print, statusTable, treeText } from '../print.js'
import { reach, type ReachOptions, type Reached } from '../reach.js'

export interface VerbOptions extends ReachOptions {
  readonly json?: true
  readonly timeout?: number
}

/** Options of every verb that reaches a cluster. */
const reaching = (command: Command): Command =>
  addKnobs(command)
    .option('--cluster <name>', 'the cluster, when more than one runs')
    .option('--nats <url>', 'reach it over NATS instead of through this machine’s tumen up')
    .option('--json', 'one line of JSON instead of text')

const withReach = async (options: VerbOptions, use: (to: Reached) => Promise<void>): Promise<void> => {
  const to = await reach(options)
  try {
    await use(to)
  } finally {
    await to.close()
  }
}

interface Rows {
  readonly nodes: readonly (NodeRow & { readonly tree?: TreeNode })[]
  readonly cluster?: string
}
const rowsOf = (value: Json): Rows => (Array.isArray(value) ? { nodes: value } : value) as unknown as Rows

const status = (options: VerbOptions): Promise<void> =>
  withReach(options, async (to) => {
    const rows = rowsOf(await to.perform('status', null))
    if (options.json) return print(JSON.stringify(rows))
    const known = rows.nodes.map((row) => row.status).find((one): one is NodeStatus => one !== undefined)
    const none = `cluster ${rows.cluster ?? options.cluster}, no node answers`
    print(`${known === undefined ? none : `cluster ${known.cluster}, ${known.transport}`}\n`)
    print(statusTable(rows.nodes))
    const opened = openedTable(rows.nodes)
    if (opened !== '') print(`\n${opened}`)
  })

const tree = (node: string | undefined, options: VerbOptions): Promise<void> =>
  withReach(options, async (to) => {
    const rows =
      node === undefined
        ? rowsOf(await to.perform('tree', null)).nodes
        : [
            {
              name: node,
              isUp: true,
              pid: null,
              tree: (await to.perform('tree', null, node)) as unknown as TreeNode,
            },
          ]
    if (options.json) return print(JSON.stringify({ nodes: rows }))
    for (const row of rows) {
      print(`${row.name}${row.tree === undefined ? ` ${row.sentence ?? 'is down'}` : ''}`)
      if (row.tree !== undefined) print(`${treeText(row.tree)}\n`)
    }
  })

const wordsOf = (kind: string, id: string, text: string, options: VerbOptions): Json => {
  const isTag = /^[A-Za-z_]\w*$/.test(text)
  const message = isTag ? text : (parseJson(text, 'JSON', '{"Tag":{"field":1}}') as Json)
  return { kind, id, message, ...(options.timeout === undefined ? {} : { timeoutMs: options.timeout }) }
}

const speak =
  (verb: 'ask' | 'tell') => async (kind: string, id: string, text: string, options: VerbOptions) => {
    const words = wordsOf(kind, id, text, options)
    await withReach(options, async (to) => {
      const answer = (await to.perform(verb, words)) as { readonly [key: string]: Json }
      if (options.json) print(JSON.stringify(answer))
      else if (verb === 'tell') print(`told ${kind}/${id}`)
      else if ('refusal' in answer) print(`refused: ${JSON.stringify(answer['refusal'])}`)
      else print(JSON.stringify(answer['reply'], null, 2))
      if ('refusal' in answer) process.exitCode = 3
    })
  }

const where = (kind: string, id: string, options: VerbOptions): Promise<void> =>
  withReach(options, async (to) => {
    const place = (await to.perform('where', { kind, id })) as unknown as Where
    if (options.json) return print(JSON.stringify(place))
    const { owner = 'nobody', epoch, mirrors, shard } = place
    print(
      `${kind}/${id} is on ${owner} (epoch ${epoch}), ` +
        `mirrored by ${mirrors.join(', ') || 'nobody'}; shard ${shard}`,
    )
  })

interface EntitiesOptions extends VerbOptions {
  readonly limit?: number
  readonly after?: string
}
const listEntities = (kind: string, options: EntitiesOptions): Promise<void> =>
  withReach(options, async (to) => {
    const { limit, after } = options
    const argument = {
      kind,
      ...(limit === undefined ? {} : { limit }),
      ...(after === undefined ? {} : { after }),
    }
    const page = (await to.perform('entities', argument)) as unknown as EntitiesPage<string> & {
      total: number
    }
    if (options.json) return print(JSON.stringify(page))
    print(entitiesText(kind, page))
  })

interface OrderOptions extends VerbOptions {
  readonly last?: true
}
const order =
  (verb: 'start' | 'drain' | 'kill', done: string) => async (node: string, options: OrderOptions) => {
    if (verb !== 'drain' && options.nats !== undefined) {
      throw new Plain(`Only the tumen up of this machine can ${verb} its nodes: leave out --nats.`, 2)
    }
    await withReach(options, async (to) => {
      await to.perform(verb, { last: options.last === true }, node)
      print(options.json ? JSON.stringify({ node, done }) : `${node} ${done}`)
    })
  }

/** Less than the running `tumen up`, and an ask, wait for an answer. */
const rebalanceMs = 50_000
interface MoveOptions extends VerbOptions {
  readonly atOnce?: number
}
const rebalance = (options: MoveOptions): Promise<void> =>
  withReach(options, async (to) => {
    const given = {
      timeoutMs: options.timeout ?? rebalanceMs,
      ...(options.atOnce === undefined ? {} : { movesCountMax: options.atOnce }),
    }
    const report = (await to.perform('rebalance', given)) as unknown as RebalanceReport
    if (options.json) return print(JSON.stringify(report))
    const { moved, left, tookMs } = report
    const rest = left === 0 ? '' : `; ${left} should have and stayed: tumen rebalance goes on`
    print(`${moved} shards moved in ${(tookMs / 1_000).toFixed(1)} s${rest}`)
  })

const milliseconds = (text: string): number => {
  const value = Number(text)
  if (Number.isInteger(value) && value > 0) return value
  throw new InvalidArgumentError('Expected a whole number of milliseconds, 1 or more.')
}
const whole = (text: string): number => {
  const value = Number(text)
  if (Number.isInteger(value) && value > 0) return value
  throw new InvalidArgumentError('Expected a whole number, 1 or more.')
}

const jsonHelp = 'a message as \'{"Tag": {"field": …}}\', or its tag alone when it has no fields'

/** Adds status, tree, ask, tell, where, rebalance, start, drain and kill. */
export const addVerbs = (program: Command): void => {
  reaching(program.command('status'))
    .description('show the nodes of a cluster and what they run')
    .action((options: VerbOptions) => status(options))
  reaching(program.command('tree').argument('[node]', 'only this node'))
    .description('show the supervision trees')
    .action((node: string | undefined, options: VerbOptions) => tree(node, options))
  for (const verb of ['ask', 'tell'] as const) {
    const command = reaching(program.command(verb))
      .argument('<kind>', 'the kind, such as party')
      .argument('<id>', 'the id of the entity')
      .argument('<json>', jsonHelp)
      .description(
        verb === 'ask' ? 'ask an entity and print its reply; a refusal ends with code 3' : 'tell an entity',
      )
      .action(speak(verb))
    if (verb === 'ask')
      command.addOption(new Option('--timeout <ms>', 'the deadline').argParser(milliseconds))
  }
  reaching(program.command('where').argument('<kind>', 'the kind').argument('<id>', 'the id of the entity'))
    .description('show which node owns an entity and which mirror it')
    .action(where)
  reaching(program.command('rebalance'))
    .description('move entities to the nodes that should own them now, such as new ones')
    .addOption(new Option('--at-once <count>', 'shards of one node that move at once').argParser(whole))
    .addOption(new Option('--timeout <ms>', 'what has not moved by then stays').argParser(milliseconds))
    .action((options: MoveOptions) => rebalance(options))
  reaching(program.command('entities').argument('<kind>', 'the kind, such as party'))
    .description('list the entities of a kind on all nodes, page by page')
    .addOption(new Option('--limit <n>', 'at most this many, up to 1000: default 100').argParser(whole))
    .option('--after <place>', 'the page that begins there, as the page before says')
    .action(listEntities)
  reaching(program.command('start').argument('<node>', 'its name'))
    .description('start a node again that was drained, in this machine’s tumen up')
    .action(order('start', 'is ready'))
  reaching(program.command('drain').argument('<node>', 'its name'))
    .description('let a node hand over what it owns and leave')
    .option('--last', 'also when it is the last node, and what is only in memory ends with it')
    .action(order('drain', 'has left'))
  reaching(program.command('kill').argument('<node>', 'its name'))
    .description('end a node that this machine’s tumen up started, as a crash would')
    .action(order('kill', 'was killed'))
}
