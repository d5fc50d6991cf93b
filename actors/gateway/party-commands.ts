/** Carries commands to parties: finds the party, asks it once per reqId, and says what came of it. */
import { AskFailed, type TumenNode } from '../../lib/index.js'
import { PartyId, type PlayerId } from '../ids.js'
import { Party } from '../party/protocol.js'
import { PlayerSlot } from '../player-slot/protocol.js'
import { failedAnswer, refusedAnswer } from './answers.js'
import type { PartyAsk } from './commands.js'
import type { Request } from './decode.js'
import type { Answer } from './protocol.js'

export interface PartyCommand {
  readonly player: PlayerId
  readonly request: Request
  /** The client's, or a fresh one. */
  readonly reqId: string
  readonly timeoutMs: number
}

/** Which party a command is for; null when the player is in none and has been in none. */
export const partyFor = async (node: TumenNode, { player, request, reqId, timeoutMs }: PartyCommand) => {
  const { command, given } = request
  if (given.party !== undefined) return given.party
  // The same command sent again makes the same party, not a second one.
  if (command.to === 'fresh') return PartyId(`${player}:${reqId}`)
  const slot = await node.ref(PlayerSlot, player).ask(PlayerSlot.Current(), { timeoutMs })
  // A leave that is sent again goes where it was applied, although the player is not there any more.
  return slot.party ?? slot.lastParty
}

const doubts: ReadonlySet<string> = new Set(['NO_SUCH_PARTY', 'NOT_IN_PARTY', 'ALREADY_IN_PARTY'])

/** A slot that names a party which has lost its state would hold the player for ever: let it look. */
const verifySlot = (node: TumenNode, player: PlayerId, failure: unknown): void => {
  if (!(failure instanceof AskFailed) || failure.reason.tag !== 'Refused') return
  const { code } = failure.reason.refusal as { readonly code?: string }
  if (code === undefined || !doubts.has(code)) return
  node
    .ref(PlayerSlot, player)
    .ask(PlayerSlot.Verify())
    .catch(() => undefined)
}

/** Asks the party. Never rejects. */
export const askParty = async (
  node: TumenNode,
  party: PartyId,
  message: PartyAsk,
  { player, request: { id, cmd }, reqId, timeoutMs }: PartyCommand,
): Promise<Answer> => {
  try {
    // Named by player and command, so that nobody is shown the answer to somebody else's command.
    const reply = await node.ref(Party, party).ask(message, { timeoutMs, reqId: `${player}/${cmd}/${reqId}` })
    return reply === null ? refusedAnswer(id, 'NO_SUCH_PARTY') : { id, ok: true, ...(reply as object) }
  } catch (failure) {
    verifySlot(node, player, failure)
    return failedAnswer(id, failure, reqId)
  }
}
