/** The ids of the game. A player's id is not taken for a party's: each is a brand of its own. */
import type * as t from 'io-ts'
import { id } from '../lib/index.js'

/** Who plays. The host's `authenticate` decides what it is; it is the same on every node. */
export const PlayerId = id('PlayerId')
export type PlayerId = t.TypeOf<typeof PlayerId>

/** One party, from its creation to its end. An id is used once. */
export const PartyId = id('PartyId')
export type PartyId = t.TypeOf<typeof PartyId>

/** One socket of one player, from its login to its close. */
export const SessionId = id('SessionId')
export type SessionId = t.TypeOf<typeof SessionId>
