import * as t from 'io-ts'
import { message, nodeMessage, nodeProtocol, protocol } from '../../lib/index.js'
import { PartyId, PlayerId, SessionId } from '../ids.js'
import { Notice } from '../notices.js'

/** An invitation that waits for the player. */
export const Invitation = t.type({ party: PartyId, by: PlayerId, expiresAt: t.number })
export type Invitation = t.TypeOf<typeof Invitation>

export const SessionView = t.type({
  online: t.boolean,
  /** The node that holds the socket, or held the last one. */
  node: t.union([t.string, t.null]),
  session: t.union([SessionId, t.null]),
  /** When it became so, in milliseconds since 1970. */
  since: t.number,
  invitations: t.array(Invitation),
})
export type SessionView = t.TypeOf<typeof SessionView>

const socket = { session: SessionId, node: t.string }

/** What may be said to a player's session: where the player's socket is. One entity per player. */
export const Session = protocol('session', PlayerId, {
  /** A node has this player's socket. It replaces an older one, whose node is told to close it. */
  Attach: message(socket).replies(SessionView),
  /** The socket is closed. Ignored unless it is the present one. */
  Detach: message(socket),
  /** The node still holds the socket. Nodes say so now and then, since a node that died says nothing. */
  Alive: message(socket),
  /** Passed on to the node with the socket; kept only if it is an invitation. */
  Notify: message({ notice: Notice }),
  Where: message().reads(SessionView),
})

/** Why a player's socket is closed by the cluster. */
const CloseReason = t.keyof({ replaced: null, 'node-stops': null })
type CloseReason = t.TypeOf<typeof CloseReason>

/** The way to one client: neither throws, and neither waits. */
export interface ClientSocket {
  send(notice: Notice): void
  close(reason: CloseReason): void
}

/** What may be said to the actor that holds a node's sockets. */
export const Sessions = nodeProtocol('sessions', {
  Hold: nodeMessage<{
    readonly player: PlayerId
    readonly session: SessionId
    readonly socket: ClientSocket
  }>(),
  Drop: nodeMessage<{ readonly session: SessionId }>(),
  Deliver: message({ session: SessionId, notice: Notice }),
  Close: message({ session: SessionId, reason: CloseReason }),
  Count: message().replies(t.number),
  /** From its own timer: tells the session of each socket that it is still held. */
  Beat: nodeMessage<void>(),
})
