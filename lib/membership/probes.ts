/** Finding the dead: neighbours that nobody listens for, and leases that were not renewed. */
import type { NodeId } from '../ids.js'
import type { ProbeAnswer } from '../transport/transport.js'
import { newProbe } from './others.js'
import { isAlive, nameOf } from './protocol.js'
import type { Action, Probe, Seen, State } from './state.js'
import { lagMs, leaseHolds, watchIsLive } from './state.js'

/** A prober that has just come up, or whose reading has just been interrupted, is no witness. */
const witnessAfterMs = 2_000
const suspectProbes = 10

const isWitness = (state: State, now: number): boolean =>
  leaseHolds(state, now) &&
  watchIsLive(state, now) &&
  now - state.upSince >= witnessAfterMs &&
  now - state.countsFrom >= witnessAfterMs

const declareDead = (state: State, seen: Seen, now: number, out: Action[]): void => {
  if (seen.burying || state.me === null || !leaseHolds(state, now)) return
  seen.burying = true
  const nonce = `${state.nonce}.${state.nextId++}`
  const record = { ...seen.record, status: 'dead' as const, by: state.me, nonce }
  out.push({ tag: 'bury', name: seen.name, version: seen.version + 1, record })
}

/** The server may pass a probe on to a connection that it is just closing: the next one is sent soon. */
const probeTimeoutMs = ({ config }: State, { isUrgent }: Probe): number =>
  isUrgent ? Math.ceil(config.probeMs / 4) : 2 * config.probeMs

export const tendProbes = (state: State, now: number, out: Action[]): void => {
  if (state.phase !== 'up' || state.status !== 'up') return
  for (const [node, probe] of state.probes) {
    const timeoutMs = probeTimeoutMs(state, probe)
    if (probe.busy && now - probe.sentAt > 2 * timeoutMs) probe.busy = false
    if (probe.busy || now < probe.nextAt) continue
    probe.busy = true
    probe.sentAt = now
    probe.nextAt = now + state.config.probeMs
    if (probe.left > 0) probe.left--
    out.push({ tag: 'probe', node, sentAt: now, timeoutMs })
  }
}

export const onProbed = (
  state: State,
  { node, answer }: { readonly node: NodeId; readonly answer: ProbeAnswer },
  now: number,
  out: Action[],
): void => {
  const probe = state.probes.get(node)
  if (!probe) return
  const inTime = now - probe.sentAt <= 2 * probeTimeoutMs(state, probe)
  probe.busy = false
  if (answer === 'answered') probe.left = 0
  if (answer === 'answered' || probe.left === 0) probe.isUrgent = false
  if (probe.isUrgent) probe.nextAt = now
  const counts = answer === 'no-responders' && inTime && isWitness(state, now)
  probe.noResponders = counts ? probe.noResponders + 1 : 0
  if (probe.left === 0 && !state.neighbours.includes(node)) state.probes.delete(node)
  const seen = state.seen.get(nameOf(node))
  if (probe.noResponders >= 2 && seen?.record.node === node && isAlive(seen.record)) {
    probe.noResponders = 0
    declareDead(state, seen, now, out)
  }
}

/**
 * Probes that member at once, whoever's neighbour it is. `isUrgent`: again and again without pauses, because
 * its connection was seen to end.
 */
export const suspect = (state: State, node: NodeId, now: number, isUrgent = false): void => {
  const member = state.view.members.get(node)
  if (!member || member.status === 'joining' || node === state.me) return
  const probe = state.probes.get(node) ?? newProbe(now, suspectProbes)
  state.probes.set(node, probe)
  probe.left = suspectProbes
  if (probe.noResponders === 0 || isUrgent) probe.nextAt = Math.min(probe.nextAt, now)
  if (!isUrgent) return
  probe.isUrgent = true
  // One that is under way went to a connection that may have been there still.
  probe.busy = false
}

/** The server says that a connection of that node has ended. */
export const onDisconnected = (
  state: State,
  { name, isSudden }: { readonly name: string; readonly isSudden: boolean },
  now: number,
): void => {
  const seen = state.seen.get(name)
  if (!seen || !isAlive(seen.record)) return
  state.counts.disconnectsHeard++
  suspect(state, seen.record.node, now, isSudden)
}

/**
 * A node whose own event loop stood still is no judge of the others: what they sent meanwhile may not have
 * been read yet. Its counting of silences and of probes starts again.
 */
export const noticeLag = (state: State, now: number): void => {
  if (now - state.dueAt <= lagMs(state.config)) return
  state.counts.lags++
  state.laggedAt = now
  for (const probe of state.probes.values()) {
    probe.noResponders = 0
    probe.busy = false
    probe.sentAt = now
    probe.nextAt = now
  }
}

/** The two that stand before it in the ring go first, so that not everybody writes at once. */
const patienceMs = (state: State, name: string): number => {
  const { ready } = state.view
  const mine = ready.findIndex((m) => m.node === state.me)
  const theirs = ready.findIndex((m) => m.name === name)
  if (mine < 0 || theirs < 0) return state.config.probeMs
  const distance = (theirs - mine + ready.length) % ready.length
  return Math.min(Math.max(0, distance - 2) * state.config.probeMs, state.config.leaseMs)
}

/**
 * Declares dead whoever was silent for longer than a lease, counted only while this node's reading was live.
 */
export const tendLapses = (state: State, now: number, out: Action[]): void => {
  if (now < state.lapseCheckAt) return
  state.lapseCheckAt = now + state.config.leaseRenewMs / 2
  if (state.phase !== 'up' || !watchIsLive(state, now)) return
  for (const seen of state.seen.values()) {
    if (!isAlive(seen.record) || seen.record.node === state.me) continue
    const from = state.rules.countsBlindSilence
      ? seen.at
      : Math.max(seen.at, state.countsFrom, state.laggedAt)
    const silentMs = now - from - state.config.leaseMs
    if (silentMs > 0 && silentMs > patienceMs(state, seen.name)) declareDead(state, seen, now, out)
  }
}
