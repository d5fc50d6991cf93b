/**
 * The own chain: becoming the next incarnation of the name, renewing the lease,
 * leaving, and learning that it is over.
 */
import { equalOnAllNodes } from '../config.js'
import { nodeId } from '../ids.js'
import type { Created } from '../records/records.js'
import { wireVersions } from '../wire/frame.js'
import { announce, observe } from './others.js'
import type { MemberRecord, MemberStatus } from './protocol.js'
import { disagreement, incarnationOf, isAlive } from './protocol.js'
import type { Action, Found, State } from './state.js'

const retryMs = 250

export const lose = (state: State, why: string, out: Action[]): void => {
  if (state.phase === 'over') return
  const leaving = state.leaveBy < Infinity
  state.phase = 'over'
  out.push(leaving ? { tag: 'left' } : { tag: 'lost', why })
}

const describe = (state: State, node: string, status: MemberStatus): MemberRecord => ({
  node,
  status,
  beat: state.beat,
  nonce: `${state.nonce}.${state.nextId}`,
  by: node,
  roles: state.self.roles,
  weight: state.self.weight,
  kinds: state.self.kinds,
  shardCount: state.config.shardCount,
  knobs: Object.fromEntries(equalOnAllNodes.map((knob) => [knob, Number(state.config[knob])])),
  wire: state.self.wire ?? wireVersions,
  release: state.self.release,
  preset: state.config.preset,
})

const create = (state: State, record: MemberRecord, now: number, out: Action[]): void => {
  const id = state.nextId++
  const version = state.version + 1
  state.operation = { id, verb: 'create', version, sentAt: now, record }
  out.push({ tag: 'create', id, chain: state.chain, version, record })
}

const readBack = (state: State, now: number, out: Action[], record: MemberRecord | null = null): void => {
  const id = state.nextId++
  state.operation = { id, verb: 'latest', version: state.version, sentAt: now, record }
  out.push({ tag: 'latest', id, chain: state.chain })
}

const write = (state: State, now: number, out: Action[]): void => {
  if (state.me === null) return
  state.beat++
  state.renewAt = now + state.config.leaseRenewMs * (0.9 + 0.1 * state.jitter)
  create(state, describe(state, state.me, state.wanted), now, out)
}

const claim = (state: State, now: number, out: Action[]): void => {
  const last = state.previous ? incarnationOf(state.previous.record.node) : 0
  const record = describe(state, nodeId(state.self.name, state.rules.nextIncarnation(last)), 'joining')
  for (const other of state.view.members.values()) {
    const why = other.name === state.self.name ? null : disagreement(record, other)
    if (why !== null) {
      lose(state, why, out)
      return
    }
  }
  state.phase = 'claiming'
  create(state, record, now, out)
}

const bury = (state: State, now: number, out: Action[]): void => {
  if (!state.previous) return
  state.phase = 'burying'
  const { record } = state.previous
  create(
    state,
    { ...record, status: 'dead', by: record.node, nonce: `${state.nonce}.${state.nextId}` },
    now,
    out,
  )
}

const becomeMember = (state: State, record: MemberRecord, now: number, out: Action[]): void => {
  state.phase = state.leaveBy < Infinity ? 'leaving' : 'up'
  state.me = record.node
  state.written = record.status
  state.beat = record.beat
  const before = state.view.version
  observe(state, { name: state.self.name, version: state.version, record }, now, out)
  if (state.view.version === before) announce(state, {}, now, out)
  if (state.phase === 'up') out.push({ tag: 'joined', me: record.node })
}

/** Does what is due on the own chain; nothing while an operation on it is under way. */
export const tendLease = (state: State, now: number, out: Action[]): void => {
  const nothingToLeave = state.leaveBy < Infinity && state.me === null && !state.operation
  if (now >= state.leaveBy || nothingToLeave) {
    lose(state, 'left', out)
    return
  }
  if (state.operation || state.status !== 'up' || now < state.retryAt) return
  if (state.phase === 'up') {
    if (now >= state.renewAt || state.wanted !== state.written) write(state, now, out)
  } else if (state.phase === 'leaving') write(state, now, out)
  else if (state.watchShown && state.phase === 'burying') bury(state, now, out)
  else if (state.watchShown && state.phase === 'claiming') claim(state, now, out)
  else if (state.watchShown && state.phase === 'probing' && state.previous) {
    const { probeMs } = state.config
    state.retryAt = now + probeMs
    out.push({ tag: 'probe', node: state.previous.record.node, sentAt: now, timeoutMs: probeMs })
  } else if (state.watchShown) readBack(state, now, out)
}

