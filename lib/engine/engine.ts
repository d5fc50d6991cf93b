/**
 * One incarnation of a node: membership, links, ownership, entities and routing over one session, wired together.
 * Callbacks only, so that a simulation can run it step by step.
 */
import type { KindData } from '../api/kind.js'
import type { Origin } from '../api/topic.js'
import type { Config } from '../config.js'
import { createEntities, type Entities, type OpenCell, originOf, spawnTag } from '../entity/entities.js'
import type { Command, Output } from '../entity/copy.js'
import { type AskError, decodeAskError, encodeAskError } from '../errors.js'
import { formatAddress, kindOfShard, type NodeId, parseNodeId } from '../ids.js'
import { createLinks, type Links } from '../links/links.js'
import { createMembership, type Membership, type MembershipRules, type View } from '../membership/membership.js'
import { Ownership } from '../ownership/ownership.js'
import type { Rules } from '../ownership/rules.js'
import type { Shard } from '../ownership/state.js'
import { type Asks, type AskResult, createAsks, type PendingAsk } from '../routing/asks.js'
import { createRouter, type Router } from '../routing/router.js'
import type { Clock } from '../std/clock.js'
import { type Random, token } from '../std/random.js'
import type { Session } from '../transport/transport.js'
import type { AskEnvelope, ControlEnvelope, Envelope, Position, PublishEnvelope, TellEnvelope, Wire } from '../wire/envelope.js'
import { handOver } from './leaving.js'
import { positionFilter } from './positions.js'
import * as E from 'fp-ts/lib/Either.js'

export interface EngineOptions {
  readonly session: Session
  readonly clock: Clock
  readonly random: Random
  readonly config: Config
  readonly name: string
  readonly roles: readonly string[]
  readonly weight: number
  readonly release: string
  readonly kinds: readonly KindData[]
  readonly openCell: OpenCell
  /** The simulation puts wrong ones here to see them caught. */
  readonly rules?: Rules
  readonly membershipRules?: MembershipRules
  readonly on: EngineEvents
}
export interface EngineEvents {
  /** It is a ready member: it may be given shards and take clients. */
  ready(engine: Engine): void
  /** Joining failed, or this incarnation was declared dead. It does nothing any more. */
  lost(why: string): void
  frozen(isFrozen: boolean): void
  changed(view: View): void
  /** A message for this node's own actor of that kind. `answer` is for asks. */
  local(envelope: AskEnvelope | TellEnvelope, from: NodeId, answer: LocalAnswer): void
  published(topic: string, payload: Wire, origin: Origin): void
  control(envelope: ControlEnvelope, from: NodeId): void
  event(event: EngineEvent): void
}
export type LocalAnswer = (outcome: 'reply' | 'refusal' | 'error', payload: Wire | AskError) => void
export type EngineEvent =
  | { readonly tag: 'DeadLetter'; readonly address: string; readonly message: string; readonly reason: string }
  | { readonly tag: 'Owned'; readonly shard: string; readonly epoch: number; readonly how: 'empty' | 'copy' }
  | { readonly tag: 'SteppedDown'; readonly shard: string; readonly outputsDropped: number }
  | { readonly tag: 'StateLost'; readonly shard: string; readonly gen: number }
  | { readonly tag: 'Broken'; readonly what: string }

export interface Target {
  readonly kind: string
  /** Empty with `node`. */
  readonly id: string
  readonly node?: NodeId
}
export interface Message {
  readonly tag: string
  readonly payload: Wire
}
export interface EngineCounts {
  tellsSent: number
  tellsHandled: number
  tellsBuried: number
  asksSent: number
  asksEnded: number
  lateAnswers: number
}

/** Where an entity lives, as far as this node knows. */
export interface Whereabouts {
  readonly shard: string
  readonly owner: NodeId | null
  readonly epoch: number
  readonly insync: readonly NodeId[]
  /** By record; false when it is only where it would be begun. */
  readonly isRecorded: boolean
}

export interface Engine {
  readonly me: NodeId
  readonly membership: Membership
  readonly ownership: Ownership
  readonly entities: Entities
  readonly links: Links
  readonly counts: EngineCounts
  ask(target: Target, message: Message, options: { timeoutMs?: number; reqId?: string }, done: (result: AskResult) => void): () => void
  tell(target: Target, message: Message): void
  spawn(kind: string, id: string, timeoutMs: number, done: (result: AskResult) => void): void
  publish(topic: string, payload: Wire): void
  control(to: NodeId, verb: string, body: Wire): boolean
  where(kind: string, id: string): Whereabouts
  /** Hands everything over and leaves; `done` when it is out, at the latest after `drainMs` and a lease. */
  leave(drainMs: number, done: () => void): void
  /** Leaves nothing running and says nothing to anybody. */
  stop(): void
}

