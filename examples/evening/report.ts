/** What the demo tells about its evening: a table for people, one line for programs. */
import type { StageNode } from 'tumen'
import type { Played, Verdict } from './evidence.js'
import type { Probed } from './probe.js'

export interface Killed {
  readonly name: string
  /** What it had when it was killed. */
  readonly had: {
    readonly entities: number
    readonly parties: number
    /** Shards. */
    readonly mirrors: number
    readonly sockets: number
    readonly openAtGateway: number
    readonly openToEntities: number
  }
  readonly probed: Probed
}

export interface Facts {
  readonly stage: 'nats' | 'memory'
  readonly nodes: readonly StageNode[]
  readonly players: readonly string[]
  readonly recording: Played
  readonly verdict: Verdict
  readonly killed: Killed | undefined
}

/** Commands per second, without those that wait on purpose and what depends on them. */
const rateOf = ({ recording }: Facts): number => {
  const late = new Set(
    recording.lines.filter(({ pauseMs }) => pauseMs !== undefined).map(({ party }) => party),
  )
  const timely = new Set(recording.lines.filter(({ party }) => !late.has(party)).map(({ n }) => n))
  const answers = recording.answers.filter(
    ({ n, answeredAt }) => timely.has(n) && Number.isFinite(answeredAt),
  )
  const from = answers.reduce((first, { sentAt }) => Math.min(first, sentAt), Number.POSITIVE_INFINITY)
  const until = answers.reduce((last, { answeredAt }) => Math.max(last, answeredAt), 0)
  return answers.length === 0 ? 0 : Math.round((answers.length / (until - from)) * 1_000)
}

export const summaryOf = (facts: Facts): Readonly<Record<string, number | string | null>> => {
  const { stage, nodes, players, recording, verdict, killed } = facts
  return {
    transport: stage,
    nodes: nodes.length,
    players: players.length,
    commands: recording.lines.length,
    acknowledged: verdict.acknowledged,
    lost: verdict.lost,
    doubled: verdict.doubled,
    killed: killed?.name ?? null,
    firstMs: killed?.probed.firstMs ?? null,
    allMs: killed?.probed.allMs ?? null,
    rate: rateOf(facts),
  }
}

const number = (value: number | null): string => (value === null ? '–' : value.toLocaleString('en'))
const faultsShown = 10

const killedRows = (stage: Facts['stage'], { name, had, probed }: Killed): [string, string][] => [
  [
    'killed',
    stage === 'nats'
      ? `${name}, with SIGKILL`
      : `${name}, dropped between two messages: without a nats-server all nodes share one process`,
  ],
  ['  it had', `${number(had.entities)} entities, ${number(had.parties)} of them parties`],
  ['', `mirrors of ${number(had.mirrors)} shards, ${number(had.sockets)} sockets`],
  ['', `${had.openAtGateway} open commands at its gateway, ${had.openToEntities} to its parties`],
  [
    '  back',
    `${number(probed.affected)} entities: first ${number(probed.firstMs)} ms, all ${number(probed.allMs)} ms`,
  ],
]

export const tableOf = (facts: Facts): string => {
  const { stage, nodes, players, recording, verdict, killed } = facts
  const drops = recording.lines.filter(({ drop }) => drop).length
  const rows: [string, string][] = [
    ['transport', stage],
    ['nodes', number(nodes.length)],
    ['players', `${number(players.length)}, ${drops} of them dropped their socket`],
    ['commands', `${number(recording.lines.length)}, ${number(rateOf(facts))} per second`],
    ['acknowledged', number(verdict.acknowledged)],
    ['refused', `${number(verdict.refused)}, for ${verdict.refusals.size} reasons`],
    ['unanswered', number(verdict.unknown)],
    ...(killed === undefined ? [] : killedRows(stage, killed)),
    ['lost', number(verdict.lost)],
    ['doubled', number(verdict.doubled)],
  ]
  const width = Math.max(...rows.map(([name]) => name.length))
  const table = rows.map(([name, text]) => `  ${name.padEnd(width)}  ${text}`)
  const faults = verdict.faults
    .slice(0, faultsShown)
    .map(({ kind, party, text }) => `  ${kind}: ${party}: ${text}`)
  const more =
    verdict.faults.length > faultsShown ? [`  and ${verdict.faults.length - faultsShown} more`] : []
  return ['', ...table, ...faults, ...more, ''].join('\n')
}

/** How to look at the cluster that is left, and speak with it. */
export const hintsOf = ({ nodes, recording }: Facts): string => {
  const gateways = nodes.flatMap(({ isUp, info }) => (isUp ? [String(info['gateway'])] : []))
  const living = [...recording.endings].find(([, { view }]) => view !== undefined)?.[0] ?? 'c1-1'
  return [
    `Connect:  npx wscat -c ${gateways[0] ?? ''}`,
    '          {"id":1,"cmd":"login","credentials":{"player":"you"}}',
    '          {"id":2,"cmd":"create","party":"mine"}',
    `Try:      npx tumen status             npx tumen ask party ${living} Info`,
    `          npx tumen kill ${nodes.at(-1)?.name ?? 'n3'}            npx tumen where party ${living}`,
    '',
  ].join('\n')
}
