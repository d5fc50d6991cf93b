/**
 * Finds the way of messages to entities: to the owner by record, else to the node that should own it. A node
 * that is not the owner passes a message on once; mail for a shard on the move waits here for a moment.
 */
import type { KindData } from '../api/kind.js'
import type { Available } from '../available/available.js'
import type { Config } from '../config.js'
import type { AskError } from '../errors.js'
import { formatAddress, type NodeId, shardId, type ShardId } from '../ids.js'
import type { Reached } from '../limits.js'
import type { View } from '../membership/membership.js'
import type { Ownership } from '../ownership/ownership.js'
import type { Shard } from '../ownership/state.js'
import { nameOfShard } from '../placement/names.js'
import { rank, shardIndexOf } from '../placement/placement.js'
import type { Clock } from '../std/clock.js'
import type { AskEnvelope, Envelope, TellEnvelope, Wire } from '../wire/envelope.js'
import { Detours, type Follow, followedVerb, followEnvelope, followFrom, followHops } from './detours.js'
import { createWaitingMail, type Waiting } from './mail.js'

type Mail = AskEnvelope | TellEnvelope

export interface RouterOptions {
  readonly me: NodeId
  readonly clock: Clock
  readonly config: Config
  readonly reached: Reached
  readonly kinds: ReadonlyMap<string, KindData>
  readonly ownership: Ownership
  readonly membership: { view(): View; isGone(node: NodeId): boolean; leaseHolds(): boolean }
  /** Where kinds go that are available. */
  readonly available?: Pick<Available, 'targetOf' | 'takes'> | undefined
  send(to: NodeId, envelope: Envelope): boolean
  /** To the entity's mailbox on this node. */
  post(shard: Shard, envelope: Mail, from: NodeId): void
  answer(envelope: AskEnvelope, outcome: 'reply' | 'refusal' | 'error', payload: Wire | AskError): void
  bury(envelope: TellEnvelope, reason: string): void
  /** What was held back while a shard was given away; a rule of ownership. */
  frozenMail<M>(mail: readonly M[]): readonly M[]
}

export interface Router {
  shardOf(kind: string, id: string): ShardId
  /** Where a message for this shard goes now; null when nobody could take it. */
  targetOf(shard: ShardId): NodeId | null
  /** Sends from here. `nowhere`: no member runs the kind. */
  send(envelope: Mail): 'sent' | 'later' | 'nowhere'
  /** Keeps a tell that could not leave until its shard has an owner again. */
  hold(envelope: TellEnvelope): void
  /** Mail that came from a node, this one included. */
  receive(envelope: Mail, from: NodeId): void
  /** Mail that was taken here and not handled before the shard moved: it follows without spending a hop. */
  left(envelope: Mail, from: NodeId): void
  /** A question of another node's detours, and the answer to one of ours. */
  follow(body: Wire): void
  followed(body: Wire): void
  /** These never come back. */
  gone(nodes: readonly NodeId[]): void
  /** Another node has just handed this shard to this one. */
  given(shard: ShardId, by: NodeId): void
  /** The shard has a new record, or this node has taken or given it: what waits for it may go. */
  settled(shard: ShardId): void
  /** Answers an ask, or buries a tell. */
  giveUp(envelope: Mail, tag: 'Unavailable' | 'StaleView'): void
  readonly waitingCount: number
  close(): void
}

const waitMs = 2_000

