/** What clients can ask for: one table, from which messages are made and the page for clients is written. */
import type { Ask } from '../../lib/index.js'
import type { PartyId, PlayerId } from '../ids.js'
import { ChatText, Party, type PartyRefusal } from '../party/protocol.js'
import type { Role } from './login.js'
import { Credentials, Flag, PartyName, Player, ReqId } from './protocol.js'

/** A codec that does not transform, as far as commands need it; its name is what it expects. */
interface Codec {
  readonly name: string
  is(value: unknown): boolean
}
export interface Field {
  readonly codec: Codec
  readonly isOptional: boolean
}
export type Fields = Readonly<Record<string, Field>>

/** A message to a party, whatever its reply. */
export type PartyAsk = Ask<'party', string, unknown, unknown, PartyRefusal, 'id'>

type ToMessage = (by: PlayerId, given: Given, roles: readonly Role[]) => PartyAsk

export type Command =
  | {
      /** `own`: the given party, else the player's own. `named`: the given one. `fresh`: a new one. */
      readonly to: 'own' | 'named' | 'fresh'
      readonly says: string
      readonly fields: Fields
      /** Who speaks, what was given, and the roles that the host gave to who speaks. */
      readonly message: ToMessage
    }
  | { readonly to: 'gateway'; readonly says: string; readonly fields: Fields }

/** The fields of one command after they were read. Only those that the command takes are there. */
export interface Given {
  readonly party?: PartyId
  readonly reqId?: string
  readonly target?: PlayerId
  readonly text?: string
  readonly includeGrace?: boolean
  readonly credentials?: Readonly<Record<string, unknown>>
}

const needs = (codec: Codec): Field => ({ codec, isOptional: false })
const may = (codec: Codec): Field => ({ codec, isOptional: true })

/** In every command to a party. With `reqId` and `party` a command that is sent again is applied once. */
const ofParty = { party: may(PartyName), reqId: may(ReqId) }
const named = { party: needs(PartyName), reqId: may(ReqId) }
const target = { target: needs(Player) }

const own = (says: string, fields: Fields, message: ToMessage): Command => ({
  to: 'own',
  says,
  fields: { ...fields, ...ofParty },
  message,
})
const ofGateway = (says: string, fields: Fields = {}): Command => ({ to: 'gateway', says, fields })
/** The field was read and found: the table says that the command needs it. */
const there = <A>(value: A | undefined): A => value as A

export const commands: Readonly<Record<string, Command>> = {
  login: ofGateway('Says who you are; the first command.', { credentials: needs(Credentials) }),
  create: {
    to: 'fresh',
    says: 'Opens a party that you lead; `party` is its id, or one is made.',
    fields: ofParty,
    message: (by) => Party.Create({ by }),
  },
  invite: own('Invites a player.', target, (by, g) => Party.Invite({ by, target: there(g.target) })),
  cancelInvite: own('Takes an invitation back.', target, (by, g) =>
    Party.CancelInvite({ by, target: there(g.target) }),
  ),
  accept: {
    to: 'named',
    says: 'Joins the party that invited you.',
    fields: named,
    message: (player) => Party.Accept({ player }),
  },
  decline: {
    to: 'named',
    says: 'Turns an invitation down.',
    fields: named,
    message: (player) => Party.Decline({ player }),
  },
  transfer: own('Lets another member lead.', target, (by, g) =>
    Party.Transfer({ by, target: there(g.target) }),
  ),
  leave: own('Leaves the party.', {}, (player) => Party.Leave({ player })),
  disband: own('Ends the party; with the role `admin` any that is named.', {}, (by, g, roles) =>
    // Without a name it would be where the player is, or was: that is no choice of an admin.
    Party.Disband({ by, asAdmin: g.party !== undefined && roles.includes('admin') }),
  ),
  kick: own('Removes a member.', target, (by, g) => Party.Kick({ by, target: there(g.target) })),
  clear: own(
    'Removes members who are gone; with `includeGrace` also those who may still come back.',
    { includeGrace: may(Flag) },
    (by, g) => Party.Clear({ by, includeGrace: g.includeGrace ?? false }),
  ),
  mute: own('Lets only the leader chat.', {}, (by) => Party.Mute({ by, muted: true })),
  unmute: own('Lets all members chat again.', {}, (by) => Party.Mute({ by, muted: false })),
  chat: own('Says a line to all members.', { text: needs(ChatText) }, (by, g) =>
    Party.Chat({ by, text: there(g.text) }),
  ),
  info: own('Shows a party, to whoever knows its id.', {}, () => Party.Info()),
  list: ofGateway('Shows your party and the invitations that wait for you.'),
  whoami: ofGateway('Shows who you are to this gateway.'),
  ping: ofGateway('Is answered.'),
}