/** Joins the cluster. The engine comes with `on.ready`; what is returned ends it, also before. */
export const startEngine = (options: EngineOptions): { stop(): void } => {
  const { session, clock, config, on } = options
  let engine: (Engine & { membersChanged(): void }) | null = null
  let isOver = false
  const membership = createMembership({
    session,
    clock,
    random: options.random,
    config,
    self: {
      name: options.name,
      roles: options.roles,
      weight: options.weight,
      kinds: options.kinds.map((kind) => kind.kind),
      release: options.release,
    },
    ...(options.membershipRules === undefined ? {} : { rules: options.membershipRules }),
    on: {
      joined: (me) => {
        engine = createEngine(options, membership, me, () => {
          membership.setReady()
        })
      },
      changed: (view, gone) => {
        for (const node of gone) engine?.links.forget(node)
        engine?.membersChanged()
        on.changed(view)
        if (engine !== null && !isReady && view.members.get(engine.me)?.status === 'ready') {
          isReady = true
          on.ready(engine)
        }
      },
      lost: (why) => {
        if (isOver) return
        isOver = true
        engine?.stop()
        membership.stop()
        on.lost(why)
      },
      frozen: on.frozen,
    },
  })
  let isReady = false
  return {
    stop: () => {
      if (isOver) return
      isOver = true
      engine?.stop()
      membership.stop()
    },
  }
}

