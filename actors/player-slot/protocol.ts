import * as t from 'io-ts'
import { message, protocol } from '../../lib/index.js'
import { PartyId, PlayerId } from '../ids.js'
import { Presence } from '../presence.js'

export const SlotRefusal = t.type({
  /** `STALE_EPOCH`: a claim that came again after it had been released. */
  code: t.keyof({ ALREADY_IN_PARTY: null, STALE_EPOCH: null }),
  /** The party that holds the slot, or that asked. */
  party: PartyId,
})
export type SlotRefusal = t.TypeOf<typeof SlotRefusal>

export const SlotView = t.type({
  party: t.union([PartyId, t.null]),
  /** The party that held the slot before it became free, for commands that are sent again. */
  lastParty: t.union([PartyId, t.null]),
  presence: Presence,
})
export type SlotView = t.TypeOf<typeof SlotView>

/** Which claim of which party: a party numbers its claims, so an old release cannot free a newer claim. */
const claim = { party: PartyId, claim: t.number }

/**
 * What may be said to a player's slot: which party the player is in. One entity per player, so at most one
 * claim holds, whatever the parties do at the same moment.
 */
export const PlayerSlot = protocol('player-slot', PlayerId, {
  /** A party takes the player, before it appends the member. The same party may claim again. */
  Claim: message(claim).replies(Presence).refuses(SlotRefusal),
  /** A party lets go, after it has removed the member. Anything but the claim that holds is ignored. */
  Release: message(claim).replies(),
  /** The player's session tells whether the player can be reached; the slot passes it on to the party. */
  Report: message({ presence: Presence }).replies(),
  /** Can the player be reached? */
  Look: message().reads(Presence),
  /** Asks the holding party whether it still knows the claim, and frees the slot if it does not. */
  Verify: message().replies(SlotView),
  Current: message().reads(SlotView),
})
