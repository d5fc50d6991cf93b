/**
 * One input, what follows from it. The state is changed in place; the shell
 * performs the actions in their order.
 */
import { compare, leave, lose, onCreated, onLatest, onPreviousProbed, readMine, tendLease } from './lease.js'
import { announce, echo, lookUp, observe, onLookedUp } from './others.js'
import { noticeLag, onDisconnected, onProbed, suspect, tendLapses, tendProbes } from './probes.js'
import { isAlive } from './protocol.js'
import type { Action, Input, State } from './state.js'
import { leaseHolds } from './state.js'

type Of<Tag extends Input['tag']> = Extract<Input, { tag: Tag }>

const onRecord = (state: State, input: Of<'Record'>, now: number, out: Action[]): void => {
  observe(state, input, now, out)
  compare(state, input.record, out)
  if (input.name !== state.self.name || state.me === null) return
  if (input.record.node === state.me && isAlive(input.record)) echo(state, now)
  else if (input.version > state.version) readMine(state, input.record, out)
}

const onStatus = (state: State, input: Of<'Status'>, now: number, out: Action[]): void => {
  const was = state.status
  state.status = input.status
  if (input.status !== 'up') {
    state.leaseUntil = -Infinity
    state.upSince = Infinity
    if (input.status === 'closed') lose(state, 'the connection was closed', out)
  } else if (was !== 'up') {
    state.upSince = now
    state.countsFrom = now
    state.renewAt = now
    for (const probe of state.probes.values()) probe.noResponders = 0
  }
}

const onBuried = (state: State, input: Of<'Buried'>, now: number, out: Action[]): void => {
  const seen = state.seen.get(input.name)
  if (seen?.version === input.version - 1) seen.burying = false
  if (input.outcome === 'created') observe(state, input, now, out)
}

const onProbeAnswer = (state: State, input: Of<'Probed'>, now: number, out: Action[]): void => {
  if (input.node === state.previous?.record.node && state.me === null)
    onPreviousProbed(state, input.answer === 'no-responders')
  else if (state.probes.get(input.node)?.sentAt === input.sentAt) onProbed(state, input, now, out)
}

const take = (state: State, input: Input, now: number, out: Action[]): void => {
  switch (input.tag) {
    case 'Tick':
      return
    case 'Record':
      onRecord(state, input, now, out)
      return
    case 'Live':
      if (!state.watchShown) {
        state.watchShown = true
        announce(state, {}, now, out)
      }
      return
    case 'Status':
      onStatus(state, input, now, out)
      return
    case 'Created':
      onCreated(state, input, now, out)
      return
    case 'Buried':
      onBuried(state, input, now, out)
      return
    case 'Latest':
      onLatest(state, input, now, out)
      return
    case 'Probed':
      onProbeAnswer(state, input, now, out)
      return
    case 'Suspect':
      suspect(state, input.node, now)
      return
    case 'Disconnected':
      onDisconnected(state, input, now)
      return
    case 'Unknown':
      lookUp(state, input.name, now, out)
      return
    case 'LookedUp':
      onLookedUp(state, input, now, out)
      return
    case 'Want':
      if (state.wanted !== 'left') state.wanted = input.status
      return
    case 'Leave':
      leave(state, now)
      return
  }
}

/** A function, because the compiler believes that the phase is still what it was at the top of `step`. */
const ended = (state: State): boolean => state.phase === 'over'

export const step = (state: State, input: Input, now: number): readonly Action[] => {
  if (state.phase === 'over') return []
  const out: Action[] = []
  noticeLag(state, now)
  take(state, input, now, out)
  if (!ended(state)) tendLease(state, now, out)
  if (ended(state)) return out
  tendProbes(state, now, out)
  tendLapses(state, now, out)
  const isFrozen = !leaseHolds(state, now)
  if (isFrozen !== state.isFrozen) {
    state.isFrozen = isFrozen
    out.push({ tag: 'frozen', isFrozen })
  }
  state.dueAt = wakeAt(state, now)
  return out
}

/** When a tick is due at the latest. */
const wakeAt = (state: State, now: number): number => {
  if (state.phase === 'over') return Infinity
  let at = Math.min(state.leaveBy, state.lapseCheckAt)
  if (!state.operation && state.status === 'up') {
    const renews = state.phase === 'up' && state.wanted === state.written
    const due = renews ? Math.max(state.renewAt, state.retryAt) : state.retryAt
    if (state.me !== null || state.watchShown) at = Math.min(at, due)
  }
  if (state.leaseUntil > now) at = Math.min(at, state.leaseUntil)
  if (state.phase === 'up' && state.status === 'up')
    for (const probe of state.probes.values())
      at = Math.min(at, probe.busy ? probe.sentAt + 4 * state.config.probeMs + 1 : probe.nextAt)
  return Math.max(at, now)
}