export const createRouter = (options: RouterOptions): Router => {
  const { me, config, reached, ownership, membership, kinds } = options
  const waiting = createWaitingMail(options.clock, 10 * config.mailboxCountMax, (letter) =>
    giveUp(letter.envelope, 'Unavailable'),
  )

  const shardOf = (kind: string, id: string): ShardId => {
    const data = kinds.get(kind)
    const key = data?.placementKey?.(id) ?? id
    const index = shardIndexOf(data?.placementGroup ?? kind, key, config.shardCount)
    return data === undefined ? shardId(kind, index) : nameOfShard(kind, index)
  }
  const giveUp = (envelope: Waiting, tag: 'Unavailable' | 'StaleView'): void => {
    if (envelope.type === 'control') return
    const address = formatAddress(envelope.kind, envelope.id)
    if (envelope.type === 'ask')
      options.answer(envelope, 'error', { tag, address, retryAfterMs: config.askResendMs })
    else options.bury(envelope, tag)
  }
  const isReady = (node: NodeId): boolean => membership.view().members.has(node) && !membership.isGone(node)

  /** A kind that is not in this node's tree: somebody who runs it knows the way. */
  const stranger = (kind: string, id: string): NodeId | null =>
    rank(
      `${kind}/${id}`,
      membership.view().ready.filter((member) => member.kinds.includes(kind)),
      1,
    )[0] ?? null

  const targetOf = (shard: ShardId): NodeId | null => ownership.ownerOf(shard)

  const sendTo = (target: NodeId | null, envelope: Mail): 'sent' | 'later' | 'nowhere' => {
    if (target === null) {
      const { ready } = membership.view()
      // Its placement may wait for more members.
      const isWanted = ready.length === 0 || ready.some(({ kinds }) => kinds.includes(envelope.kind))
      return isWanted ? 'later' : 'nowhere'
    }
    if (membership.isGone(target)) return 'later'
    return options.send(target, envelope) ? 'sent' : 'later'
  }
  const send = (envelope: Mail): 'sent' | 'later' | 'nowhere' => {
    const { kind, id } = envelope
    const data = kinds.get(kind)
    if (data === undefined) return sendTo(stranger(kind, id), envelope)
    const name = shardOf(kind, id)
    if (data.consistency === 'available' && options.available !== undefined) {
      const server = options.available.targetOf(name)
      if (server !== targetOf(name)) return sendTo(server, envelope)
    }
    const shard = ownership.get(name)
    const target = shard?.record?.owner ?? targetOf(name)
    if (shard === undefined || target === null || membership.isGone(target)) return sendTo(target, envelope)
    if (detours.hasGiven && envelope.type === 'tell' && envelope.from !== undefined) {
      const taken = detours.takeFrom(envelope.from.shard, name, envelope)
      if (taken !== 'free') return keptBy(taken, envelope)
    }
    if (shard.mailedTo === target) return sendTo(target, envelope)
    const taken = detours.take(shard, target, envelope)
    return taken === 'free' ? sendTo(target, envelope) : keptBy(taken, envelope)
  }
  const keptBy = (taken: 'kept' | 'full', envelope: Mail): 'sent' | 'later' => {
    if (taken === 'kept') return 'sent'
    if (envelope.type === 'ask') return 'later'
    options.bury(envelope, 'Overloaded')
    return 'sent'
  }
  const detours = new Detours({
    me,
    clock: options.clock,
    waitMs: config.detourMsMax,
    countMax: 10 * config.mailboxCountMax,
    reached,
    isGone: membership.isGone,
    send: options.send,
    leave: (envelope) => {
      if (envelope.type === 'control') again(envelope, me)
      // An ask is repeated anyway.
      else if (send(envelope) !== 'sent' && envelope.type === 'tell')
        wait(shardOf(envelope.kind, envelope.id), envelope, me)
    },
  })

  const wait = (shard: ShardId, envelope: Waiting, from: NodeId): void => {
    const forMs = envelope.type === 'ask' ? Math.min(waitMs, envelope.remainingMs) : waitMs
    if (waiting.keep(shard, envelope, from, forMs)) return
    reached.mailboxCountMax++
    giveUp(envelope, 'Unavailable')
  }
  const passOn = (to: NodeId, envelope: Mail): void => {
    const isFar = envelope.hops >= config.deliveryHopsMax
    if (isFar) reached.deliveryHopsMax++
    if (isFar || !options.send(to, { ...envelope, hops: envelope.hops + 1 })) giveUp(envelope, 'StaleView')
  }

  const receive = (envelope: Mail, from: NodeId): void => {
    const { kind, id } = envelope
    const data = kinds.get(kind)
    if (data === undefined) {
      const error = { tag: 'UnknownKind', kind } as const
      if (envelope.type === 'ask') options.answer(envelope, 'error', error)
      else options.bury(envelope, 'UnknownKind')
      return
    }
    const name = shardOf(kind, id)
    if (data.consistency === 'available' && options.available !== undefined) {
      if (options.available.takes(name, envelope, from)) return
      const server = options.available.targetOf(name)
      if (server !== null && server !== me && server !== targetOf(name)) return passOn(server, envelope)
    }
    const shard = ownership.get(name)
    if (shard === undefined || shard.record === null) unowned(name, envelope, from)
    else if (shard.record.owner !== me) foreign(shard, envelope, from)
    else if (!ownership.mayServe(shard)) giveUp(envelope, 'Unavailable')
    else if (!ownership.takesNew(shard)) wait(name, envelope, from)
    else options.post(shard, envelope, from)
  }
  const unowned = (name: ShardId, envelope: Mail, from: NodeId): void => {
    const proper = targetOf(name)
    if (proper === me) {
      wait(name, envelope, from)
      ownership.ensure(name)
    } else if (proper === null) giveUp(envelope, 'Unavailable')
    else passOn(proper, envelope)
  }
  /** Its owner may be another soon. */
  const isOpen = ({ record, writing }: Shard): boolean =>
    record === null || membership.isGone(record.owner) || writing !== null
  const foreign = (shard: Shard, envelope: Mail, from: NodeId): void => {
    const owner = shard.record?.owner
    if (owner === undefined || isOpen(shard)) wait(shard.id, envelope, from)
    else if (isReady(owner)) {
      shard.passedTo = owner
      passOn(owner, envelope)
    } else giveUp(envelope, 'Unavailable')
  }

  /** Frozen mail follows its shard without spending its hop: it was at the owner. */
  const moved = (shard: Shard | undefined, envelope: Waiting): void => {
    const owner = shard?.record?.owner
    if (shard === undefined || owner === undefined || membership.isGone(owner)) {
      giveUp(envelope, 'StaleView')
      return
    }
    shard.passedTo = owner
    if (!options.send(owner, envelope)) giveUp(envelope, 'Unavailable')
  }

  const left = (envelope: Mail, from: NodeId): void => {
    const shard = ownership.get(shardOf(envelope.kind, envelope.id))
    if (shard === undefined || shard.record?.owner === me) receive(envelope, from)
    else if (isOpen(shard)) wait(shard.id, envelope, from)
    else moved(shard, envelope)
  }

  /** Takes the way of mail that came just now, and is answered where that is handled. */
  const follow = (asked: Follow): void => {
    const { shard: name, from, number, hops, isOwnWay } = asked
    const shard = ownership.get(name)
    const owner = shard?.record?.owner
    const isHere = owner === me && !isFrozen(shard as Shard)
    if (shard === undefined || owner === undefined || isHere || hops >= followHops)
      options.send(from, { type: 'control', verb: followedVerb, body: number })
    else if (isOwnWay && detours.goesOwnWay(shard, asked)) return
    else if (owner === me || isOpen(shard)) wait(name, followEnvelope(asked), from)
    else options.send(wayOn(shard, owner), followEnvelope({ ...asked, hops: hops + 1, isOwnWay: false }))
  }
  /** A shard that moves twice in a moment: mail of the first time may still be on its way. */
  const wayOn = ({ passedTo }: Shard, owner: NodeId): NodeId =>
    passedTo === null || membership.isGone(passedTo) ? owner : passedTo
  const isFrozen = (shard: Shard): boolean => ownership.mayServe(shard) && !ownership.takesNew(shard)
  const followBody = (body: Wire): void => {
    const asked = followFrom(body)
    if (asked !== undefined) follow(asked)
  }
  const again = (envelope: Waiting, from: NodeId): void => {
    if (envelope.type === 'control') followBody(envelope.body)
    else receive(envelope, from)
  }

  return {
    shardOf,
    targetOf,
    send,
    hold: (envelope) => wait(shardOf(envelope.kind, envelope.id), envelope, me),
    receive,
    left,
    follow: followBody,
    followed: (body) => detours.followed(body),
    gone: (nodes) => detours.gone(nodes),
    given: (shard, by) => detours.given(shard, by),
    settled: (id) => {
      if (waiting.count === 0) return
      const letters = waiting.take(id)
      const shard = ownership.get(id)
      const isHere = shard?.record?.owner === me
      if (isHere && shard !== undefined) shard.passedTo = null
      for (const letter of isHere ? letters : options.frozenMail(letters)) {
        if (isHere) again(letter.envelope, letter.from)
        else moved(shard, letter.envelope)
      }
    },
    giveUp,
    get waitingCount() {
      return waiting.count + detours.count
    },
    close: () => {
      waiting.clear()
      for (const envelope of detours.close())
        if (envelope.type === 'tell') options.bury(envelope, 'Unavailable')
    },
  }
}
