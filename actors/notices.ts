/** What a player is shown without having asked. A notice travels party → session → node → client. */
import * as t from 'io-ts'
import { PartyId, PlayerId } from './ids.js'
import { PartySettings } from './party/protocol.js'

/** Why somebody is no longer in a party, or a party no longer there. */
export const Why = t.keyof({
  left: null,
  kicked: null,
  /** The leader cleared those who were offline. */
  cleared: null,
  disbanded: null,
  /** The last member left. */
  empty: null,
  /** The leader stayed away beyond the grace and nobody else is online. */
  abandoned: null,
})
export type Why = t.TypeOf<typeof Why>

/** Why an invitation no longer holds. */
export const InviteEnd = t.keyof({ cancelled: null, declined: null, expired: null, closed: null })
export type InviteEnd = t.TypeOf<typeof InviteEnd>

const party = PartyId
const player = PlayerId
const version = t.number
const notice = <const N extends string, P extends t.Props>(name: N, fields: P) =>
  t.type({ notice: t.literal(name), ...fields })

/**
 * Each change of a party is one version and tells every member, so a client that sees a version skipped asks
 * `info`; chat has a number of its own, for the same purpose. Presence has neither: the newest counts.
 */
export const Notice = t.union([
  /** To the member it concerns and to the others. */
  notice('invited', { party, player, by: PlayerId, expiresAt: t.number, version }),
  notice('invite-ended', { party, player, why: InviteEnd, version }),
  notice('joined', { party, player, version }),
  /** To those who stay, at once; to the one who went, when it may join another party. */
  notice('left', { party, player, why: Why, version }),
  notice('leader-changed', { party, leader: PlayerId, version }),
  notice('settings-changed', { party, settings: PartySettings, version }),
  notice('presence', { party, player, online: t.boolean }),
  notice('disbanded', { party, why: Why, version }),
  notice('chat', { party, from: PlayerId, text: t.string, number: t.number }),
  /** From the coordinator, once per login. */
  notice('greeting', { text: t.string }),
])
export type Notice = t.TypeOf<typeof Notice>
