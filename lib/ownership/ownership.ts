/**
 * Performs the steps of all shards of one node: reads and writes their records, sends to mirrors, and tells the
 * engine what was released, taken over and given away. Everything is driven by callbacks, on one thread.
 */
import * as E from 'fp-ts/lib/Either.js'
import type { Config } from '../config.js'
import { type Change, entityToWire } from '../entity/copy.js'
import { kindOfShard, type NodeId, type ShardId } from '../ids.js'
import type { View } from '../membership/membership.js'
import { type Ranking, ranking } from '../placement/placement.js'
import type { Records, Watch } from '../records/records.js'
import type { Clock, Timer } from '../std/clock.js'
import type { Envelope, MirrorEnvelope, Wire } from '../wire/envelope.js'
import { sizeOf } from '../wire/size.js'
import { claim, onAppend, onDrop, onFill } from './mirror.js'
import { flush, give, onAck, onChange, onRead, onRefuse, tickOwner, tryRelease } from './owner.js'
import { mirrorBody, mirrorMessageFrom, recordFromBytes, recordNoticeFrom, shardChainPrefix, shardOfChain } from './protocol.js'
import { observe, onLatest, onWritten } from './record.js'
import { rules as properRules, type Rules } from './rules.js'
import { type Action, type HeldRead, isOwning, isQuiet, newShard, type Shard, type StepContext } from './state.js'
import { found } from './write.js'
import { createWrites } from './writes.js'

/** How often shards with something under way are looked after. */
const tickMs = 50
/** A part of a fill holds about this much. */
const fillBytesMax = 128 * 1024

export interface OwnershipOptions {
  readonly me: NodeId
  readonly records: Records
  readonly clock: Clock
  readonly config: Config
  readonly rules?: Rules
  readonly membership: {
    view(): View
    leaseHolds(): boolean
    isGone(node: NodeId): boolean
  }
  /** How many mirrors a kind wants; 0 for kinds without. */
  copiesOf(kind: string): number
  send(to: NodeId, envelope: Envelope): void
  readonly on: OwnershipEvents
}
export interface OwnershipEvents {
  /** The outputs of a change may leave. */
  released(shard: Shard, change: Change): void
  took(shard: Shard, how: 'empty' | 'copy'): void
  steppedDown(shard: Shard, dropped: readonly Change[]): void
  /** The record now names another node; mail held back may follow. */
  gave(shard: Shard, to: NodeId): void
  giveFailed(shard: Shard): void
  recordChanged(shard: Shard, before: NodeId | null): void
  broken(shard: Shard, what: string): void
}

export interface Ownership {
  readonly shards: ReadonlyMap<ShardId, Shard>
  /** All records that were there at the start have been seen. */
  readonly isLive: boolean
  get(id: ShardId): Shard | undefined
  /** Who owns it by record, else who should. */
  ownerOf(id: ShardId): NodeId | null
  /** Begins the shard here if it has no record and this node is the one that should. */
  ensure(id: ShardId): void
  /** This node is the owner and its lease holds: it may take a message. */
  mayServe(shard: Shard): boolean
  takesNew(shard: Shard): boolean
  change(shard: Shard, change: Change): void
  read(shard: Shard, read: HeldRead): void
  onMirror(from: NodeId, envelope: MirrorEnvelope): boolean
  onNotice(body: Wire): void
  membersChanged(): void
  /** Begins to hand a shard over; false when it cannot be now. */
  give(shard: Shard, to: NodeId): boolean
  /** Shards whose record still names this node. */
  namedCount(): number
  stop(): void
}

