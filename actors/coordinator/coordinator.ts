import { behavior, next, reply } from '../../lib/index.js'
import type { PlayerId } from '../ids.js'
import { Sessions } from '../session/protocol.js'
import { LoggedIn } from '../topics.js'
import { Coordinator } from './protocol.js'

const greeting = (player: PlayerId): string => `Welcome, ${player}.`

/**
 * The voice of the game, one on each node. Each hears of every login in the cluster and greets those of its
 * own node: so a login is greeted at most once, and once if its node lives.
 */
export const coordinator = behavior(Coordinator, {
  init: () => 0,
  on: {
    Greeted: (count) => reply(count, count),
  },
}).hears(LoggedIn, (count, { player, session }, from, self) => {
  if (!from.isHere) return next(count)
  const notice = { notice: 'greeting', text: greeting(player) } as const
  self.node.local(Sessions).tell(Sessions.Deliver({ session, notice }))
  return next(count + 1)
})
