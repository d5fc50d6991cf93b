/** One client: what it may send, what it is answered, and what is kept for it meanwhile. */
import * as E from 'fp-ts/lib/Either.js'
import {
  type Clock,
  fullBucket,
  type Random,
  takeTokens,
  type TokenBucket,
  type Tokens,
  tokensDueMs,
  type TumenNode,
} from '../../lib/index.js'
import type { SessionId } from '../ids.js'
import { Sessions } from '../session/protocol.js'
import { errorAnswer, failedAnswer, refusedAnswer } from './answers.js'
import { decode, idOf, type Request } from './decode.js'
import type { GatewayLimits } from './limits.js'
import { arrive, type Authenticate, freshSession, identify, type Identity, whereabouts } from './login.js'
import { askParty, partyFor } from './party-commands.js'
import type { Answer, ToClient } from './protocol.js'

/** A socket as a connection needs it. Nothing of it throws. */
export interface TextSocket {
  send(text: string): void
  /** Codes of WebSocket: RFC 6455 section 7.4. */
  close(code: number, reason: string): void
  bufferedBytes(): number
}
export interface ConnectionOptions {
  readonly node: TumenNode
  readonly socket: TextSocket
  readonly authenticate: Authenticate
  readonly limits: GatewayLimits
  readonly clock: Clock
  readonly random: Random
}
export interface Connection {
  /** A message of the client. Never throws. */
  onText(text: string): void
  /** The socket is closed: the player's session is told. Idempotent. */
  closed(): void
}

/** Who has logged in over this socket. */
interface Client extends Identity {
  readonly session: SessionId
}

/** Why a socket is closed by the gateway. */
export const closeCode = { stops: 1001, policy: 1008, overloaded: 1013, replaced: 4001 } as const

/** Of what the cluster closes a socket for. */
const closeCodes = { replaced: closeCode.replaced, 'node-stops': closeCode.stops } as const

const cutShort = (text: string): string => (text.length > 100 ? `${text.slice(0, 99)}…` : text)

export const openConnection = (options: ConnectionOptions): Connection => {
  const { node, socket, limits, clock, random } = options
  const bucket: TokenBucket = { perSecond: limits.ratePerSecond, countMax: limits.rateBurstCount }
  let tokens: Tokens = fullBucket(bucket, clock.monotonic())
  let strikes = 0
  let pending = 0
  let refusedLogins = 0
  let fresh = 0
  let isOpen = true
  /** `undefined`: nobody yet. `busy`: being looked up. */
  let who: Client | 'busy' | undefined
  /** Commands find their party one after the other, so that they are asked in the order they came. */
  let inLine: Promise<unknown> = Promise.resolve()

  const close = (code: number, reason: string): void => {
    if (isOpen) socket.close(code, cutShort(reason))
    closed()
  }
  const send = (message: ToClient): void => {
    if (!isOpen) return
    if (socket.bufferedBytes() > limits.bufferedBytesMax) close(closeCode.overloaded, 'you read too slowly')
    else socket.send(JSON.stringify(message))
  }
  const loginTimer = clock.after(limits.loginMs, () => close(closeCode.policy, 'log in first'))

  const closed = (): void => {
    if (!isOpen) return
    isOpen = false
    loginTimer.cancel()
    if (typeof who === 'object') node.local(Sessions).tell(Sessions.Drop({ session: who.session }))
  }

  const login = async ({ id, given }: Request): Promise<void> => {
    if (who !== undefined) return send(errorAnswer(id, 'BAD_REQUEST', 'You are logged in, or about to be.'))
    who = 'busy'
    const found = await identify(options.authenticate, given.credentials ?? {})
    if (E.isLeft(found)) {
      who = undefined
      send(errorAnswer(id, 'FORBIDDEN', cutShort(found.left)))
      if (++refusedLogins >= limits.loginTriesCountMax) close(closeCode.policy, 'too many logins')
      return
    }
    if (!isOpen) return
    const session = freshSession(random)
    const toClient = { send, close: (reason: keyof typeof closeCodes) => close(closeCodes[reason], reason) }
    try {
      const { player, roles } = found.right
      const arrival = { player, session, socket: toClient, timeoutMs: limits.answerMs }
      const welcome = await arrive(node, arrival)
      if (!isOpen) return node.local(Sessions).tell(Sessions.Drop({ session }))
      who = { player, roles, session }
      loginTimer.cancel()
      send({ id, ok: true, ...welcome })
    } catch (failure) {
      who = undefined
      send(failedAnswer(id, failure))
    }
  }

  const ofGateway = async ({ id, cmd }: Request, client: Client): Promise<Answer> => {
    if (cmd === 'ping') return { id, ok: true }
    if (cmd === 'whoami') return { id, ok: true, ...client, ...{ node: node.id } }
    return { id, ok: true, ...(await whereabouts(node, client.player, limits.answerMs)) }
  }

  const toParty = (request: Request, { player, roles, session }: Client): Promise<Answer> => {
    const { command, given, id } = request
    const reqId = given.reqId ?? `${session}.${++fresh}`
    const asked = { player, request, reqId, timeoutMs: limits.answerMs }
    const found = inLine.then(() => partyFor(node, asked))
    const answer = found.then(
      (party) => {
        if (command.to === 'gateway' || party === null) return refusedAnswer(id, 'NOT_IN_PARTY')
        return askParty(node, party, command.message(player, given, roles), asked)
      },
      (failure: unknown) => failedAnswer(id, failure, reqId),
    )
    inLine = found.catch(() => undefined)
    return answer
  }

  const run = async (request: Request): Promise<void> => {
    const { id, cmd, command } = request
    if (cmd === 'login') return login(request)
    if (typeof who !== 'object') return send(errorAnswer(id, 'NOT_LOGGED_IN', 'Send login first.'))
    if (pending >= limits.pendingCountMax) {
      return send(
        errorAnswer(id, 'RATE_LIMITED', 'Wait for the answers to your commands.', { retryAfterMs: 100 }),
      )
    }
    pending++
    try {
      send(await (command.to === 'gateway' ? ofGateway : toParty)(request, who))
    } catch (failure) {
      send(failedAnswer(id, failure))
    } finally {
      pending--
    }
  }

  /** Whether this message is within the rate; if not it has been answered. */
  const isWithinRate = (text: string): boolean => {
    const now = clock.monotonic()
    const [isTaken, left] = takeTokens(bucket, tokens, now)
    tokens = left
    strikes = isTaken ? 0 : strikes + 1
    if (isTaken) return true
    if (strikes > limits.strikesCountMax) close(closeCode.policy, 'you send too fast')
    const retryAfterMs = Math.ceil(tokensDueMs(bucket, tokens, now))
    send(errorAnswer(idOf(text), 'RATE_LIMITED', 'You send too fast.', { retryAfterMs }))
    return false
  }

  return {
    onText: (text) => {
      if (!isOpen || !isWithinRate(text)) return
      const request = decode(text)
      if (E.isLeft(request)) send(errorAnswer(request.left.id, 'BAD_REQUEST', request.left.sentence))
      else void run(request.right)
    },
    closed,
  }
}
