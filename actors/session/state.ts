import * as t from 'io-ts'
import { act, type Action, answerTo, type Handlers, inner, message, next, reply } from '../../lib/index.js'
import { PlayerId, SessionId } from '../ids.js'
import { PlayerSlot } from '../player-slot/protocol.js'
import { nextNumber, Presence } from '../presence.js'
import { afterNotice, withoutOld } from './invitations.js'
import type { SessionOptions } from './options.js'
import { Invitation, Session, Sessions, type SessionView } from './protocol.js'

const Socket = t.type({ session: SessionId, node: t.string })
type Socket = t.TypeOf<typeof Socket>

export const SessionState = t.type({
  player: PlayerId,
  /** `away`: the socket is gone but may come back. `gone`: there is none, or the time for that is over. */
  status: Presence.props.status,
  /** The present socket, or the last one. */
  socket: t.union([Socket, t.null]),
  since: t.number,
  /** When the node last said that it holds the socket. */
  aliveAt: t.number,
  /** The number of the last news to the slot. */
  number: t.number,
  /** The newest at the end; `invitationsCountMax` at most. */
  invitations: t.array(Invitation),
})
export type SessionState = t.TypeOf<typeof SessionState>

export const noSession = (player: PlayerId): SessionState => ({
  player,
  status: 'gone',
  socket: null,
  since: 0,
  aliveAt: 0,
  number: 0,
  invitations: [],
})

/** What only the session's own timers and commands bring back. */
export const Own = inner(Session, {
  Reported: answerTo(PlayerSlot.Report, {}),
  /** The socket did not come back, if the number is still the last. */
  GraceOver: message({ number: t.number }),
  /** Has the node said lately that it holds the socket? */
  CheckAlive: message({ session: SessionId }),
})

interface Move {
  readonly state: SessionState
  readonly actions: readonly Action[]
}

const viewOf = (state: SessionState): SessionView => ({
  online: state.status === 'online',
  node: state.socket?.node ?? null,
  session: state.socket?.session ?? null,
  since: state.since,
  invitations: state.invitations,
})

/** Changes whether the player can be reached, and tells the player's slot. */
const turned = (before: SessionState, change: Partial<SessionState>, now: number): Move => {
  const state = { ...before, ...change, number: nextNumber(before.number, now), since: now }
  const { status, number } = state
  const presence = { status, session: state.socket?.session ?? null, number }
  const report = act.command(PlayerSlot.at(state.player), PlayerSlot.Report({ presence }), Own.Reported({}))
  return { state, actions: [report] }
}

const isPresent = (state: SessionState, { session, node }: Socket): boolean =>
  state.socket?.session === session && state.socket.node === node

const closeOther = (state: SessionState, session: SessionId): Action[] =>
  state.status === 'online' && state.socket !== null && state.socket.session !== session
    ? [
        act.tell(
          Sessions.on(state.socket.node),
          Sessions.Close({ session: state.socket.session, reason: 'replaced' }),
        ),
      ]
    : []

/** Of a player who was never here; the number of one who was must not be forgotten. */
const isNobody = ({ number, invitations }: SessionState): boolean => number === 0 && invitations.length === 0

/** Where a player's socket is: pure, so it runs the same on its owner, in a test and in the simulation. */
export const sessionSteps = (options: SessionOptions): Handlers<typeof Session, SessionState, typeof Own> => {
  const attached = (before: SessionState, socket: Socket, now: number): Move => {
    const invitations = withoutOld(before.invitations, now)
    const { state, actions } = turned(before, { status: 'online', socket, aliveAt: now, invitations }, now)
    const check = act.after(options.silenceMs, Own.CheckAlive({ session: socket.session }), 'alive')
    return { state, actions: [...closeOther(before, socket.session), ...actions, check, act.cancel('grace')] }
  }
  const detached = (before: SessionState, now: number): Move => {
    const { state, actions } = turned(before, { status: 'away' }, now)
    const grace = act.after(options.graceMs, Own.GraceOver({ number: state.number }), 'grace')
    return { state, actions: [...actions, grace, act.cancel('alive')] }
  }
  return {
    Attach: (before, socket, at) => {
      if (before.status === 'online' && isPresent(before, socket)) return reply(before, viewOf(before))
      const { state, actions } = attached(before, socket, at.now)
      return reply(state, viewOf(state), ...actions)
    },
    Detach: (before, socket, at) => {
      if (before.status !== 'online' || !isPresent(before, socket)) return next(before)
      const { state, actions } = detached(before, at.now)
      return next(state, ...actions)
    },
    Alive: (before, socket, at) => {
      if (before.status === 'online' && isPresent(before, socket)) return next({ ...before, aliveAt: at.now })
      // A socket that was taken for dead, or whose session was lost, comes back; one that was replaced does
      // not.
      if (before.status !== 'online' && (before.socket === null || isPresent(before, socket))) {
        const { state, actions } = attached(before, socket, at.now)
        return next(state, ...actions)
      }
      const { session, node } = socket
      return next(before, act.tell(Sessions.on(node), Sessions.Close({ session, reason: 'replaced' })))
    },
    CheckAlive: (before, { session }, at) => {
      if (before.status !== 'online' || before.socket?.session !== session) return next(before)
      const leftMs = before.aliveAt + options.silenceMs - at.now
      if (leftMs > 0) return next(before, act.after(leftMs, Own.CheckAlive({ session }), 'alive'))
      const { state, actions } = detached(before, at.now)
      return next(state, ...actions)
    },
    GraceOver: (before, { number }, at) => {
      if (before.status !== 'away' || before.number !== number) return next(before)
      const { state, actions } = turned(before, { status: 'gone' }, at.now)
      return next(state, ...actions)
    },
    Reported: (state) => next(state),
    Notify: (before, { notice }) => {
      const invitations = afterNotice(before, notice, options.invitationsCountMax)
      const state = invitations === before.invitations ? before : { ...before, invitations }
      if (isNobody(state)) return next(state, act.stop())
      if (state.status !== 'online' || state.socket === null) return next(state)
      const { session, node } = state.socket
      return next(state, act.tell(Sessions.on(node), Sessions.Deliver({ session, notice })))
    },
    Where: (state) => viewOf(state),
  }
}
