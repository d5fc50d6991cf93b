/** Logging in: who the client is, and where its socket is from now on. */
import * as E from 'fp-ts/lib/Either.js'
import type { Random, TumenNode } from '../../lib/index.js'
import { type PlayerId, SessionId } from '../ids.js'
import { PlayerSlot } from '../player-slot/protocol.js'
import { type ClientSocket, Session, Sessions, type SessionView } from '../session/protocol.js'
import { LoggedIn } from '../topics.js'
import { Player, type Welcome } from './protocol.js'

/** What a client may do beyond the rules of its party. `admin`: disband any party. */
export type Role = 'admin'

/** Who the client is, or why it is not let in. Nothing of the reason but `refused` is told to the client. */
export type Authenticated =
  | {
      readonly player: string
      /** They hold until the socket is closed. None by default. */
      readonly roles?: readonly Role[]
    }
  | { readonly refused: string }

/**
 * Given by the host. May wait; a rejection counts as a refusal.
 *
 * Gotcha: credentials are the client's own words. Take neither the player nor a role from them unchecked.
 */
export type Authenticate = (
  credentials: Readonly<Record<string, unknown>>,
) => Authenticated | Promise<Authenticated>

/** Takes the client at its word, but gives no roles: only for a gateway that nobody else can reach. */
export const trusting: Authenticate = ({ player }) =>
  typeof player === 'string' ? { player } : { refused: 'credentials: expected {"player":"…"}' }

const bytes = 12
export const freshSession = (random: Random): SessionId => {
  let text = ''
  for (let i = 0; i < bytes; i++)
    text += Math.floor(random.next() * 256)
      .toString(16)
      .padStart(2, '0')
  return SessionId(text)
}

export interface Identity {
  readonly player: PlayerId
  readonly roles: readonly Role[]
}

/** Those that are known here: a host whose own list has more, or is none, gives no more than these. */
const rolesIn = (given: unknown): Role[] => (Array.isArray(given) && given.includes('admin') ? ['admin'] : [])

/** The left is the sentence for the client. Never rejects. */
export const identify = async (
  authenticate: Authenticate,
  credentials: Readonly<Record<string, unknown>>,
): Promise<E.Either<string, Identity>> => {
  try {
    const found = await authenticate(credentials)
    if ('refused' in found) return E.left(found.refused)
    const player = Player.decode(found.player)
    return E.isRight(player)
      ? E.right({ player: player.right, roles: rolesIn(found.roles) })
      : E.left(`The player that these credentials name cannot be: ${Player.name}.`)
  } catch {
    return E.left('The credentials could not be checked.')
  }
}

/** What the player's own session and slot say. */
export const whereabouts = async (node: TumenNode, player: PlayerId, timeoutMs: number) => {
  const [slot, view] = await Promise.all([
    node.ref(PlayerSlot, player).ask(PlayerSlot.Current(), { timeoutMs }),
    node.ref(Session, player).ask(Session.Where(), { timeoutMs }),
  ])
  return { party: slot.party, invitations: view.invitations }
}

export interface Arrival {
  readonly player: PlayerId
  readonly session: SessionId
  readonly socket: ClientSocket
  readonly timeoutMs: number
}

/**
 * Makes the socket the player's present one; an older one is closed, wherever it is. When it resolves, what
 * is told to the player comes to this socket. When it rejects, it does not.
 */
export const arrive = async (
  node: TumenNode,
  { player, session, socket, timeoutMs }: Arrival,
): Promise<Welcome> => {
  const here = node.local(Sessions)
  here.tell(Sessions.Hold({ player, session, socket }))
  try {
    const attached: SessionView = await node
      .ref(Session, player)
      .ask(Session.Attach({ session, node: node.id }), { timeoutMs })
    const { party } = await node.ref(PlayerSlot, player).ask(PlayerSlot.Current(), { timeoutMs })
    node.publish(LoggedIn, { player, session })
    return { player, session, node: node.id, party, invitations: attached.invitations }
  } catch (failure) {
    here.tell(Sessions.Drop({ session }))
    throw failure
  }
}
