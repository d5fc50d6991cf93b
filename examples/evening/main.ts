/**
 * The demo's own run: plays the evening, kills a node in the middle, watches it come back, and has it
 * judged.
 */
import type { Json, NodeStatus, Performed, Stage } from 'tumen'
import { EveningAtTheSockets } from './evening.js'
import { judge } from './model.js'
import type { Probed, ProbeOrder } from './probe.js'
import { readSession } from './read-session.js'
import { compare, standingOf } from './standing.js'
import { hintsOf, type Killed, summaryOf, tableOf } from './report.js'

const killAtDefault = 0.5
const probeEveryMs = 20
const probeForMs = 20_000
const progressEveryMs = 200
/** How often it is looked whether commands to the victim are under way. */
const triesCountMax = 500

const now = (): number => performance.now()

/** Runs the evening on a cluster that is up. */
export const main = async (stage: Stage): Promise<Performed> => {
  const evening = readSession()
  const total = evening.lines.length
  const killAt = Math.max(1, Math.floor(total * (stage.killAt ?? killAtDefault)))
  let answered = 0
  let inFlight = 0
  const failed = (error: Error): undefined =>
    stage.say(`The kill could not be watched: ${error.message}`) as undefined
  let playing: EveningAtTheSockets | undefined
  let killing: Promise<Killed | undefined> | undefined
  const table = new EveningAtTheSockets({
    evening,
    gateways: () => stage.nodes().flatMap(({ isUp, info }) => (isUp ? [String(info['gateway'])] : [])),
    now,
    signal: stage.signal,
    onAnswer: (answeredCount, inFlightCount) => {
      answered = answeredCount
      inFlight = inFlightCount
      if (answered === killAt && playing !== undefined) killing = killOne(stage, playing).catch(failed)
    },
  })
  playing = table
  stage.signal.addEventListener('abort', () => table.leave(), { once: true })
  stage.say(`${evening.players.length} players arrive …`)
  await table.arrive()
  stage.say(`They play ${total.toLocaleString('en')} commands, 200 at a time.`)
  const startedAt = now()
  const ticker = setInterval(
    () => stage.progress(progressLine(answered, total, inFlight, now() - startedAt)),
    progressEveryMs,
  )
  await table.play().finally(() => clearInterval(ticker))
  stage.progress('')
  if (stage.signal.aborted) return { isGood: false, summary: null, text: 'The evening was broken off.' }
  const killed = await killing
  stage.say('They are asked what became of it …')
  await table.ask()
  const recording = table.recording()
  table.leave()
  const verdict = judge(recording)
  const facts = {
    stage: stage.transport,
    nodes: stage.nodes(),
    recording,
    verdict,
    killed,
    players: evening.players,
  }
  return {
    isGood:
      verdict.lost === 0 && verdict.doubled === 0 && verdict.unknown === 0 && killed?.probed.stale === 0,
    summary: summaryOf(facts) as Json,
    text: tableOf(facts),
    hints: hintsOf(facts),
  }
}

const progressLine = (answered: number, total: number, inFlight: number, ms: number): string => {
  const filled = Math.round((answered / total) * 30)
  const rate = Math.round((answered / ms) * 1_000)
  const bar = `${'█'.repeat(filled)}${'░'.repeat(30 - filled)}`
  return `[${bar}] ${answered}/${total}, ${inFlight} in flight, ${rate}/s`
}

const partiesOf = (status: NodeStatus): number =>
  status.kinds.find(({ kind }) => kind === 'party')?.entities ?? 0
const sum = (status: NodeStatus, key: 'entities' | 'shardsMirrored'): number =>
  status.kinds.reduce((total, kind) => total + kind[key], 0)

/** The node that owns most parties. */
const chooseVictim = async (stage: Stage): Promise<readonly [name: string, status: NodeStatus]> => {
  const living = stage.nodes().filter(({ isUp }) => isUp)
  const all = await Promise.all(
    living.map(async ({ name }) => {
      return [name, (await stage.perform(name, 'status', null)) as unknown as NodeStatus] as const
    }),
  )
  const [first] = [...all].sort(([, a], [, b]) => partiesOf(b) - partiesOf(a))
  if (first === undefined) throw new Error('no node is left')
  return first
}

const killOne = async (stage: Stage, table: EveningAtTheSockets): Promise<Killed> => {
  const [victim, status] = await chooseVictim(stage)
  const prober = stage.nodes().find(({ name, isUp }) => isUp && name !== victim)?.name
  const gateway = String(stage.nodes().find(({ name }) => name === victim)?.info['gateway'])
  let open = 0
  for (let tries = 0; tries < triesCountMax && open === 0; tries += 1) {
    open = Number(await stage.call(victim, 'mine', [...table.open.values()]))
  }
  const players = [...table.players.values()]
  const here = players.filter((player) => player.gateway.startsWith(gateway))
  const killedAt = stage.kill(victim)
  const before = standingOf(players, table.sent)
  const order: ProbeOrder = {
    victim: status.node,
    killedAt,
    parties: table.parties(),
    players: players.map(({ name }) => name),
    everyMs: probeEveryMs,
    forMs: probeForMs,
  }
  const had = {
    entities: sum(status, 'entities'),
    parties: partiesOf(status),
    mirrors: sum(status, 'shardsMirrored'),
    sockets: here.length,
    openAtGateway: here.filter(({ isWaiting }) => isWaiting).length,
    openToEntities: open,
  }
  stage.progress('')
  stage.say(
    `${victim} is killed: ${had.entities} entities (${had.parties} parties), ` +
      `mirrors of ${had.mirrors} shards, ${had.sockets} sockets, ` +
      `${had.openAtGateway} open commands at its gateway, ${open} to its parties.`,
  )
  const probed = (prober === undefined
    ? { affected: 0, missing: [], stale: 0, firstMs: null, halfMs: null, allMs: null, last: '', said: [] }
    : await stage.call(prober, 'probe', order as unknown as Json)) as unknown as Probed
  const after = standingOf(players, table.sent)
  const { verifiedCount, wrong } = compare([before, after], table.sent, probed.said)
  stage.progress('')
  stage.say(
    `${probed.affected} entities were affected; the first answered after ${probed.firstMs} ms, ` +
      `half after ${probed.halfMs} ms, all after ${probed.allMs ?? '–'} ms (${probed.last}). ` +
      `${probed.stale + wrong.length} of them lacked something that was acknowledged` +
      `${wrong.length > 0 ? ` (${wrong[0]})` : ''}; of ${verifiedCount} it was known what they must say. ` +
      `${victim} is started again.`,
  )
  await stage.start(victim)
  return { name: victim, had, probed: { ...probed, stale: probed.stale + wrong.length } }
}
