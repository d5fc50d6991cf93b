import { act, behavior, next, reply, type TumenNode } from '../../lib/index.js'
import type { PlayerId, SessionId } from '../ids.js'
import { beatMs } from './options.js'
import { type ClientSocket, Session, Sessions } from './protocol.js'

interface Held {
  readonly player: PlayerId
  readonly socket: ClientSocket
  readonly detach: () => void
}
/** The sockets of this node. The map is this actor's own and changed in place. */
type Sockets = Map<SessionId, Held>

const toSession = (node: TumenNode, player: PlayerId) => node.ref(Session, player)

/**
 * Holds the sockets of its node and brings notices to them. One per node; everything else about a player's
 * session is in the entity `session`, which any node can reach.
 */
export const sessions = behavior(Sessions, {
  init: (): Sockets => new Map(),
  on: {
    Hold: (sockets, { player, session, socket }, self) => {
      const here = { session, node: self.node.id }
      const detach = () => toSession(self.node, player).tell(Session.Detach(here))
      sockets.set(session, { player, socket, detach })
      return sockets.size === 1 ? next(sockets, act.after(beatMs, Sessions.Beat(), 'beat')) : next(sockets)
    },
    Drop: (sockets, { session }) => {
      sockets.get(session)?.detach()
      sockets.delete(session)
      return next(sockets)
    },
    Deliver: (sockets, { session, notice }) => {
      sockets.get(session)?.socket.send(notice)
      return next(sockets)
    },
    Close: (sockets, { session, reason }) => {
      sockets.get(session)?.socket.close(reason)
      sockets.delete(session)
      return next(sockets)
    },
    Count: (sockets) => reply(sockets, sockets.size),
    Beat: (sockets, _, self) => {
      for (const [session, { player }] of sockets) {
        toSession(self.node, player).tell(Session.Alive({ session, node: self.node.id }))
      }
      return sockets.size === 0 ? next(sockets) : next(sockets, act.after(beatMs, Sessions.Beat(), 'beat'))
    },
  },
  onStop: (sockets) => {
    for (const { socket, detach } of sockets.values()) {
      detach()
      socket.close('node-stops')
    }
    sockets.clear()
  },
})
