/**
 * Runs the entities of the shards that this node owns: one mailbox each, one step at a time, their timers,
 * and their open commands.
 */
import type { AskError } from '../errors.js'
import { formatAddress, type NodeId, type ShardId } from '../ids.js'
import type { Shard } from '../ownership/state.js'
import type { Timer } from '../std/clock.js'
import { createDueQueue, type DueQueue } from '../std/due.js'
import type { AskEnvelope, TellEnvelope } from '../wire/envelope.js'
import { applyChange, type Change, isForgettable } from './copy.js'
import {
  closeRunning,
  commandKey,
  commandStem,
  type Hosted,
  Lives,
  newHosted,
  newRunning,
  type Running,
  type TimerDue,
  unsentCommands,
  type Work,
} from './hosting.js'
import { endTag, heldAnswer, inputOf, lacksState, type NotChanged, reminderOf, stateOf } from './mail.js'
import { stepAny } from './merging.js'
import type { EntitiesOptions, Restored } from './options.js'
import type { StepInput, StepResult } from './protocol.js'
import { addressOf, crashOf, noteLimit, refusalOf } from './refusal.js'
import { Returning } from './returning.js'
import { Sources } from './sources.js'
import { changeTooLarge, checkFits } from './step.js'

const timerStepMs = 16
const sweepMs = 15_000
const frozenStepMs = 100

export class Entities {
  readonly counts = { live: 0, handled: 0, crashed: 0 }
  readonly #options: EntitiesOptions
  readonly #hosting = new Map<ShardId, Hosted>()
  readonly #lives = new Lives()
  readonly #due: DueQueue<() => void>
  readonly #sources: Sources
  readonly #returning: Returning
  #sweeper: Timer