export const createOwnership = (options: OwnershipOptions): Ownership => {
  const { me, clock, config, membership, on, records } = options
  const rules = options.rules ?? properRules
  const shards = new Map<ShardId, Shard>()
  const busy = new Set<Shard>()
  const dirty = new Set<Shard>()
  const rankings = new Map<string, { version: number; ranking: Ranking }>()
  let queue: { shard: Shard; action: Action }[] = []
  let isRunning = false
  let isLive = false
  let isStopped = false
  let nonceCount = 0
  let fillsCount = 0
  let stepping: Shard | null = null

  const limits = {
    mirrorLateMs: config.mirrorLateMs,
    mirrorResendMs: config.mirrorResendMs,
    readLeaseMs: config.readLeaseMs,
    handoffMs: config.handoffMs,
    repliesCountMax: config.repliesCountMax,
  }
  const context = {
    me,
    now: 0,
    leaseHolds: false,
    rules,
    limits: { ...limits, copies: 0 },
    isGone: membership.isGone,
    nonce: () => `${me}/${++nonceCount}`,
    act: (action: Action) => {
      if (stepping !== null) queue.push({ shard: stepping, action })
    },
  }
  const contextFor = (shard: Shard): StepContext => {
    context.now = clock.monotonic()
    context.leaseHolds = membership.leaseHolds()
    context.limits.copies = options.copiesOf(kindOfShard(shard.id))
    stepping = shard
    return context
  }
  const step = (shard: Shard, run: (context: StepContext) => void): void => {
    if (isStopped) return
    const before = stepping
    run(contextFor(shard))
    stepping = before
    if (!isQuiet(shard)) busy.add(shard)
    perform()
  }
  const perform = (): void => {
    if (isRunning) return
    isRunning = true
    while (queue.length > 0) {
      const actions = queue
      queue = []
      for (const { shard, action } of actions) performOne(shard, action)
    }
    isRunning = false
  }
  const performOne = (shard: Shard, action: Action): void => {
    switch (action.do) {
      case 'send':
        options.send(action.to, {
          type: 'mirror',
          shard: shard.id,
          verb: action.message.verb,
          body: mirrorBody(action.message),
        })
        break
      case 'fill':
        sendFill(shard, action.to)
        break
      case 'write':
        writes.write(shard.id, action.writing)
        break
      case 'read-record':
        writes.read(shard.id)
        break
      case 'release':
        on.released(shard, action.change)
        break
      case 'answer':
        action.read.send()
        break
      case 'took':
        on.took(shard, action.how)
        break
      case 'stepped-down':
        for (const read of action.reads) read.drop()
        on.steppedDown(shard, action.dropped)
        break
      case 'gave':
        on.gave(shard, action.to)
        break
      case 'give-failed':
        on.giveFailed(shard)
        break
      case 'broken':
        on.broken(shard, action.what)
    }
  }

  const sendFill = (shard: Shard, to: NodeId): void => {
    const copy = shard.copy
    const peer = shard.peers.get(to)
    if (copy === null || peer === undefined || !isOwning(shard)) return
    const parts: Wire[][] = [[]]
    let bytes = 0
    for (const entity of copy.entities.values()) {
      const wire = entityToWire(entity)
      parts[parts.length - 1]?.push(wire)
      bytes += sizeOf(wire)
      if (bytes > fillBytesMax) {
        parts.push([])
        bytes = 0
      }
    }
    parts.forEach((entities, part) => {
      const isLast = part === parts.length - 1
      const log = isLast ? copy.log.filter((change) => change.seq > copy.released) : []
      const head = { epoch: shard.epoch, session: peer.session, t0: clock.monotonic(), released: copy.released }
      const message = { verb: 'fill', ...head, seq: copy.seq, gen: copy.gen, part, isLast, entities, log } as const
      options.send(to, { type: 'mirror', shard: shard.id, verb: 'fill', body: mirrorBody(message) })
    })
  }

  const seen = (shard: Shard, run: (context: StepContext) => void): void => {
    const before = shard.record
    step(shard, run)
    const after = shard.record
    if (after === before || after === null) return
    on.recordChanged(shard, before?.owner ?? null)
    care(shard)
  }
  const writes = createWrites({
    records,
    countMax: config.recordWritesCountMax,
    onWritten: (id, nonce, outcome) => {
      const shard = obtain(id)
      seen(shard, (c) => onWritten(shard, nonce, outcome, c))
    },
    onLatest: (id, latest) => {
      const shard = obtain(id)
      seen(shard, (c) => onLatest(shard, latest, c))
    },
  })

  const obtain = (id: ShardId): Shard => {
    const known = shards.get(id)
    if (known !== undefined) return known
    const shard = newShard(id)
    shards.set(id, shard)
    return shard
  }
  const rankingOf = (kind: string): Ranking => {
    const view = membership.view()
    const known = rankings.get(kind)
    if (known?.version === view.version) return known.ranking
    const made = ranking(view.ready.filter((member) => member.kinds.includes(kind)))
    rankings.set(kind, { version: view.version, ranking: made })
    return made
  }

  const chooseMirror = (shard: Shard, without: readonly NodeId[]): NodeId | 'none' | 'later' => {
    if (fillsCount >= config.fillsCountMax) return 'later'
    for (const node of rankingOf(kindOfShard(shard.id)).rank(shard.id)) {
      if (node === me || without.includes(node) || membership.isGone(node)) continue
      fillsCount++
      return node
    }
    return 'none'
  }

  /** Whether somebody else could still be taken as a mirror. */
  const isShort = (shard: Shard): boolean => {
    const record = shard.record
    if (record === null || shard.role !== 'owner') return false
    const stays = record.insync.filter((node) => isStaying(node))
    if (stays.length < record.insync.length) return true
    if (stays.length >= options.copiesOf(kindOfShard(shard.id))) return false
    const order = rankingOf(kindOfShard(shard.id)).rank(shard.id, record.insync.length + 2)
    return order.some((node) => node !== me && !record.insync.includes(node))
  }
  const isStaying = (node: NodeId): boolean =>
    !membership.isGone(node) && membership.view().members.get(node)?.status !== 'leaving'

  /** A shard whose owner is gone: the first living in-sync mirror claims it, or it begins anew. */
  const orphan = (shard: Shard): boolean => {
    const record = shard.record
    if (record === null || record.owner === me || !membership.isGone(record.owner)) return false
    const heir = record.insync.find((node) => !membership.isGone(node))
    if (heir === me) step(shard, (c) => claim(shard, c))
    else if (heir === undefined && rankingOf(kindOfShard(shard.id)).owner(shard.id) === me) begin(shard)
    return true
  }
  const begin = (shard: Shard): void => {
    if (shard.writing !== null || !membership.leaseHolds() || !isLive) return
    const copies = options.copiesOf(kindOfShard(shard.id))
    const order = rankingOf(kindOfShard(shard.id)).rank(shard.id, copies + 1)
    const insync = order.filter((node) => node !== me && !membership.isGone(node)).slice(0, copies)
    step(shard, (c) => found(shard, insync, c))
  }
  const care = (shard: Shard): void => {
    if (orphan(shard) || isShort(shard)) busy.add(shard)
  }

  const tick = (): void => {
    timer = clock.after(tickMs, tick)
    fillsCount = 0
    for (const shard of busy) if (shard.joiner !== null) fillsCount++
    for (const shard of [...busy]) {
      const isOrphan = orphan(shard)
      if (shard.writing !== null && !writes.isBusy(shard.id)) writes.read(shard.id)
      if (isOwning(shard)) step(shard, (c) => tickOwner(shard, chooseMirror, { ...c, isGone: (n) => !isStaying(n) }))
      if (!isOrphan && isQuiet(shard) && !isShort(shard)) busy.delete(shard)
    }
  }
  let timer: Timer = clock.after(tickMs, tick)

  const flushDirty = (): void => {
    for (const shard of dirty) step(shard, (c) => flush(shard, c, shard.reads.length > 0))
    dirty.clear()
  }
  const touch = (shard: Shard): void => {
    if (dirty.size === 0) clock.defer(flushDirty)
    dirty.add(shard)
  }

  const watch: Watch = records.watch(
    shardChainPrefix,
    ({ chain, version, value }) => {
      const shard = obtain(shardOfChain(chain))
      if (shard.record !== null && shard.record.version >= version) return
      const record = recordFromBytes(version, value)
      if (E.isLeft(record)) on.broken(shard, record.left)
      else seen(shard, (c) => observe(shard, record.right, c))
    },
    () => {
      isLive = true
    },
  )

  return {
    shards,
    get isLive() {
      return isLive
    },
    get: (id) => shards.get(id),
    ownerOf: (id) => {
      const owner = shards.get(id)?.record?.owner
      return owner ?? rankingOf(kindOfShard(id)).owner(id) ?? null
    },
    ensure: (id) => {
      const shard = obtain(id)
      if (shard.record === null && rankingOf(kindOfShard(id)).owner(id) === me) begin(shard)
    },
    mayServe: (shard) => isOwning(shard) && rules.mayAct(membership.leaseHolds()),
    takesNew: (shard) => rules.takesNew(shard.role),
    change: (shard, change) => {
      step(shard, (c) => {
        onChange(shard, change, c)
        tryRelease(shard, c)
      })
      touch(shard)
    },
    read: (shard, read) => {
      step(shard, (c) => onRead(shard, read, c))
      if (shard.reads.length > 0) touch(shard)
    },
    onMirror: (from, envelope) => {
      const message = mirrorMessageFrom(envelope.verb, envelope.body)
      if (E.isLeft(message)) return false
      const shard = obtain(envelope.shard)
      const m = message.right
      step(shard, (c) => {
        if (m.verb === 'append') onAppend(shard, from, m, c)
        else if (m.verb === 'fill') onFill(shard, from, m, c)
        else if (m.verb === 'ack') onAck(shard, from, m, c)
        else if (m.verb === 'refuse') onRefuse(shard, from, m, c)
        else onDrop(shard, m)
      })
      return true
    },
    onNotice: (body) => {
      const notice = recordNoticeFrom(body)
      if (E.isLeft(notice)) return
      const shard = obtain(notice.right.shard)
      seen(shard, (c) => observe(shard, notice.right.record, c))
    },
    membersChanged: () => {
      for (const shard of shards.values()) care(shard)
    },
    give: (shard, to) => {
      let isGiving = false
      step(shard, (c) => {
        isGiving = give(shard, to, c)
      })
      return isGiving
    },
    namedCount: () => {
      let count = 0
      for (const { record } of shards.values())
        if (record !== null && (record.owner === me || record.insync.includes(me))) count++
      return count
    },
    stop: () => {
      isStopped = true
      timer.cancel()
      watch.stop()
    },
  }
}