const createEngine = (
  options: EngineOptions,
  membership: Membership,
  me: NodeId,
  onLive: () => void,
): Engine & { membersChanged(): void } => {
  const { clock, config, on, session, random } = options
  const kinds = new Map(options.kinds.map((kind) => [kind.kind, kind]))
  const parts = parseNodeId(me)
  const here: Origin = E.isRight(parts)
    ? { node: parts.right.name, incarnation: parts.right.incarnation, isHere: true }
    : { node: me, incarnation: 0, isHere: true }
  const counts: EngineCounts = {
    tellsSent: 0,
    tellsHandled: 0,
    tellsBuried: 0,
    asksSent: 0,
    asksEnded: 0,
    lateAnswers: 0,
  }
  const positions = positionFilter(config.shardCount)
  let isStopped = false

  const links = createLinks({
    session,
    clock,
    self: me,
    config,
    deliver: (envelope, from) => deliver(envelope, from),
    onProblem: (_to, envelope, problem) => {
      if (envelope.type === 'tell') bury(envelope, problem.tag)
    },
  })
  const send = (to: NodeId, envelope: Envelope): boolean => links.send(to, envelope)

  const bury = (envelope: TellEnvelope, reason: string): void => {
    counts.tellsBuried++
    const address = formatAddress(envelope.kind, envelope.id)
    on.event({ tag: 'DeadLetter', address, message: envelope.tag, reason })
  }
  const answer = (envelope: AskEnvelope, outcome: 'reply' | 'refusal' | 'error', payload: Wire | AskError): void => {
    const wire = outcome === 'error' ? encodeAskError(payload as AskError) : (payload as Wire)
    send(envelope.asker, { type: 'answer', ask: envelope.ask, outcome, payload: wire })
  }

  const ownership = new Ownership({
    me,
    records: session.records,
    clock,
    config,
    ...(options.rules === undefined ? {} : { rules: options.rules }),
    membership,
    copiesOf: (kind) => {
      const source = kinds.get(kind)?.source
      return source?.type === 'mirrored' ? source.copies : 0
    },
    send,
    on: {
      released: (shard, change) => {
        change.outputs.forEach((output, part) => release(shard, change.id, output, positionOf(shard, change.seq, part)))
      },
      took: (shard, how) => {
        on.event({ tag: 'Owned', shard: shard.id, epoch: shard.epoch, how })
        if (isLost(shard)) on.event({ tag: 'StateLost', shard: shard.id, gen: shard.copy?.gen ?? 0 })
        entities.took(shard)
        router.settled(shard.id)
      },
      steppedDown: (shard, dropped) => {
        entities.lost(shard)
        on.event({ tag: 'SteppedDown', shard: shard.id, outputsDropped: dropped.length })
      },
      gave: (shard, to) => {
        send(to, { type: 'control', verb: 'record', body: { shard: shard.id, record: shard.record as unknown as Wire } })
      },
      giveFailed: (shard) => router.settled(shard.id),
      recordChanged: (shard, before) => {
        router.settled(shard.id)
        if (shard.record?.owner !== before) asks.hurry((ask) => ask.target.shard === shard.id)
      },
      broken: (shard, what) => on.event({ tag: 'Broken', what: `${shard.id}: ${what}` }),
    },
  })
  const positionOf = (shard: Shard, seq: number, part: number): Position => ({
    shard: shard.id,
    gen: shard.copy?.gen ?? 0,
    seq,
    part,
    epoch: shard.epoch,
  })
  /** A mirrored generation after the first began because nobody had a copy any more. */
  const isLost = (shard: Shard): boolean =>
    (shard.record?.gen ?? 1) > 1 && kinds.get(kindOfShard(shard.id))?.source.type === 'mirrored'

  const release = (shard: Shard, id: string, output: Output, from: Position): void => {
    switch (output.to) {
      case 'asker': {
        const { ask, outcome, payload } = output
        send(output.asker, { type: 'answer', ask, outcome, payload })
        break
      }
      case 'entity': {
        const { kind, tag, payload } = output
        tellEntity({ type: 'tell', kind, id: output.id, tag, payload, hops: 0, from })
        break
      }
      case 'node': {
        const { kind, tag, payload } = output
        counts.tellsSent++
        send(output.node, { type: 'tell', kind, id: '', tag, payload, hops: 0, from })
        break
      }
      case 'topic':
        broadcast({ type: 'publish', topic: output.topic, payload: output.payload, from })
        break
      case 'command':
        entities.sendCommand(shard, id, output.number)
    }
  }
  const tellEntity = (envelope: TellEnvelope): void => {
    counts.tellsSent++
    const way = router.send(envelope)
    if (way === 'nowhere') bury(envelope, 'UnknownKind')
    else if (way === 'later') router.hold(envelope)
  }
  const broadcast = (envelope: PublishEnvelope): void => {
    for (const [node, member] of membership.view().members)
      if (member.status !== 'dead' && member.status !== 'left') send(node, envelope)
  }

  const entities: Entities = createEntities({
    clock,
    config,
    here,
    kinds,
    ownership,
    openCell: options.openCell,
    answer: (envelope, outcome, payload) => answer(envelope, outcome, payload),
    bury,
    reroute: (envelope, from) => router.receive(envelope, from),
    command: (_shard, command, reqId, done) => sendCommand(command, reqId, done),
    isLost,
  })
  const router: Router = createRouter({
    me,
    clock,
    config,
    kinds,
    ownership,
    membership,
    send,
    post: (shard, envelope, from) => {
      if (envelope.type === 'tell') counts.tellsHandled++
      entities.post(shard, envelope, from)
    },
    answer: (envelope, outcome, payload) => answer(envelope, outcome, payload),
    bury,
    frozenMail: (options.rules ?? { frozenMail: <M>(mail: readonly M[]) => mail }).frozenMail,
  })
  const asks: Asks = createAsks({
    me,
    clock,
    resendMs: config.askResendMs,
    countMax: config.pendingAsksCountMax,
    send: (ask, envelope) => sendAsk(ask, envelope),
  })
  const sendAsk = (ask: PendingAsk, envelope: AskEnvelope): boolean | AskError => {
    const { node, kind } = ask.target
    if (node !== undefined) {
      if (!membership.isGone(node)) return send(node, envelope)
      const address = formatAddress(kind, node)
      return ask.wasSent ? { tag: 'UnknownOutcome', address } : { tag: 'NoRecipient', address }
    }
    const way = router.send(envelope)
    return way === 'nowhere' ? { tag: 'UnknownKind', kind } : way === 'sent'
  }
  const newReqId = (): string => token(random, 12)
  const startAsk = (
    target: Target,
    message: Message,
    { timeoutMs, reqId }: { timeoutMs?: number; reqId?: string },
    done: (result: AskResult) => void,
  ): PendingAsk => {
    counts.asksSent++
    const shard = target.node === undefined ? { shard: router.shardOf(target.kind, target.id) } : {}
    const limit = Math.min(timeoutMs ?? config.askTimeoutMs, config.askTimeoutMsMax)
    return asks.ask({ ...target, ...shard }, message, { timeoutMs: limit, reqId: reqId ?? newReqId() }, (result) => {
      counts.asksEnded++
      done(result)
    })
  }

  /** A command is asked again and again under one reqId, until it is answered or the shard is no longer ours. */
  const sendCommand = (
    command: Command,
    reqId: string,
    done: (outcome: 'reply' | 'refusal', payload: Wire) => void,
  ): (() => void) => {
    let current: PendingAsk | null = null
    let isOver = false
    const target = { kind: command.kind, id: command.id, shard: router.shardOf(command.kind, command.id) }
    const attempt = (): void => {
      if (isOver || isStopped) return
      const { askTimeoutMsMax: timeoutMs, commandResendMs } = config
      current = asks.ask(target, command, { timeoutMs, reqId, floor: command.floor }, (result) => {
        if (isOver) return
        if (result.tag === 'error') clock.after(commandResendMs, attempt)
        else {
          isOver = true
          done(result.tag, result.payload)
        }
      })
    }
    attempt()
    return () => {
      isOver = true
      const error: AskError = { tag: 'Cancelled', address: formatAddress(command.kind, command.id) }
      if (current !== null) asks.end(current, { tag: 'error', error })
    }
  }

  const deliver = (envelope: Envelope, from: NodeId): void => {
    if (isStopped) return
    switch (envelope.type) {
      case 'answer':
        if (!asks.answered(envelope.ask, resultOf(envelope.outcome, envelope.payload))) counts.lateAnswers++
        break
      case 'mirror':
        ownership.onMirror(from, envelope)
        break
      case 'publish':
        if (positions(envelope.topic, envelope.from)) on.published(envelope.topic, envelope.payload, originOf(from, here))
        break
      case 'control':
        if (envelope.verb === 'record') ownership.onNotice(envelope.body)
        else on.control(envelope, from)
        break
      case 'tell':
      case 'ask':
        if (envelope.id === '') deliverLocal(envelope, from)
        else router.receive(envelope, from)
    }
  }
  const deliverLocal = (envelope: AskEnvelope | TellEnvelope, from: NodeId): void => {
    if (envelope.type === 'tell') {
      counts.tellsHandled++
      if (!positions(envelope.kind, envelope.from)) return
    }
    on.local(envelope, from, (outcome, payload) => {
      if (envelope.type === 'ask') answer(envelope, outcome, payload)
    })
  }

  session.listen(me, links.inbox, () => {
    const wait = (): void => {
      if (isStopped) return
      if (ownership.isLive) onLive()
      else clock.after(20, wait)
    }
    wait()
  })

  const stop = (): void => {
    if (isStopped) return
    asks.close((ask) => ({ tag: 'UnknownOutcome', address: formatAddress(ask.target.kind, ask.target.id) }))
    isStopped = true
    ownership.stop()
    entities.stop()
    router.close()
    links.close()
  }
  return {
    me,
    membership,
    ownership,
    entities,
    links,
    counts,
    ask: (target, message, askOptions, done) => {
      const pending = startAsk(target, message, askOptions, done)
      const error: AskError = { tag: 'Cancelled', address: formatAddress(target.kind, target.id) }
      return () => asks.end(pending, { tag: 'error', error })
    },
    tell: (target, { tag, payload }) => {
      const { kind, id, node } = target
      if (node === undefined) tellEntity({ type: 'tell', kind, id, tag, payload, hops: 0 })
      else {
        counts.tellsSent++
        send(node, { type: 'tell', kind, id: '', tag, payload, hops: 0 })
      }
    },
    spawn: (kind, id, timeoutMs, done) => {
      startAsk({ kind, id }, { tag: spawnTag, payload: undefined }, { timeoutMs }, done)
    },
    publish: (topic, payload) => broadcast({ type: 'publish', topic, payload }),
    control: (to, verb, body) => send(to, { type: 'control', verb, body }),
    where: (kind, id) => {
      const name = router.shardOf(kind, id)
      const record = ownership.get(name)?.record ?? null
      return {
        shard: name,
        owner: record?.owner ?? router.targetOf(name),
        epoch: record?.epoch ?? 0,
        insync: record?.insync ?? [],
        isRecorded: record !== null,
      }
    },
    membersChanged: () => {
      ownership.membersChanged()
      asks.hurry((ask) => ask.target.node !== undefined && membership.isGone(ask.target.node))
    },
    leave: (drainMs, done) => {
      membership.setLeaving()
      handOver({ clock, ownership, membership, drainMs, me }, () =>
        membership.leave(() => {
          stop()
          membership.stop()
          done()
        }),
      )
    },
    stop: () => stop(),
  }
}

const resultOf = (outcome: 'reply' | 'refusal' | 'error', payload: Wire): AskResult => {
  if (outcome !== 'error') return { tag: outcome, payload }
  const error = decodeAskError(payload)
  if (E.isRight(error)) return { tag: 'error', error: error.right }
  return { tag: 'error', error: { tag: 'Malformed', address: '', complaints: [error.left] } }
}