  constructor(options: EntitiesOptions) {
    const { clock } = options
    this.#options = options
    this.#sources = new Sources({
      ...options,
      arm: (due) => this.#arm(due),
      sendCommand: (shard, id, number) => this.sendCommand(shard, id, number),
      postOwn: (hosted, id, input) => this.#postOwn(hosted, id, input),
      hosts: (hosted) => this.#hosts(hosted),
      addLive: (hosted, count) => this.#lives.add(hosted, count),
    })
    this.#due = createDueQueue(clock, timerStepMs, (run) => run())
    this.#returning = new Returning(clock, options.config.rememberedCountMax, options.reached)
    this.#sweeper = clock.after(sweepMs, () => this.#sweep())
  }

  /** Mail for an entity of a shard that this node owns. */
  post(shard: Shard, envelope: AskEnvelope | TellEnvelope, from: NodeId): void {
    const hosted = this.#hosting.get(shard.id)
    const running = hosted === undefined ? undefined : this.#open(hosted, envelope.id)
    if (hosted === undefined || running === undefined) {
      this.#options.reroute(envelope, from)
      return
    }
    const work: Work = { type: 'mail', envelope, from }
    if (envelope.tag === endTag) return this.#end(hosted, running, work)
    if (running.cell.post(work)) return
    this.#options.reached.mailboxCountMax++
    const { kind } = running
    const mailboxCountMax = kind.limits.mailboxCountMax ?? this.#options.config.mailboxCountMax
    this.#giveUp(work, {
      tag: 'Overloaded',
      address: addressOf(running),
      mailboxCountMax,
      retryAfterMs: 100,
    })
  }

  /** This node has become the owner: timers are armed and open commands go on. */
  took(shard: Shard): void {
    this.lost(shard)
    const hosted = newHosted(shard, this.#options.clock.monotonic())
    this.#hosting.set(shard.id, hosted)
    const kind = this.#options.kinds.get(shard.kind)
    if (kind?.source.type === 'persisted') {
      this.#sources.open(hosted, kind)
      return
    }
    const unsent = unsentCommands(shard)
    for (const { id, life, timers, outbox } of shard.copy?.entities.values() ?? []) {
      if (life === 'live') this.#lives.add(hosted, 1)
      for (const [name, { at }] of timers) this.#arm({ hosted, id, name, at })
      for (const number of outbox.keys())
        if (!unsent.has(commandKey(id, number))) this.sendCommand(shard, id, number)
    }
  }

  /** The shard began anew: the reminders that were kept of it become part of its copy. */
  restore(shard: Shard, { reminders }: Restored): void {
    const { copy } = shard
    const { clock, config, ownership } = this.#options
    if (copy === null || !this.#hosting.has(shard.id)) return
    for (const { id, name, due } of reminders) {
      const change = { seq: copy.seq + 1, id, at: clock.now(), timers: [[name, due]], outputs: [] } as const
      applyChange(copy.entities, change, config.repliesCountMax)
      ownership.change(shard, change)
    }
  }

  /** What was restored goes to work. */
  wake(shard: Shard, { reminders, ids }: Restored): void {
    const hosted = this.#hosting.get(shard.id)
    if (hosted === undefined) return
    for (const { id, name, due } of reminders) this.#arm({ hosted, id, name, at: due.at })
    this.#returning.add(ids, (id) => {
      if (this.#hosts(hosted)) this.#postOwn(hosted, id, { type: 'start' })
    })
  }

  /** This node is no longer the owner. */
  lost(shard: Shard): void {
    const hosted = this.#hosting.get(shard.id)
    if (hosted === undefined) return
    this.#hosting.delete(shard.id)
    hosted.journals?.close()
    for (const cancel of hosted.commands.values()) cancel()
    for (const running of hosted.running.values()) closeRunning(running)
    this.counts.live -= hosted.running.size
    this.#lives.add(hosted, -hosted.liveCount)
  }

  /** Entities of a kind that live here: also those that nobody has spoken to since this node took them. */
  liveCount(kind: string): number {
    return this.#lives.count(kind)
  }
  /** Those of one shard; undefined when this node does not own it. */
  liveCountOf(shard: ShardId): number | undefined {
    return this.#hosting.get(shard)?.liveCount
  }

  /** Something waits to be handled by an entity of this shard. */
  hasMail(shard: Shard): boolean {
    for (const { cell } of this.#hosting.get(shard.id)?.running.values() ?? [])
      if (cell.mailCount > 0) return true
    return false
  }

  /** The change with this command is released, so it may leave. */
  sendCommand(shard: Shard, id: string, number: number): void {
    const hosted = this.#hosting.get(shard.id)
    const entity = shard.copy?.entities.get(id)
    const command = entity?.outbox.get(number)
    const key = commandKey(id, number)
    if (hosted === undefined || entity === undefined || command === undefined || hosted.commands.has(key))
      return
    // A journal goes on over generations, and so do the numbers of its commands.
    const stem = commandStem(shard, entity, hosted.journals === null ? undefined : 'j')
    const reqId = command.reqId ?? `${stem}${number}`
    const cancel = this.#options.command(command, reqId, (outcome, payload) => {
      hosted.commands.delete(key)
      if (this.#hosts(hosted)) this.#postOwn(hosted, id, { type: 'answer', number, outcome, payload })
    })
    hosted.commands.set(key, cancel)
  }

  /** Has it take a step of its own, also while the shard takes nothing. */
  conclude(shard: Shard, id: string, input: Extract<StepInput, { type: 'conflict' }>): void {
    const hosted = this.#hosting.get(shard.id)
    if (hosted !== undefined) this.#postOwn(hosted, id, input)
  }

  /** The states of this shard's entities that are decoded at this moment. */
  *statesOf(shard: ShardId): Iterable<readonly [id: string, state: unknown]> {
    for (const [id, { hasState, state }] of this.#hosting.get(shard)?.running ?? [])
      if (hasState) yield [id, state]
  }

  stop(): void {
    this.#sweeper.cancel()
    this.#due.clear()
    this.#sources.stop()
    this.#returning.stop()
    for (const { shard } of [...this.#hosting.values()]) this.lost(shard)
  }

  /**
   * Ends one at once, before what waits for it: also one that crashes again and again, and waits in between.
   * Its mail finds a new cell.
   */
  #end(hosted: Hosted, running: Running, work: Work): void {
    this.#handle(hosted, running, work)
    const { id } = running
    if (!this.#hosts(hosted) || hosted.shard.copy?.entities.get(id)?.life === 'live') return
    if (hosted.running.delete(id)) this.counts.live--
    closeRunning(running)
  }

  #hosts(hosted: Hosted): boolean {
    return this.#hosting.get(hosted.shard.id) === hosted
  }

  #open(hosted: Hosted, id: string): Running | undefined {
    const known = hosted.running.get(id)
    if (known !== undefined) return known
    const { shard } = hosted
    const kind = this.#options.kinds.get(shard.kind)
    if (kind === undefined) return undefined
    const cell = this.#options.openCell({
      kind,
      id: this.#options.cellName?.(id) ?? id,
      handle: (work) => this.#handle(hosted, running, work),
      crashed: (work, error) => {
        this.counts.crashed++
        noteLimit(this.#options.reached, error)
        running.hasState = false
        if (work.type === 'own') this.#ownFailed(hosted, id, work.input)
        else this.#giveUp(work, crashOf(this.#options.here, running, work, error))
      },
      left: (work) => {
        if (work.type !== 'mail') return
        const { clock, ownership, left, reroute } = this.#options
        if (!ownership.mayServe(shard)) left(work.envelope, work.from)
        // Later: it may come back to this very id, whose cell is still being closed.
        else clock.defer(() => reroute(work.envelope, work.from))
      },
    })
    const running = newRunning(shard, kind, id, cell)
    hosted.running.set(id, running)
    this.counts.live++
    return running
  }

  #postOwn(hosted: Hosted, id: string, input: StepInput): void {
    this.#open(hosted, id)?.cell.post({ type: 'own', input })
  }

  /** It could not take the answer to its command: that is asked for again, and let go if nothing helps. */
  #ownFailed(hosted: Hosted, id: string, input: StepInput): void {
    if (input.type !== 'answer' || !this.#hosts(hosted)) return
    const { clock, config, reached } = this.#options
    const { number } = input
    const key = commandKey(id, number)
    const failures = (hosted.failedAnswers.get(key) ?? 0) + 1
    if (failures < config.commandAttemptsCountMax) {
      hosted.failedAnswers.set(key, failures)
      const againMs = config.commandResendMs * failures
      this.#due.add(clock.monotonic() + againMs, () => this.sendCommand(hosted.shard, id, number))
      return
    }
    hosted.failedAnswers.delete(key)
    reached.commandAttemptsCountMax++
    const then = hosted.shard.copy?.entities.get(id)?.outbox.get(number)?.then.tag ?? ''
    this.#options.abandoned(formatAddress(hosted.shard.kind, id), then)
    this.#postOwn(hosted, id, { type: 'abandon', number })
  }

  /** While the node is frozen: nobody else says it again. */
  #postLater(hosted: Hosted, id: string, input: StepInput): void {
    this.#due.add(this.#options.clock.monotonic() + frozenStepMs, () => {
      if (this.#hosts(hosted)) this.#postOwn(hosted, id, input)
    })
  }

  #giveUp(work: Work, error: AskError): void {
    if (work.type === 'own') return
    const { envelope } = work
    if (envelope.type === 'ask') this.#options.answer(envelope, 'error', error)
    else this.#options.bury(envelope, error.tag)
  }

  #handle(hosted: Hosted, running: Running, work: Work): void | PromiseLike<void> {
    const { shard, kind, id } = running
    const { clock, config, here, ownership } = this.#options
    const { copy } = shard
    const isConcluding = work.type === 'own' && work.input.type === 'conflict'
    if (!this.#hosts(hosted) || copy === null || !(isConcluding || ownership.mayServe(shard))) {
      if (work.type === 'mail') this.#options.reroute(work.envelope, work.from)
      else if (this.#hosts(hosted)) {
        this.#options.frozenWork?.(shard)
        this.#postLater(hosted, id, work.input)
      }
      return
    }
    const refusal = work.type === 'mail' ? refusalOf(this.#options, hosted, running, work.envelope) : null
    if (refusal !== null) {
      this.#giveUp(work, refusal)
      return
    }
    const input = work.type === 'own' ? work.input : inputOf(work.envelope, work.from, here)
    // One whose state cannot be read must still be able to end.
    const isEnd = input.type === 'end'
    if (running.mayLack && !isEnd && lacksState(running, work))
      return this.#handleLater(hosted, running, work)
    const state = isEnd ? undefined : stateOf(running, this.#options)
    running.lastAt = clock.monotonic()
    const now = clock.now()
    const { gen, seq } = copy
    const { begun } = running
    const kept = copy.entities.get(id)
    const context = { kind, id, copy: kept, state, begun, seq: seq + 1, gen, now, here, limits: config }
    const result = stepAny(context, input, shard)
    this.counts.handled++
    if (work.type === 'mail' && work.envelope.type === 'tell') {
      if (result.type === 'overtaken') this.#options.bury(work.envelope, 'Overtaken')
      else if (result.type !== 'error') this.#options.tellHandled()
    }
    this.#settle(hosted, running, work, result)
  }

  /** As soon as its state is here. Asks are told that it fails; all else waits until it does not. */
  async #handleLater(hosted: Hosted, running: Running, work: Work): Promise<void> {
    const isAsk = work.type === 'mail' && work.envelope.type === 'ask'
    running.isLoading = true
    const isHere = await this.#sources.bring(hosted, running, !isAsk)
    running.isLoading = false
    // When it was closed meanwhile its cell has given the work back.
    if (running.isClosed) return undefined
    if (isHere) return this.#handle(hosted, running, work)
    const retryAfterMs = this.#options.config.askResendMs
    return this.#giveUp(work, { tag: 'Unavailable', address: addressOf(running), retryAfterMs })
  }

  #settle(hosted: Hosted, running: Running, work: Work, result: StepResult): void {
    const { shard, id } = running
    const { copy } = shard
    if (copy === null || result.type === 'nothing' || result.type === 'overtaken') return
    if (result.type === 'error') {
      // The step's own: an entity that waits for the answers to too many commands.
      if (result.error.tag === 'Overloaded') this.#options.reached.commandsPendingCountMax++
      if (work.type === 'own') this.#ownFailed(hosted, id, work.input)
      else if (result.error.tag === 'NoRecipient') this.#deny(shard, work, result.error)
      else this.#giveUp(work, result.error)
    } else if (result.type !== 'change') {
      if (work.type === 'mail' && work.envelope.type === 'ask')
        this.#answerLater(shard, work.envelope, result)
    } else {
      const { config, reached, keeping } = this.#options
      const { journals } = hosted
      checkFits(addressOf(running), result.change, config.payloadBytesMax, this.#options.frameBytesMax)
      if (journals?.fits(result.change) === false) throw changeTooLarge(addressOf(running))
      if (result.change.life !== undefined) this.#lives.note(hosted, result.change)
      const { kind } = running
      const fell = kind.reminders ? reminderOf(copy.entities.get(id), work) : undefined
      applyChange(copy.entities, result.change, config.repliesCountMax, reached)
      running.state = result.state
      running.hasState = copy.entities.get(id)?.life === 'live'
      running.begun = undefined
      this.#followUp(hosted, id, result.change)
      if (journals !== null) this.#sources.hold(hosted, result.change.seq)
      if (kind.reminders || kind.remember) keeping.changed(shard, result.change, fell)
      this.#options.ownership.change(shard, result.change)
      const entity = copy.entities.get(id)
      if (entity !== undefined) journals?.append(entity, result.change)
    }
  }

  /** That nobody is there is a read: an owner that was replaced must not say it of what began elsewhere. */
  #deny(shard: Shard, work: Work, error: AskError): void {
    if (work.type !== 'mail' || work.envelope.type !== 'ask') {
      this.#giveUp(work, error)
      return
    }
    const { envelope } = work
    this.#options.ownership.read(shard, {
      seq: shard.copy?.seq ?? 0,
      taken: this.#options.clock.monotonic(),
      needsConfirming: true,
      send: () => this.#options.answer(envelope, 'error', error),
    })
  }

  #answerLater(shard: Shard, envelope: AskEnvelope, result: NotChanged): void {
    const { ownership, clock } = this.#options
    const { outcome, ...held } = heldAnswer(shard, result)
    ownership.read(shard, {
      ...held,
      taken: clock.monotonic(),
      send: () => this.#options.answer(envelope, outcome, held.payload),
    })
  }

  /** Arms new timers, and ends the sending of commands that were answered. */
  #followUp(hosted: Hosted, id: string, { timers, commands }: Change): void {
    for (const [name, timer] of timers ?? [])
      if (timer !== null) this.#arm({ hosted, id, name, at: timer.at })
    for (const [number, command] of commands ?? []) {
      if (command !== null) continue
      const key = commandKey(id, number)
      hosted.commands.get(key)?.()
      hosted.commands.delete(key)
      hosted.failedAnswers.delete(key)
    }
  }

  #arm(due: TimerDue): void {
    const { clock } = this.#options
    this.#due.add(clock.monotonic() + Math.max(0, due.at - clock.now()), () => this.#timerFell(due))
  }
  #timerFell(due: TimerDue): void {
    const { hosted, id, name, at } = due
    if (!this.#hosts(hosted) || hosted.shard.copy?.entities.get(id)?.timers.get(name)?.at !== at) return
    if (at > this.#options.clock.now()) this.#arm(due)
    else this.#postOwn(hosted, id, { type: 'timer', name, at })
  }

  /**
   * Stops entities that were idle for long, and forgets stopped ones whose
   * replies nobody can ask for any more.
   */
  #sweep(): void {
    const { clock, ownership } = this.#options
    this.#sweeper = clock.after(sweepMs, () => this.#sweep())
    for (const hosted of this.#hosting.values()) {
      const { shard, running, journals } = hosted
      if (journals !== null) {
        const gone = this.#sources.unload(hosted, journals, (id) => this.#isIdle(hosted, id))
        this.counts.live -= gone
        continue
      }
      if (!ownership.mayServe(shard) || !ownership.takesNew(shard)) continue
      for (const entity of [...(shard.copy?.entities.values() ?? [])]) {
        if (isForgettable(entity, clock.now())) this.#postOwn(hosted, entity.id, { type: 'forget' })
        else if (entity.life === 'live' && this.#isIdle(hosted, entity.id))
          this.#postOwn(hosted, entity.id, { type: 'passivate' })
      }
      for (const [id, one] of running) {
        // One that waits for its state has mail in hand.
        if (shard.copy?.entities.has(id) || one.isLoading) continue
        // First, so that mail which comes back from the closed cell opens a new one.
        running.delete(id)
        this.counts.live--
        closeRunning(one)
      }
    }
  }

  #isIdle({ shard, running, since }: Hosted, id: string): boolean {
    const { clock, config, kinds } = this.#options
    const idleMs = kinds.get(shard.kind)?.limits.idleMs ?? config.idleMs
    return idleMs > 0 && clock.monotonic() - Math.max(since, running.get(id)?.lastAt ?? 0) > idleMs
  }
}