export const onCreated = (
  state: State,
  { id, outcome }: { readonly id: number; readonly outcome: Created },
  now: number,
  out: Action[],
): void => {
  const done = state.operation
  if (done?.id !== id || !done.record) return
  state.operation = null
  if (outcome !== 'created') {
    readBack(state, now, out, done.record)
    return
  }
  const { leaseMs, leaseMarginMs } = state.config
  state.version = done.version
  if (state.phase === 'burying') {
    state.phase = 'claiming'
    observe(state, { name: state.self.name, version: done.version, record: done.record }, now, out)
    return
  }
  if (state.phase === 'claiming') becomeMember(state, done.record, now, out)
  if (done.sentAt >= state.upSince)
    state.leaseUntil = Math.max(state.leaseUntil, done.sentAt + leaseMs - leaseMarginMs)
  if (done.record.beat === 0) state.renewAt = done.sentAt + state.config.leaseRenewMs * state.jitter
  state.written = done.record.status
  observe(state, { name: state.self.name, version: done.version, record: done.record }, now, out)
  if (done.record.status === 'left') lose(state, 'left', out)
}

const judgePrevious = (
  state: State,
  { version, record }: { readonly version: number; readonly record: MemberRecord },
  now: number,
  out: Action[],
): void => {
  const { previous } = state
  if (previous?.record.node !== record.node || state.phase === 'reading') {
    state.previous = { record, version, since: now, changes: 0, noResponders: 0 }
    state.phase = 'probing'
    return
  }
  const changes = previous.changes + (version === previous.version ? 0 : 1)
  state.retryAt = now + state.config.leaseRenewMs / 2
  if (version !== previous.version) state.previous = { ...previous, record, version, since: now, changes }
  else if (now - previous.since > state.config.leaseMs) state.phase = 'burying'
  const tooLong = now - state.startedAt > 3 * state.config.leaseMs
  if (changes > 0 && ((changes >= 3 && record.status !== 'leaving') || tooLong))
    lose(
      state,
      `the node name "${state.self.name}" is taken: ${record.node} keeps renewing its lease; ` +
        'choose another name',
      out,
    )
}

const readWhileJoining = (state: State, found: Found, now: number, out: Action[]): void => {
  if (found.tag === 'none') {
    state.version = 0
    state.previous = null
    state.phase = 'claiming'
  } else if (found.tag === 'found') {
    state.version = found.version
    if (isAlive(found.record)) {
      judgePrevious(state, found, now, out)
      return
    }
    state.previous = { record: found.record, version: found.version, since: now, changes: 0, noResponders: 0 }
    state.phase = 'claiming'
  }
}

export const onLatest = (
  state: State,
  { id, found }: { readonly id: number; readonly found: Found },
  now: number,
  out: Action[],
): void => {
  const done = state.operation
  if (done?.id !== id) return
  state.operation = null
  if (found.tag === 'failed') {
    state.retryAt = now + retryMs
    if (done.record && state.phase !== 'up' && state.phase !== 'leaving') state.phase = 'reading'
    return
  }
  if (found.tag === 'unreadable') {
    lose(state, `the record ${state.chain} cannot be used: ${found.why}`, out)
    return
  }
  if (state.me === null) {
    const mine = done.record !== null && found.tag === 'found' && found.record.nonce === done.record.nonce
    if (!mine || state.phase !== 'claiming') {
      if (state.phase === 'claiming' || state.phase === 'burying') state.phase = 'reading'
      readWhileJoining(state, found, now, out)
      return
    }
    state.version = found.version
    becomeMember(state, found.record, now, out)
    state.renewAt = now
    return
  }
  if (found.tag === 'none' || found.version < state.version) {
    lose(state, `the record store was lost: it no longer has version ${state.version} of ${state.chain}`, out)
    return
  }
  state.version = found.version
  state.renewAt = now
  readMine(state, found.record, out)
}

/** An answer of the earlier life of this name. */
export const onPreviousProbed = (state: State, noResponders: boolean): void => {
  if (state.phase !== 'probing' || !state.previous) return
  state.previous.noResponders = noResponders ? state.previous.noResponders + 1 : 0
  if (!noResponders) state.phase = 'waiting'
  else if (state.previous.noResponders >= 2) state.phase = 'burying'
}

/** Two nodes that disagree and join at the same time: neither saw the other before it wrote. */
export const compare = (state: State, other: MemberRecord, out: Action[]): void => {
  const mine = state.me === null ? undefined : state.view.members.get(state.me)
  if (state.written !== 'joining' || !mine || other.node === state.me || !isAlive(other)) return
  const why = disagreement(mine, other)
  if (why !== null) lose(state, why, out)
}

/** Leaves for good; from now on the lease holds no more. */
export const leave = (state: State, now: number): void => {
  if (state.leaveBy < Infinity) return
  state.leaveBy = now + state.config.leaseMs
  state.wanted = 'left'
  if (state.phase === 'up') state.phase = 'leaving'
}

/** Takes what the own chain says about this life. */
export const readMine = (state: State, record: MemberRecord, out: Action[]): void => {
  if (state.me === null || state.phase === 'over') return
  const over = record.node !== state.me || !isAlive(record)
  if (!over) state.written = record.status
  else if (record.node === state.me && record.status === 'left') lose(state, 'left', out)
  else if (state.rules.deathEndsMe)
    lose(
      state,
      record.node === state.me
        ? `${state.me} was declared dead by ${record.by}`
        : `${record.node} took the name of ${state.me}`,
      out,
    )
}
