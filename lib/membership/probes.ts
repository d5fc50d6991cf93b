/** Finding the dead: neighbours that nobody listens for, and leases that were not renewed. */
import type { NodeId } from '../ids.js'
import type { ProbeAnswer } from '../transport/transport.js'
import { isAlive, nameOf } from './protocol.js'
import type { Action, Seen, State } from './state.js'
import { leaseHolds, watchIsLive } from './state.js'

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

const probeTimeoutMs = (state: State): number => 2 * state.config.probeMs

export const tendProbes = (state: State, now: number, out: Action[]): void => {
  if (state.phase !== 'up' || state.status !== 'up') return
  for (const [node, probe] of state.probes) {
    if (probe.busy && now - probe.sentAt > 2 * probeTimeoutMs(state)) probe.busy = false
    if (probe.busy || now < probe.nextAt) continue
    probe.busy = true
    probe.sentAt = now
    probe.nextAt = now + state.config.probeMs
    if (probe.left > 0) probe.left--
    out.push({ tag: 'probe', node, sentAt: now, timeoutMs: probeTimeoutMs(state) })
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
  const inTime = now - probe.sentAt <= 2 * probeTimeoutMs(state)
  probe.busy = false
  if (answer === 'answered') probe.left = 0
  const counts = answer === 'no-responders' && inTime && isWitness(state, now)
  probe.noResponders = counts ? probe.noResponders + 1 : 0
  if (probe.left === 0 && !state.neighbours.includes(node)) state.probes.delete(node)
  const seen = state.seen.get(nameOf(node))
  if (probe.noResponders >= 2 && seen?.record.node === node && isAlive(seen.record)) {
    probe.noResponders = 0
    declareDead(state, seen, now, out)
  }
}

/** Probes that member at once, whoever's neighbour it is. */
export const suspect = (state: State, node: NodeId, now: number): void => {
  const member = state.view.members.get(node)
  if (!member || member.status === 'joining' || node === state.me) return
  const probe = state.probes.get(node)
  if (probe) {
    probe.left = suspectProbes
    if (probe.noResponders === 0) probe.nextAt = Math.min(probe.nextAt, now)
  } else state.probes.set(node, { noResponders: 0, sentAt: 0, busy: false, nextAt: now, left: suspectProbes })
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
    const from = state.rules.countsBlindSilence ? seen.at : Math.max(seen.at, state.countsFrom)
    const silentMs = now - from - state.config.leaseMs
    if (silentMs > 0 && silentMs > patienceMs(state, seen.name)) declareDead(state, seen, now, out)
  }
}
