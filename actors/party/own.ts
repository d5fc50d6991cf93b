import * as t from 'io-ts'
import { answerTo, asked, type Handlers, inner, message } from '../../lib/index.js'
import { PlayerId } from '../ids.js'
import { PlayerSlot } from '../player-slot/protocol.js'
import { Party } from './protocol.js'
import type { PartyState } from './state.js'

/** What only the party's own timers and commands bring back. */
export const Own = inner(Party, {
  /** The creator's slot answered. */
  LeaderClaimed: answerTo(PlayerSlot.Claim, { by: PlayerId, create: asked(Party.Create) }),
  /** The slot of somebody who accepts answered. */
  Claimed: answerTo(PlayerSlot.Claim, { player: PlayerId, accept: asked(Party.Accept) }),
  /** The slot of somebody who went is free. */
  Released: answerTo(PlayerSlot.Release, { player: PlayerId, departure: t.number }),
  /** The slot of somebody who is to be invited answered. */
  Looked: answerTo(PlayerSlot.Look, { by: PlayerId, target: PlayerId, invite: asked(Party.Invite) }),
  InviteExpired: message({ target: PlayerId, expiresAt: t.number }),
  /** The leader may have been offline for the whole grace. */
  LeaderOverdue: message({ leader: PlayerId, since: t.number }),
  /** The party may have been over for long enough. */
  Forget: message(),
})

/** What a party does with each message. */
export type Steps = Handlers<typeof Party, PartyState, typeof Own>
