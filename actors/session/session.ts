import { kind, mirrored } from '../../lib/index.js'
import { type SessionOptions, sessionDefaults } from './options.js'
import { Session } from './protocol.js'
import { noSession, Own, SessionState, sessionSteps } from './state.js'

/**
 * Where a player's socket is, for whoever wants to tell the player something: one entity per player.
 *
 * Guarantees: at most one socket per player counts, the newest; an older one is closed wherever it is;
 * parties learn whether the player can be reached, also when the node with the socket died.
 */
export const sessionKind = (options: Partial<SessionOptions> = {}) =>
  kind(Session, {
    activate: 'first-message',
    consistency: 'strict',
    state: mirrored(SessionState, { copies: 1 }),
    init: noSession,
    inner: Own,
    on: sessionSteps({ ...sessionDefaults, ...options }),
    limits: { idleMs: 0 },
  })

/** Sessions with the defaults of `sessionDefaults`. */
export const session = sessionKind()
