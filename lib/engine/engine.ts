/**
 * One incarnation of a node: links, ownership, entities and routing over one session, wired together.
 * Callbacks only, so that a simulation can run it step by step.
 */
import type { KindData } from '../api/kind.js'
import type { Origin } from '../api/topic.js'
import { Available, hasAvailable } from '../available/available.js'
import type { AvailableOptions } from '../available/options.js'
import { Entities } from '../entity/entities.js'
import { endTag, spawnTag } from '../entity/mail.js'
import { formatAddress, type NodeId } from '../ids.js'
import { holdersOf, Keeper } from '../keeping/keeper.js'
import { noneReached, type Reached } from '../limits.js'
import { createLinks, type Links } from '../links/links.js'
import type { Membership } from '../membership/membership.js'
import { Ownership } from '../ownership/ownership.js'
import type { Shard } from '../ownership/state.js'
import { Asks, type AskResult, type PendingAsk } from '../routing/asks.js'
import { createRouter, type Router } from '../routing/router.js'
import { token } from '../std/random.js'
import type { Wire } from '../wire/envelope.js'
import { sendCommand } from './commands.js'
import { hereOf } from './here.js'
import { Incoming } from './incoming.js'
import { handOver } from './leaving.js'
import { Outgoing } from './outgoing.js'
import { Owned } from './owned.js'
import { placingOf } from './placing.js'
import { Rebalancer } from './rebalance.js'
import { createSnapshots, type Snapshots } from './snapshots.js'
import { createJournals, type Journals } from './sources.js'
import type { AskGiven, EngineCounts, EngineOptions, Message, Target, Whereabouts } from './options.js'

/** How often an engine looks whether it has seen what was there before it. */
const livePollMs = 20

export class Engine {
  readonly me: NodeId
  readonly membership: Membership
  readonly ownership: Ownership
  readonly entities: Entities
  readonly links: Links
  readonly counts: EngineCounts = {
    tellsSent: 0,
    tellsHandled: 0,
    tellsBuried: 0,
    asksSent: 0,
    asksEnded: 0,
    lateAnswers: 0,
    handoffsStarted: 0,
    handoffsFinished: 0,
    handoffsFailed: 0,
  }
  readonly #options: EngineOptions
  readonly #reached: Reached
  readonly #kinds: ReadonlyMap<string, KindData>
  /** Those of singletons. */
  readonly #alone: ReadonlySet<string>
  readonly #here: Origin
  readonly #available: Available | undefined
  readonly #router: Router
  readonly #keeper: Keeper
  readonly #asks: Asks
  readonly rebalancer: Rebalancer
  readonly #journals: Journals
  readonly #snapshots: Snapshots
  readonly #out: Outgoing
  readonly #incoming: Incoming
  readonly #owned: Owned
  /** Of no other incarnation of any node; a count behind it makes a reqId. */
  readonly #reqIdStem: string
  #isStopped = false
  #unwatch: () => void = () => undefined

