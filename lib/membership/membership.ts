/**
 * One node's membership: becomes the next incarnation of its name, renews its lease, and watches the others.
 * The only file here that touches the store, the clock and the wire.
 */
import * as E from 'fp-ts/lib/Either.js'
import type { Config } from '../config.js'
import type { NodeId } from '../ids.js'
import type { Latest, RecordVersion } from '../records/records.js'
import type { Clock, Timer } from '../std/clock.js'
import { type Random, token } from '../std/random.js'
import type { Session } from '../transport/transport.js'
import { hasSuspects, isGone, isUnknown, leaseIsOver, takeRenewal } from './others.js'
import type { MemberRecord } from './protocol.js'
import { decodeMember, encodeMember, memberChain, memberPrefix, nameOf, nameOfChain } from './protocol.js'
import type { Action, Found, Input, MembershipRules, Self, View } from './state.js'
import { initialState, leaseHolds, membershipRules } from './state.js'
import { step } from './step.js'

export type { Member, MembershipRules, Self, View } from './state.js'
export { membershipRules } from './state.js'

export interface MembershipEvents {
  /** This node is a member under that id, with status `joining`. Listen for it, then call `setReady`. */
  readonly joined: (me: NodeId) => void
  /** The members, or the status of one of them, changed. `gone` never come back. */
  readonly changed: (view: View, gone: readonly NodeId[]) => void
  /** Joining failed, or this incarnation is over: said once, with the reason. Nothing follows it. */
  readonly lost: (why: string) => void
  /** Whether this node must not act for strict kinds. It begins frozen. `leaseHolds` may know it earlier. */
  readonly frozen: (isFrozen: boolean) => void
}

export interface MembershipOptions {
  readonly session: Session
  readonly clock: Clock
  readonly random: Random
  readonly config: Config
  readonly self: Self
  readonly rules?: MembershipRules
  readonly on: MembershipEvents
}

export interface Membership {
  readonly me: NodeId | null
  /** How often this node stood still itself, and how often a server told that a node's connection ended. */
  readonly counts: Readonly<{ lags: number; disconnectsHeard: number }>
  view(): View
  /** Whether this node may act for strict kinds at this moment, by its monotonic clock. */
  leaseHolds(): boolean
  /** Declared dead, left, or replaced by a newer incarnation. Never true by mistake; may become true late. */
  isGone(node: NodeId): boolean
  /** Gone, and its lease has run out also by its own clock: what it owned without a mirror may be taken. */
  leaseIsOver(node: NodeId): boolean
  /** Somebody does not answer its probes, or has not renewed its lease for long: it may be dead soon. */
  hasSuspects(): boolean
  /** Probes that node at once, and declares it dead if nobody listens for it any more. */
  suspect(node: NodeId): void
  setReady(): void
  setLeaving(): void
  /** The lease holds no more from the call on. `done` runs once, after a lease at the latest. */
  leave(done: () => void): void
  /** Leaves no timer and no watch behind and says nothing more. */
  stop(): void
}

interface Sighting {
  readonly name: string
  readonly version: number
  readonly record: MemberRecord
}
/** By the bytes: nodes that share a process see the same ones. */
const sightings = new WeakMap<Uint8Array, Sighting>()
/** Null for what is no record of a member. */
const sightingOf = ({ chain, version, value }: RecordVersion): Sighting | null => {
  const known = sightings.get(value)
  if (known !== undefined) return known
  const name = nameOfChain(chain)
  const record = decodeMember(value)
  if (name === null || E.isLeft(record)) return null
  const sighting = { name, version, record: record.right }
  sightings.set(value, sighting)
  return sighting
}

const found = (latest: Latest): Found => {
  if (latest.tag !== 'found') return { tag: latest.tag }
  const record = decodeMember(latest.record.value)
  return E.isLeft(record)
    ? { tag: 'unreadable', why: record.left }
    : { tag: 'found', version: latest.record.version, record: record.right }
}

