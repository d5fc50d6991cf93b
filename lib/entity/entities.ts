/**
 * Runs the entities of the shards that this node owns: one mailbox each, one step at a time, their timers, and
 * their open commands.
 */
import type { Origin } from '../api/topic.js'
import type { KindData } from '../api/kind.js'
import type { Config } from '../config.js'
import type { AskError } from '../errors.js'
import { formatAddress, indexOfShard, kindOfShard, type NodeId, type ShardId } from '../ids.js'
import type { Ownership } from '../ownership/ownership.js'
import type { Shard } from '../ownership/state.js'
import type { Clock } from '../std/clock.js'
import { createDueQueue } from '../std/due.js'
import type { AskEnvelope, TellEnvelope, Wire } from '../wire/envelope.js'
import { applyChange, type Change, type Command, isForgettable } from './copy.js'
import type { StepInput, StepResult } from './protocol.js'
import { stepEntity } from './step.js'

/** The tag of the runtime's own ask that starts an entity. */
export const spawnTag = '$spawn'

/** Something for one entity to do. */
export type Work =
  | { readonly type: 'mail'; readonly envelope: AskEnvelope | TellEnvelope; readonly from: NodeId }
  | { readonly type: 'own'; readonly input: StepInput }

/** One entity's mailbox, as the kernel gives it. */
export interface EntityCell {
  /** False when it is full; its own work goes before mail and is always taken. */
  post(work: Work): boolean
  close(): void
}
export interface EntityBody {
  readonly kind: KindData
  readonly id: string
  /** Throws what a step throws: then the cell's supervisor decides. */
  readonly handle: (work: Work) => void
  /** What the crash was about, and that it will not be handled. */
  readonly crashed: (work: Work, error: unknown) => void
  /** The cell was closed with this still in its mailbox. */
  readonly left: (work: Work) => void
}
export type OpenCell = (body: EntityBody) => EntityCell

/** Where something came from, as seen from this node. */
export const originOf = (from: NodeId, here: Origin): Origin => {
  const cut = from.lastIndexOf('#')
  const node = from.slice(0, cut)
  const incarnation = Number(from.slice(cut + 1))
  return { node, incarnation, isHere: node === here.node && incarnation === here.incarnation }
}

export interface EntitiesOptions {
  readonly clock: Clock
  readonly config: Config
  readonly here: Origin
  readonly kinds: ReadonlyMap<string, KindData>
  readonly ownership: Ownership
  readonly openCell: OpenCell
  /** An ask got an answer that is free to leave. */
  answer(envelope: AskEnvelope, outcome: 'reply' | 'refusal' | 'error', payload: Wire | AskError): void
  /** A tell ended without being handled. */
  bury(envelope: TellEnvelope, reason: string): void
  /** Mail for an entity that this node does not own any more. */
  reroute(envelope: AskEnvelope | TellEnvelope, from: NodeId): void
  /** Gets a command to its receiver; `done` once, with its answer. */
  command(shard: Shard, command: Command, reqId: string, done: (outcome: 'reply' | 'refusal', payload: Wire) => void): () => void
  /** A mirrored generation began empty because every copy was lost. */
  isLost(shard: Shard): boolean
}

interface Running {
  readonly kind: KindData
  readonly id: string
  readonly shard: Shard
  readonly cell: EntityCell
  hasState: boolean
  state: unknown
}
interface Hosted {
  readonly shard: Shard
  readonly epoch: number
  readonly running: Map<string, Running>
  readonly commands: Map<string, () => void>
  /** Ids that were told of the loss of their state. */
  readonly toldOfLoss: Set<string>
}
interface TimerDue {
  readonly hosted: Hosted
  readonly id: string
  readonly name: string
  readonly at: number
}

export interface Entities {
  post(shard: Shard, envelope: AskEnvelope | TellEnvelope, from: NodeId): void
  took(shard: Shard): void
  lost(shard: Shard): void
  /** An output says that this command may leave. */
  sendCommand(shard: Shard, id: string, number: number): void
  readonly counts: { readonly live: number; readonly handled: number; readonly crashed: number }
  stop(): void
}

const timerStepMs = 16
const sweepMs = 15_000

