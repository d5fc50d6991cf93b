import * as t from 'io-ts'
import { message, protocol } from '../../lib/index.js'
import { PartyId, PlayerId } from '../ids.js'
import { Presence } from '../presence.js'

/** The longest line of chat, in characters, after blanks at its ends are cut off. */
const chatCharsMax = 500

export const PartyCode = t.keyof({
  NO_SUCH_PARTY: null,
  /** Who asks is not a member. */
  NOT_IN_PARTY: null,
  /** Who asks is a member, but only the leader may. */
  NOT_LEADER: null,
  LEADER_CANNOT_LEAVE: null,
  /** The target is not a member. */
  NOT_A_MEMBER: null,
  SELF_TARGET: null,
  ALREADY_IN_PARTY: null,
  ALREADY_MEMBER: null,
  ALREADY_INVITED: null,
  NOT_INVITED: null,
  INVITE_EXPIRED: null,
  PARTY_FULL: null,
  TARGET_OFFLINE: null,
  /** The party is muted, and who speaks does not lead it. */
  MUTED: null,
  /** The id was used before, or the same player's accept or create is still under way. */
  DUPLICATE: null,
  /** The player's slot cannot be spoken to: nobody runs the kind, or it fails each time. */
  SLOT_UNREACHABLE: null,
})
export type PartyCode = t.TypeOf<typeof PartyCode>

/** A party's "no". `party` is where the player is instead, for ALREADY_IN_PARTY. */
export const PartyRefusal = t.intersection([t.type({ code: PartyCode }), t.partial({ party: PartyId })])
export type PartyRefusal = t.TypeOf<typeof PartyRefusal>

/** What the members of one party have agreed on; what the host decides for all parties is an option. */
export const PartySettings = t.type({
  /** True: of the members only the leader may chat. */
  muted: t.boolean,
})
export type PartySettings = t.TypeOf<typeof PartySettings>

export const PartyView = t.type({
  party: PartyId,
  leader: PlayerId,
  /** In the order in which they joined. */
  members: t.array(t.type({ player: PlayerId, online: t.boolean })),
  /** In the order in which they were invited. */
  invites: t.array(PlayerId),
  sizeMax: t.number,
  settings: PartySettings,
  /** The number of the last line of chat. Who has heard a lower one has missed something. */
  chats: t.number,
  /** Grows by one with each change of leader, members, invitations and settings. */
  version: t.number,
})
export type PartyView = t.TypeOf<typeof PartyView>

/** The version that the change made, or the present one if nothing had to change. */
const Changed = t.type({ version: t.number, changed: t.boolean })

/** Who went. The answer comes when each of them is free to join another party. */
export const Gone = t.type({ version: t.number, removed: t.array(PlayerId) })
export type Gone = t.TypeOf<typeof Gone>

export const ChatText = new t.Type<string, string, unknown>(
  `a line of 1 to ${chatCharsMax} characters`,
  (value): value is string => typeof value === 'string' && isLine(value),
  (value, context) =>
    typeof value === 'string' && isLine(value) ? t.success(value) : t.failure(value, context),
  t.identity,
)
const isLine = (text: string): boolean => text.trim() !== '' && text.length <= chatCharsMax

/**
 * What may be said to a party. Whoever speaks has been authenticated by the gateway: `by`, `player` and
 * `asAdmin` are true.
 *
 * Each command is refused with the first of its codes that applies, in the order given here, and a refused
 * command has changed nothing. Each change of leader, members, invitations or settings makes the version
 * grow by one; chat and presence do not.
 */
export const Party = protocol('party', PartyId, {
  /**
   * DUPLICATE, ALREADY_IN_PARTY, SLOT_UNREACHABLE. Claims the creator's slot, who is then leader and only
   * member.
   */
  Create: message({ by: PlayerId }).replies(PartyView).refuses(PartyRefusal),
  /**
   * NO_SUCH_PARTY, NOT_IN_PARTY, NOT_LEADER, ALREADY_MEMBER, ALREADY_INVITED, PARTY_FULL, TARGET_OFFLINE.
   * Members and invitations together count against the size.
   */
  Invite: message({ by: PlayerId, target: PlayerId }).replies(Changed).refuses(PartyRefusal),
  /** NO_SUCH_PARTY, NOT_IN_PARTY, NOT_LEADER, NOT_INVITED. */
  CancelInvite: message({ by: PlayerId, target: PlayerId }).replies(Changed).refuses(PartyRefusal),
  /**
   * NO_SUCH_PARTY, ALREADY_MEMBER, INVITE_EXPIRED, NOT_INVITED, DUPLICATE, ALREADY_IN_PARTY,
   * SLOT_UNREACHABLE.
   */
  Accept: message({ player: PlayerId }).replies(PartyView).refuses(PartyRefusal),
  /** NO_SUCH_PARTY, INVITE_EXPIRED, NOT_INVITED. */
  Decline: message({ player: PlayerId }).replies(Changed).refuses(PartyRefusal),
  /** NO_SUCH_PARTY, NOT_IN_PARTY, NOT_LEADER, NOT_A_MEMBER. To oneself changes nothing. */
  Transfer: message({ by: PlayerId, target: PlayerId }).replies(Changed).refuses(PartyRefusal),
  /**
   * NO_SUCH_PARTY, NOT_IN_PARTY, LEADER_CANNOT_LEAVE (while others are there). The last one out closes it.
   */
  Leave: message({ player: PlayerId }).replies(Gone).refuses(PartyRefusal),
  /** NO_SUCH_PARTY, NOT_IN_PARTY, NOT_LEADER. With `asAdmin` by anybody: NO_SUCH_PARTY alone. */
  Disband: message({ by: PlayerId, asAdmin: t.boolean }).replies(Gone).refuses(PartyRefusal),
  /** NO_SUCH_PARTY, NOT_IN_PARTY, NOT_LEADER, SELF_TARGET, NOT_A_MEMBER. */
  Kick: message({ by: PlayerId, target: PlayerId }).replies(Gone).refuses(PartyRefusal),
  /**
   * NO_SUCH_PARTY, NOT_IN_PARTY, NOT_LEADER. Removes all who are gone, with `includeGrace` also those whose
   * socket may still come back; never the leader.
   */
  Clear: message({ by: PlayerId, includeGrace: t.boolean }).replies(Gone).refuses(PartyRefusal),
  /** NO_SUCH_PARTY, NOT_IN_PARTY, NOT_LEADER. Mutes the chat, or ends that. As it is: changes nothing. */
  Mute: message({ by: PlayerId, muted: t.boolean }).replies(Changed).refuses(PartyRefusal),
  /**
   * NO_SUCH_PARTY, NOT_IN_PARTY, MUTED (to all but the leader). Every member gets it, the speaker too, with
   * the party's own running number.
   */
  Chat: message({ by: PlayerId, text: ChatText })
    .replies(t.type({ number: t.number }))
    .refuses(PartyRefusal),
  /** Null when there is no such party. */
  Info: message().reads(t.union([PartyView, t.null])),
  /** From the player's slot. News older than what the party knows is ignored. */
  Presence: message({ player: PlayerId, presence: Presence }).replies(),
  /** From a slot that doubts: does this claim, or a newer one of the same player, still count here? */
  Holds: message({ player: PlayerId, claim: t.number }).reads(t.boolean),
})