export const createMembership = (options: MembershipOptions): Membership => {
  const { session, clock, random, config, self, on, rules = membershipRules } = options
  const { records } = session
  const storeId = records.storeId
  const state = initialState({
    self,
    config,
    rules,
    nonce: token(random),
    jitter: random.next(),
    status: session.status(),
    now: clock.monotonic(),
  })
  const inputs: Input[] = []
  let isRunning = false
  let timer: Timer | null = null
  let timerAt = Infinity
  let left: (() => void) | null = null
  let isClosed = false

  const close = (): void => {
    isClosed = true
    state.phase = 'over'
    timer?.cancel()
    timer = null
    timerAt = Infinity
    watch.stop()
    unlisten()
    unhear?.()
  }

  const perform = (action: Action): void => {
    switch (action.tag) {
      case 'create':
        records.create(action.chain, action.version, encodeMember(action.record), (outcome) =>
          dispatch({ tag: 'Created', id: action.id, outcome }),
        )
        return
      case 'bury': {
        const { name, version, record } = action
        records.create(memberChain(name), version, encodeMember(record), (outcome) =>
          dispatch({ tag: 'Buried', name, version, record, outcome }),
        )
        return
      }
      case 'latest':
        records.latest(action.chain, (latest) =>
          dispatch({ tag: 'Latest', id: action.id, found: found(latest) }),
        )
        return
      case 'look-up': {
        const { name } = action
        records.latest(memberChain(name), (latest) =>
          dispatch({ tag: 'LookedUp', name, found: found(latest) }),
        )
        return
      }
      case 'probe': {
        const { node, sentAt, timeoutMs } = action
        session.probe(node, timeoutMs, (answer) => dispatch({ tag: 'Probed', node, sentAt, answer }))
        return
      }
      case 'joined':
        on.joined(action.me)
        return
      case 'changed':
        on.changed(state.view, action.gone)
        return
      case 'frozen':
        on.frozen(action.isFrozen)
        return
      case 'lost':
        close()
        on.lost(action.why)
        return
      case 'left':
        close()
        left?.()
        return
    }
  }

  const arm = (): void => {
    const now = clock.monotonic()
    const at = Math.max(state.dueAt, now)
    if (timer && timerAt <= at) return
    timer?.cancel()
    timer = null
    timerAt = at
    if (at < Infinity)
      timer = clock.after(Math.max(1, Math.ceil(at - now)), () => {
        timer = null
        timerAt = Infinity
        dispatch({ tag: 'Tick' })
      })
  }

  const run = (input: Input): void => {
    if (records.storeId !== storeId) {
      close()
      if (left) {
        left()
        return
      }
      on.lost(`the record store was lost and made anew (it was ${storeId}, it is ${records.storeId})`)
      return
    }
    for (const action of step(state, input, clock.monotonic())) if (!isClosed) perform(action)
  }

  /** One input at a time, also when performing an action answers at once. */
  const dispatch = (input: Input): void => {
    if (isClosed) return
    inputs.push(input)
    if (isRunning) return
    isRunning = true
    for (let next = inputs.shift(); next && !isClosed; next = inputs.shift()) run(next)
    isRunning = false
    if (!isClosed) arm()
  }

  const lookUpUnknown = (node: NodeId): void => {
    if (state.view.members.has(node)) return
    const name = nameOf(node)
    if (isUnknown(state, name, clock.monotonic())) dispatch({ tag: 'Unknown', name })
  }

  const onRecord = (seen: RecordVersion): void => {
    const sighting = sightingOf(seen)
    if (sighting === null || (!isRunning && takeRenewal(state, sighting, clock.monotonic()))) return
    dispatch({ tag: 'Record', ...sighting })
  }

  isRunning = true
  const watch = records.watch(memberPrefix, onRecord, () => dispatch({ tag: 'Live' }))
  const unlisten = session.onStatus((status) => dispatch({ tag: 'Status', status }))
  const unhear = session.onDisconnected?.((name, isSudden) =>
    dispatch({ tag: 'Disconnected', name, isSudden }),
  )
  isRunning = false
  dispatch({ tag: 'Tick' })

  return {
    get me() {
      return state.me
    },
    counts: state.counts,
    view: () => state.view,
    leaseHolds: () => leaseHolds(state, clock.monotonic()),
    isGone: (node) => {
      if (state.view.members.has(node)) return false
      lookUpUnknown(node)
      return isGone(state, node)
    },
    leaseIsOver: (node) => {
      lookUpUnknown(node)
      return leaseIsOver(state, node, clock.monotonic())
    },
    hasSuspects: () => hasSuspects(state, clock.monotonic()),
    suspect: (node) => dispatch({ tag: 'Suspect', node }),
    setReady: () => dispatch({ tag: 'Want', status: 'ready' }),
    setLeaving: () => dispatch({ tag: 'Want', status: 'leaving' }),
    leave: (done) => {
      if (isClosed) return done()
      left = done
      dispatch({ tag: 'Leave' })
    },
    stop: close,
  }
}