  constructor(options: EngineOptions, membership: Membership, me: NodeId) {
    const { clock, config, session, random } = options
    this.#options = options
    this.#reached = options.reached ?? noneReached()
    this.#reqIdStem = `${token(random, 8)}.`
    this.me = me
    this.membership = membership
    this.#kinds = new Map(options.kinds.map((kind) => [kind.kind, kind]))
    this.#alone = new Set(options.kinds.filter(({ data }) => data.scope === 'node').map(({ kind }) => kind))
    this.#here = hereOf(me)
    const { counts } = this
    const router = (): Router => this.#router
    this.#out = new Outgoing({
      config,
      counts,
      on: options.on,
      membership,
      links: () => this.links,
      router,
      sendCommand: (shard, id, number) => this.entities.sendCommand(shard, id, number),
    })
    this.#incoming = new Incoming({
      shardCount: config.shardCount,
      here: this.#here,
      counts,
      on: options.on,
      out: this.#out,
      asks: () => this.#asks,
      ownership: () => this.ownership,
      router,
      rebalancer: () => this.rebalancer,
    })
    this.#owned = new Owned({
      me,
      on: options.on,
      counts,
      kinds: this.#kinds,
      lostShards: options.lostShards,
      out: this.#out,
      entities: () => this.entities,
      ownership: () => this.ownership,
      keeper: () => this.#keeper,
      router,
      asks: () => this.#asks,
      snapshots: () => this.#snapshots,
      isStopped: () => this.#isStopped,
    })
    this.links = createLinks({
      session,
      clock,
      self: me,
      config,
      reached: this.#reached,
      deliver: (envelope, from) => {
        if (!this.#isStopped) this.#incoming.deliver(envelope, from)
      },
      onProblem: (_to, _envelope, { tag }) => {
        this.#out.wasFull = tag === 'Full'
      },
      beforeFlush: () => this.ownership.flush(),
    })
    this.#journals = createJournals(options, this.#reached)
    this.ownership = this.#makeOwnership()
    this.rebalancer = new Rebalancer({
      me,
      clock,
      config,
      reached: this.#reached,
      kinds: this.#kinds,
      ownership: this.ownership,
      membership,
      send: (to, verb, body) => this.control(to, verb, body),
    })
    this.#keeper = this.#makeKeeper()
    this.entities = this.#makeEntities()
    const freeze = (shard: Shard): void => {
      shard.isLoading = true
      this.entities.lost(shard)
    }
    const { ownership } = this
    this.#snapshots = createSnapshots({ engine: options, kinds: this.#kinds, ownership, freeze })
    this.#available = hasAvailable(options.kinds) ? this.#makeAvailable() : undefined
    this.#router = this.#makeRouter()
    this.#asks = new Asks({
      me,
      clock,
      resendMs: config.askResendMs,
      countMax: config.pendingAsksCountMax,
      reached: this.#reached,
      send: (ask, envelope) => this.#out.sendAsk(ask, envelope),
      ended: ({ given }) => {
        // A command's ask is no ask of a caller, and it alone has a floor.
        if (given.floor === undefined) this.counts.asksEnded++
      },
    })
    this.#available?.resume()
  }

  /** Calls `live` when others can reach this node and it knows what was there before it. */
  listen(live: () => void): void {
    const { clock, session } = this.#options
    const wait = (): void => {
      if (this.#isStopped) return
      if (this.ownership.isLive) live()
      else clock.after(livePollMs, wait)
    }
    session.listen(this.me, this.links.inbox, wait)
    this.#unwatch = session.onStatus((status) => {
      // What was under way when the connection broke is lost, and would wait longer than need be.
      if (status === 'up') this.#asks.hurry(() => true)
      this.#available?.poke()
    })
  }

  /** Calls `done` once, with the first answer, refusal or error. */
  ask(target: Target, message: Message, given: AskGiven, done: (result: AskResult) => void): PendingAsk {
    const { config } = this.#options
    const { kind, id, node } = target
    const { tag, payload } = message
    const shard = node === undefined ? this.#router.shardOf(kind, id) : undefined
    const wantedMs = given.timeoutMs ?? config.askTimeoutMs
    if (wantedMs > config.askTimeoutMsMax) this.#reached.askTimeoutMsMax++
    const timeoutMs = Math.min(wantedMs, config.askTimeoutMsMax)
    const reqId = given.reqId ?? `${this.#reqIdStem}${this.counts.asksSent.toString(36)}`
    this.counts.asksSent++
    return this.#asks.ask({ kind, id, node, shard, tag, payload, timeoutMs, reqId, floor: undefined }, done)
  }

  /** Gives up: it ends with `Cancelled`, unless it is over already. */
  cancel(ask: PendingAsk): void {
    const { kind, id } = ask.given
    this.#asks.end(ask, { tag: 'error', error: { tag: 'Cancelled', address: formatAddress(kind, id) } })
  }

  tell(target: Target, { tag, payload }: Message): void {
    const { kind, id, node } = target
    if (node === undefined) this.#out.tellEntity({ type: 'tell', kind, id, tag, payload, hops: 0 })
    else this.#out.tellNode(node, { type: 'tell', kind, id: '', tag, payload, hops: 0 })
  }

  /** Starts an entity; the reply is `started` or `already-started`. */
  spawn(kind: string, id: string, timeoutMs: number, done: (result: AskResult) => void): void {
    this.ask({ kind, id }, { tag: spawnTag, payload: undefined }, { timeoutMs }, done)
  }

  /** Ends an entity; the reply is `stopped`. `NoRecipient` when it did not live. */
  end(kind: string, id: string, timeoutMs: number, done: (result: AskResult) => void): void {
    this.ask({ kind, id }, { tag: endTag, payload: undefined }, { timeoutMs }, done)
  }

  /** To every member, this node included. */
  publish(topic: string, payload: Wire): void {
    this.#out.broadcast({ type: 'publish', topic, payload })
  }

  control(to: NodeId, verb: string, body: Wire): boolean {
    return this.#out.send(to, { type: 'control', verb, body })
  }

  where(kind: string, id: string): Whereabouts {
    const shard = this.#router.shardOf(kind, id)
    const record = this.ownership.get(shard)?.record ?? null
    return {
      shard,
      owner: record?.owner ?? this.#router.targetOf(shard),
      epoch: record?.epoch ?? 0,
      insync: record?.insync ?? [],
      isRecorded: record !== null,
    }
  }

  membersChanged(gone: readonly NodeId[]): void {
    for (const node of gone) this.links.forget(node)
    this.#router.gone(gone)
    this.ownership.membersChanged(gone)
    this.#available?.membersGone(gone)
    this.#asks.hurry(({ given: { node } }) => node !== undefined && this.membership.isGone(node))
  }

  /** Whether this node may act for strict kinds has changed. */
  frozen(): void {
    this.#available?.poke()
  }

  /** What became of side copies; undefined without available kinds. */
  get availableCounts(): object | undefined {
    return this.#available?.counts
  }

  /** Hands everything over and leaves; `done` when it is out, at the latest after `drainMs` and a lease. */
  leave(drainMs: number, done: () => void): void {
    const { me, membership, ownership } = this
    membership.setLeaving()
    const sidesCount = (): number => this.#available?.sidesCount ?? 0
    const go = (): void =>
      membership.leave(() => {
        this.stop()
        membership.stop()
        done()
      })
    const { clock, on } = this.#options
    const copiesOf = (kind: string): number => this.#copiesOf(kind)
    handOver({ clock, ownership, membership, drainMs, me, sidesCount, copiesOf }, () => {
      const last = (): void => this.#snapshots.write(go)
      if (on.leaving === undefined) last()
      else on.leaving(last)
    })
  }

  /** Leaves nothing running and says nothing to other nodes; open asks end with `UnknownOutcome`. */
  stop(): void {
    if (this.#isStopped) return
    this.#asks.close(({ given }) => ({ tag: 'UnknownOutcome', address: formatAddress(given.kind, given.id) }))
    this.#isStopped = true
    this.#unwatch()
    this.rebalancer.stop()
    this.#available?.stop()
    this.ownership.stop()
    this.entities.stop()
    this.#journals.stop()
    this.#snapshots.stop()
    this.#keeper.stop()
    this.#router.close()
    this.links.close()
  }

  #copiesOf(kind: string): number {
    const source = this.#kinds.get(kind)?.source
    return source?.type === 'mirrored' ? source.copies : 0
  }

  #makeOwnership(): Ownership {
    const { clock, config, rules, session } = this.#options
    return new Ownership({
      me: this.me,
      records: session.records,
      clock,
      config,
      reached: this.#reached,
      ...(rules === undefined ? {} : { rules }),
      membership: this.membership,
      copiesOf: (kind) => this.#copiesOf(kind),
      isDisposable: (kind) => this.#kinds.get(kind)?.source.type === 'disposable',
      holdersOf: (kind) => holdersOf(this.#kinds.get(kind)),
      placingOf: placingOf(this.#options.kinds),
      frameBytesMax: Math.min(config.frameBytesMax, session.facts.frameBytesMax),
      hasMail: (shard) => this.entities.hasMail(shard) || this.#options.on.isBusy?.(shard.kind) === true,
      send: (to, envelope) => this.#out.send(to, envelope),
      flushSoon: () => this.links.flushSoon(),
      on: this.#owned.events(),
    })
  }

  #makeEntities(): Entities {
    return new Entities({
      ...this.#entityWays(),
      ownership: this.ownership,
      // Of an available one those who had it may come back with it.
      isLost: (shard) =>
        this.#owned.isLost(shard) && this.#kinds.get(shard.kind)?.consistency !== 'available',
      frozenWork: (shard) => this.#available?.frozenWork(shard),
    })
  }

  /** What the entities of owned shards and those of side copies have in common. */
  #entityWays(): AvailableOptions['entities'] {
    const { clock, config, openCell, on, random } = this.#options
    return {
      clock,
      random,
      config,
      frameBytesMax: Math.min(config.frameBytesMax, this.#options.session.facts.frameBytesMax),
      reached: this.#reached,
      here: this.#here,
      kinds: this.#kinds,
      openCell,
      answer: (envelope, outcome, payload) => this.#out.answer(envelope, outcome, payload),
      bury: (envelope, reason) => this.#out.bury(envelope, reason),
      tellHandled: () => {
        this.counts.tellsHandled++
      },
      reroute: (envelope, from) => this.#router.receive(envelope, from),
      left: (envelope, from) => this.#router.left(envelope, from),
      command: (command, reqId, done) => {
        const shard = this.#router.shardOf(command.kind, command.id)
        const way = { asks: this.#asks, clock, shard, limits: config, reached: this.#reached }
        return sendCommand(way, command, reqId, done)
      },
      abandoned: (address, message) =>
        this.#options.on.event({ tag: 'DeadLetter', address, message, reason: 'Crashed' }),
      journals: this.#journals.of,
      keeping: this.#keeper,
      loadFailed: (address, cause) => on.event({ tag: 'LoadFailed', address, cause }),
    }
  }

  #makeAvailable(): Available {
    const { clock, config, random, session, on, sides = new Map() } = this.#options
    return new Available({
      me: this.me,
      clock,
      config,
      random,
      reached: this.#reached,
      kinds: this.#kinds,
      session,
      membership: this.membership,
      ownership: this.ownership,
      owned: () => this.entities,
      sides,
      entities: this.#entityWays(),
      ask: (target, message, given, done) => this.ask(target, message, given, done),
      release: (shard, id, output) => this.#out.release(shard, id, output, undefined),
      giveUp: (envelope) => this.#router.giveUp(envelope, 'Unavailable'),
      wayChanged: () => {
        this.#asks.hurry(({ given }) => this.#kinds.get(given.kind)?.consistency === 'available')
      },
      event: (event) => on.event(event),
    })
  }

  #makeKeeper(): Keeper {
    const { clock, config, session } = this.#options
    return new Keeper({
      me: this.me,
      clock,
      config,
      records: session.records,
      kinds: this.#kinds,
      ownership: this.ownership,
      restore: (shard, kept) => this.entities.restore(shard, kept),
      settled: (shard, restored) => {
        if (restored !== null) this.entities.wake(shard, restored)
        this.#router.settled(shard.id)
      },
      broken: (shard, what) => this.#options.on.event({ tag: 'Broken', what: `${shard.id}: ${what}` }),
    })
  }

  #makeRouter(): Router {
    const { clock, config, rules } = this.#options
    return createRouter({
      me: this.me,
      clock,
      config,
      reached: this.#reached,
      kinds: this.#kinds,
      ownership: this.ownership,
      membership: this.membership,
      send: (to, envelope) => this.#out.send(to, envelope),
      post: (shard, envelope, from) => {
        // A singleton is an actor of the node that owns its shard.
        if (this.#alone.has(shard.kind)) this.#incoming.local(envelope, from)
        else this.entities.post(shard, envelope, from)
      },
      answer: (envelope, outcome, payload) => this.#out.answer(envelope, outcome, payload),
      bury: (envelope, reason) => this.#out.bury(envelope, reason),
      frozenMail: (mail) => rules?.frozenMail(mail) ?? mail,
      available: this.#available,
    })
  }
}
