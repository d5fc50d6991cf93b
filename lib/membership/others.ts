/** What is seen of the members, and the view that follows from it. */
import type { NodeId } from '../ids.js'
import type { MemberRecord } from './protocol.js'
import { incarnationOf, isAlive, nameOf } from './protocol.js'
import type { Action, Found, Probe, Seen, State } from './state.js'
import { echoGapMs } from './state.js'
import { findNeighbours, nextView, show } from './view.js'

const lookUpAgainMs = 1_000
const unknownCountMax = 1_000

export const newProbe = (nextAt: number, left: number): Probe => ({
  noResponders: 0,
  sentAt: 0,
  busy: false,
  nextAt,
  left,
  isUrgent: false,
})

const settleProbes = (state: State, now: number): void => {
  for (const node of state.neighbours) if (!state.probes.has(node)) state.probes.set(node, newProbe(now, 0))
  for (const [node, probe] of state.probes)
    if (!state.view.members.has(node) || (probe.left <= 0 && !state.neighbours.includes(node)))
      state.probes.delete(node)
}

/**
 * Says that the view is another. `shown` is the name whose record changed, with the node that was a member
 * under it; without, the view is made of everything that was seen.
 */
export const announce = (
  state: State,
  { gone = [], shown }: { readonly gone?: readonly NodeId[]; readonly shown?: Seen },
  now: number,
  out: Action[],
): void => {
  if (!state.watchShown) return
  if (shown !== undefined) show(state, shown, gone[0])
  else for (const seen of state.seen.values()) show(state, seen, undefined)
  state.view = nextView(state.view)
  findNeighbours(state, shown?.name ?? null)
  settleProbes(state, now)
  out.push({ tag: 'changed', gone })
}

interface Sighting {
  readonly name: string
  readonly version: number
  readonly record: MemberRecord
}

/** Takes one version of one chain, from the watch or as the outcome of an own write. */
export const observe = (
  state: State,
  { name, version, record }: Sighting,
  now: number,
  out: Action[],
): void => {
  const old = state.seen.get(name)
  if (old && version <= old.version) return
  const same = old?.record.node === record.node
  if (same && old.record.status === record.status) {
    renewed(old, version, record, now)
    return
  }
  // A watch may skip versions: with one between, it may have renewed since.
  const isNext = old && same && version === old.version + 1
  const renewedAt = isNext && !isAlive(record) ? old.renewedAt : now
  const firstAt = old && same ? old.firstAt : now
  const seen: Seen = { name, version, record, at: now, renewedAt, firstAt, burying: false }
  state.seen.set(name, seen)
  state.unknown.delete(name)
  const gone = old && isAlive(old.record) && !(same && isAlive(record)) ? [old.record.node] : []
  announce(state, { gone, shown: seen }, now, out)
}

/** The same incarnation with the same status: nobody needs to hear of it. */
const renewed = (seen: Seen, version: number, record: MemberRecord, now: number): void => {
  seen.version = version
  seen.record = record
  seen.at = now
  seen.renewedAt = now
  seen.burying = false
}

/**
 * Takes a plain renewal of another node, by far the most of what the watch shows, and is done with it. False
 * for anything else: that is a step.
 */
export const takeRenewal = (state: State, { name, version, record }: Sighting, now: number): boolean => {
  const seen = state.seen.get(name)
  if (seen === undefined || seen.record.node !== record.node || seen.record.status !== record.status)
    return false
  if (name === state.self.name || state.written === 'joining' || state.phase === 'over' || !isAlive(record))
    return false
  if (version > seen.version) renewed(seen, version, record, now)
  return true
}

/** An own beat came back through the watch, so it is live. */
export const echo = (state: State, now: number): void => {
  if (now - state.echoedAt > echoGapMs(state.config)) state.countsFrom = now
  state.echoedAt = now
}

/**
 * Whether that incarnation is over for ever. A name that the watch has not shown counts as over only when the
 * store itself was asked and knows none: its record may be on its way.
 */
export const isGone = (state: State, node: NodeId): boolean => {
  if (state.view.members.has(node)) return false
  const name = nameOf(node)
  const seen = state.seen.get(name)
  if (!seen) return state.unknown.get(name) === 'none'
  const there = incarnationOf(seen.record.node)
  const asked = incarnationOf(node)
  return asked < there || (asked === there && !isAlive(seen.record))
}

/** Somebody of the view does not answer its probes, or its renewals are overdue. */
export const hasSuspects = (state: State, now: number): boolean => {
  for (const [node, { noResponders }] of state.probes)
    if (noResponders > 0 && state.view.members.has(node)) return true
  for (const { record, renewedAt } of state.seen.values())
    if (isAlive(record) && now - renewedAt > state.config.leaseMs / 2) return true
  return false
}

/** Whether the store has to be asked about that name. */
export const isUnknown = (state: State, name: string, now: number): boolean => {
  const since = state.unknown.get(name)
  return !state.seen.has(name) && since !== 'none' && (since === undefined || now - since > lookUpAgainMs)
}

export const lookUp = (state: State, name: string, now: number, out: Action[]): void => {
  if (!isUnknown(state, name, now)) return
  if (state.unknown.size > unknownCountMax) state.unknown.clear()
  state.unknown.set(name, now)
  out.push({ tag: 'look-up', name })
}

export const onLookedUp = (
  state: State,
  { name, found }: { readonly name: string; readonly found: Found },
  now: number,
  out: Action[],
): void => {
  if (found.tag === 'found') observe(state, { name, version: found.version, record: found.record }, now, out)
  else if (found.tag === 'none' && !state.seen.has(name)) {
    state.unknown.set(name, 'none')
    announce(state, {}, now, out)
  }
}

/** Whether no lease of that incarnation can run any more, also by its own clock. */
export const leaseIsOver = (state: State, node: NodeId, now: number): boolean => {
  const seen = state.seen.get(nameOf(node))
  if (!seen) return isGone(state, node)
  if (incarnationOf(node) > incarnationOf(seen.record.node)) return false
  if (seen.record.status === 'left' && seen.record.node === node) return true
  const renewedAt = seen.record.node === node ? seen.renewedAt : seen.firstAt
  return isGone(state, node) && now - renewedAt > state.config.leaseMs
}