export const createEntities = (options: EntitiesOptions): Entities => {
  const { clock, config, kinds, ownership } = options
  const hosting = new Map<ShardId, Hosted>()
  const counts = { live: 0, handled: 0, crashed: 0 }
  let isStopped = false

  const due = createDueQueue<TimerDue>(clock, timerStepMs, ({ hosted, id, name, at }) => {
    if (hosting.get(hosted.shard.id) !== hosted) return
    const now = clock.now()
    const timer = hosted.shard.copy?.entities.get(id)?.timers.get(name)
    if (timer === undefined || timer.at !== at) return
    if (at > now) armTimer(hosted, id, name, at)
    else postOwn(hosted, id, { type: 'timer', name })
  })
  const armTimer = (hosted: Hosted, id: string, name: string, at: number): void =>
    due.add(clock.monotonic() + Math.max(0, at - clock.now()), { hosted, id, name, at })

  const postOwn = (hosted: Hosted, id: string, input: StepInput): void => {
    open(hosted, id)?.cell.post({ type: 'own', input })
  }

  const open = (hosted: Hosted, id: string): Running | undefined => {
    const known = hosted.running.get(id)
    if (known !== undefined) return known
    const kind = kinds.get(kindOfShard(hosted.shard.id))
    if (kind === undefined) return undefined
    const cell = options.openCell({
      kind,
      id,
      handle: (work) => handle(hosted, running, work),
      crashed: (work, error) => {
        counts.crashed++
        running.hasState = false
        giveUp(kind, id, work, { tag: 'Crashed', address: formatAddress(kind.kind, id), cause: String(error) })
      },
      left: (work) => {
        if (work.type === 'mail') options.reroute(work.envelope, work.from)
      },
    })
    const running: Running = { kind, id, shard: hosted.shard, cell, hasState: false, state: undefined }
    hosted.running.set(id, running)
    counts.live++
    return running
  }
  const giveUp = (kind: KindData, id: string, work: Work, error: AskError): void => {
    if (work.type === 'own') return
    if (work.envelope.type === 'ask') options.answer(work.envelope, 'error', error)
    else options.bury(work.envelope, `${error.tag} at ${formatAddress(kind.kind, id)}`)
  }

  const decodedState = (running: Running): unknown => {
    if (running.hasState) return running.state
    const { source } = running.kind
    const copy = running.shard.copy?.entities.get(running.id)
    if (copy?.life !== 'live') return undefined
    if (source.type !== 'mirrored' && source.type !== 'persisted') {
      running.state = running.kind.init(running.id, clock.now())
      running.hasState = true
      return running.state
    }
    const decoded = source.codec.decode(copy.state)
    if (decoded._tag === 'Left')
      throw new TypeError(`the kept state of ${formatAddress(running.kind.kind, running.id)} does not fit its codec`)
    running.state = decoded.right
    running.hasState = true
    return decoded.right
  }

  const handle = (hosted: Hosted, running: Running, work: Work): void => {
    const { shard, kind, id } = running
    const copy = shard.copy
    if (hosting.get(shard.id) !== hosted || copy === null || !ownership.mayServe(shard)) {
      if (work.type === 'mail') options.reroute(work.envelope, work.from)
      return
    }
    if (work.type === 'mail' && refusesNow(hosted, running, work)) return
    const result = stepEntity(
      {
        kind,
        id,
        copy: copy.entities.get(id),
        state: decodedState(running),
        seq: copy.seq + 1,
        now: clock.now(),
        here: options.here,
        limits: config,
      },
      work.type === 'own' ? work.input : inputOf(work.envelope, work.from, options.here),
    )
    counts.handled++
    settle(hosted, running, work, result)
  }

  /** What is answered without a step: too much waits for mirrors, or the state was lost. */
  const refusesNow = (hosted: Hosted, running: Running, work: Extract<Work, { type: 'mail' }>): boolean => {
    const { shard, kind, id } = running
    const copy = shard.copy
    if (copy === null) return true
    const address = formatAddress(kind.kind, id)
    if (copy.seq - copy.released >= config.heldOutputsCountMax) {
      const mailboxCountMax = config.heldOutputsCountMax
      giveUp(kind, id, work, { tag: 'Overloaded', address, mailboxCountMax, retryAfterMs: 100 })
      return true
    }
    if (work.envelope.type !== 'ask' || !options.isLost(shard) || hosted.toldOfLoss.has(id)) return false
    if (copy.entities.has(id)) return false
    hosted.toldOfLoss.add(id)
    options.answer(work.envelope, 'error', { tag: 'StateLost', address })
    return true
  }

  const settle = (hosted: Hosted, running: Running, work: Work, result: StepResult): void => {
    const { shard, kind, id } = running
    const copy = shard.copy
    if (copy === null) return
    switch (result.type) {
      case 'change':
        applyChange(copy.entities, result.change, config.repliesCountMax)
        running.state = result.state
        running.hasState = copy.entities.get(id)?.life === 'live'
        followUp(hosted, id, result.change)
        ownership.change(shard, result.change)
        break
      case 'read':
      case 'remembered':
        if (work.type === 'mail' && work.envelope.type === 'ask') answerLater(shard, work.envelope, result)
        break
      case 'error':
        giveUp(kind, id, work, result.error)
    }
  }

  const answerLater = (
    shard: Shard,
    envelope: AskEnvelope,
    result: Extract<StepResult, { type: 'read' | 'remembered' }>,
  ): void => {
    const isRead = result.type === 'read'
    const payload = isRead ? result.payload : result.reply.payload
    const outcome = !isRead && result.reply.outcome === 'refusal' ? 'refusal' : 'reply'
    ownership.read(shard, {
      seq: isRead ? (shard.copy?.seq ?? 0) : result.reply.seq,
      taken: clock.monotonic(),
      needsConfirming: isRead,
      send: () => options.answer(envelope, outcome, payload),
    })
  }

  /** Timers to arm after a change; what ended is not run on. */
  const followUp = (hosted: Hosted, id: string, change: Change): void => {
    for (const [name, timer] of change.timers ?? []) if (timer !== null) armTimer(hosted, id, name, timer.at)
    for (const [number, command] of change.commands ?? []) if (command === null) endCommand(hosted, id, number)
  }
  const endCommand = (hosted: Hosted, id: string, number: number): void => {
    const key = `${number} ${id}`
    hosted.commands.get(key)?.()
    hosted.commands.delete(key)
  }

  const sendCommand = (shard: Shard, id: string, number: number): void => {
    const hosted = hosting.get(shard.id)
    const entity = shard.copy?.entities.get(id)
    const command = entity?.outbox.get(number)
    const key = `${number} ${id}`
    if (hosted === undefined || entity === undefined || command === undefined || hosted.commands.has(key)) return
    const sender = `${kindOfShard(shard.id)}/${id}/${indexOfShard(shard.id)}.${shard.copy?.gen}.${entity.since}`
    const cancel = options.command(shard, command, `${sender}/${number}`, (outcome, payload) => {
      hosted.commands.delete(key)
      if (hosting.get(shard.id) === hosted) postOwn(hosted, id, { type: 'answer', number, outcome, payload })
    })
    hosted.commands.set(key, cancel)
  }

  const lost = (shard: Shard): void => {
    const hosted = hosting.get(shard.id)
    if (hosted === undefined) return
    hosting.delete(shard.id)
    for (const cancel of hosted.commands.values()) cancel()
    for (const running of hosted.running.values()) running.cell.close()
    counts.live -= hosted.running.size
  }

  const sweep = (): void => {
    if (isStopped) return
    timer = clock.after(sweepMs, sweep)
    for (const hosted of [...hosting.values()]) sweepShard(hosted)
  }
  const sweepShard = (hosted: Hosted): void => {
    const { shard } = hosted
    if (!ownership.mayServe(shard) || !ownership.takesNew(shard)) return
    for (const entity of [...(shard.copy?.entities.values() ?? [])]) {
      if (entity.life === 'live') continue
      if (isForgettable(entity, clock.now())) postOwn(hosted, entity.id, { type: 'forget' })
    }
    for (const [id, running] of hosted.running) {
      if (shard.copy?.entities.has(id)) continue
      running.cell.close()
      hosted.running.delete(id)
      counts.live--
    }
  }
  let timer = clock.after(sweepMs, sweep)

  return {
    post: (shard, envelope, from) => {
      const hosted = hosting.get(shard.id)
      const running = hosted === undefined ? undefined : open(hosted, envelope.id)
      if (hosted === undefined || running === undefined) {
        options.reroute(envelope, from)
        return
      }
      const work: Work = { type: 'mail', envelope, from }
      if (running.cell.post(work)) return
      const address = formatAddress(envelope.kind, envelope.id)
      const mailboxCountMax = running.kind.limits.mailboxCountMax ?? config.mailboxCountMax
      giveUp(running.kind, envelope.id, work, { tag: 'Overloaded', address, mailboxCountMax, retryAfterMs: 100 })
    },
    took: (shard) => {
      lost(shard)
      const hosted: Hosted = {
        shard,
        epoch: shard.epoch,
        running: new Map(),
        commands: new Map(),
        toldOfLoss: new Set(),
      }
      hosting.set(shard.id, hosted)
      const released = shard.copy?.released ?? 0
      const unsent = new Set<string>()
      for (const change of shard.copy?.log ?? []) {
        if (change.seq <= released) continue
        for (const output of change.outputs) if (output.to === 'command') unsent.add(`${output.number} ${change.id}`)
      }
      for (const entity of shard.copy?.entities.values() ?? []) {
        for (const [name, { at }] of entity.timers) armTimer(hosted, entity.id, name, at)
        for (const number of entity.outbox.keys())
          if (!unsent.has(`${number} ${entity.id}`)) sendCommand(shard, entity.id, number)
      }
    },
    lost,
    sendCommand,
    counts,
    stop: () => {
      isStopped = true
      timer.cancel()
      due.clear()
      for (const hosted of [...hosting.values()]) lost(hosted.shard)
    },
  }
}

const inputOf = (envelope: AskEnvelope | TellEnvelope, from: NodeId, here: Origin): StepInput => {
  const { tag, payload } = envelope
  const origin = originOf(from, here)
  if (envelope.type === 'tell')
    return { type: 'tell', tag, payload, origin, ...(envelope.from === undefined ? {} : { from: envelope.from }) }
  const { asker: node, ask, reqId, floor } = envelope
  const asker = { node, ask, reqId, ...(floor === undefined ? {} : { floor }) }
  return tag === spawnTag ? { type: 'spawn', asker } : { type: 'ask', tag, payload, asker, origin }
}
