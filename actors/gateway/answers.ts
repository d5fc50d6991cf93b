/** What a client is told about a command that was not carried out. */
import { type AskError, AskFailed } from '../../lib/index.js'
import { type PartyCode, PartyRefusal } from '../party/protocol.js'
import type { Answer, ClientId, ErrorCode } from './protocol.js'

const sentences: Readonly<Record<PartyCode, string>> = {
  NO_SUCH_PARTY: 'There is no such party.',
  NOT_IN_PARTY: 'You are not a member of this party.',
  NOT_LEADER: 'Only the leader may do this.',
  LEADER_CANNOT_LEAVE: 'You lead: transfer the party to another member, or disband it.',
  NOT_A_MEMBER: 'The target is not a member of this party.',
  SELF_TARGET: 'You cannot do this to yourself.',
  ALREADY_IN_PARTY: 'You are in a party already: leave it first.',
  ALREADY_MEMBER: 'The player is a member of this party already.',
  ALREADY_INVITED: 'The player is invited already.',
  NOT_INVITED: 'There is no such invitation.',
  INVITE_EXPIRED: 'The invitation has expired: ask for another one.',
  PARTY_FULL: 'Members and invitations take all seats of this party.',
  TARGET_OFFLINE: 'The player is not online.',
  MUTED: 'The party is muted: only its leader may chat.',
  DUPLICATE: 'This was asked for before: wait for its answer, or use another party id.',
  SLOT_UNREACHABLE: 'The player cannot join a party at the moment: try again later.',
}

export const refusedAnswer = (id: ClientId, code: PartyCode, party?: PartyRefusal['party']): Answer => ({
  id,
  ok: false,
  refused: code,
  message: sentences[code],
  ...(party === undefined ? {} : { party }),
})

export const errorAnswer = (
  id: ClientId | null,
  error: ErrorCode,
  message: string,
  more: { readonly retryAfterMs?: number; readonly reqId?: string } = {},
): Answer => ({ id, ok: false, error, message, ...more })

const retryAfterMs = 500

/** In a client's words: it knows no `timeoutMs`, no mailbox and no supervisor. */
const sentenceAbout = (reason: AskError): string => {
  switch (reason.tag) {
    case 'StateLost':
      return 'All copies of it are gone, so it begins anew: set it up again.'
    case 'Malformed':
      return `It does not fit: ${reason.complaints.join('; ')}.`
    case 'PayloadTooLarge':
      return `It has ${reason.bytes} bytes, more than ${reason.payloadBytesMax}: send less at once.`
    case 'Overloaded':
      return 'Too much waits there already: try again later.'
    case 'Unavailable':
    case 'StaleView':
      return 'It is between two nodes at the moment; what it knows is kept: try again.'
    case 'AskTimeout':
    case 'UnknownOutcome':
    case 'Cancelled':
      return 'There was no answer in time; it may still be carried out: send the same again.'
    case 'NodeStopped':
      return 'This node has stopped: connect to another one.'
    // What went wrong inside is for the operator's log, not for a client.
    default:
      return 'It failed; try again.'
  }
}

/** The answer for an ask that was rejected. */
export const failedAnswer = (id: ClientId, failure: unknown, reqId?: string): Answer => {
  const again = reqId === undefined ? {} : { reqId }
  if (!(failure instanceof AskFailed)) {
    return errorAnswer(id, 'UNAVAILABLE', 'This node cannot answer at the moment.', {
      retryAfterMs,
      ...again,
    })
  }
  const { reason } = failure
  if (reason.tag === 'Refused') {
    if (!PartyRefusal.is(reason.refusal)) return errorAnswer(id, 'UNAVAILABLE', 'This was refused.', again)
    return refusedAnswer(id, reason.refusal.code, reason.refusal.party)
  }
  if (reason.tag === 'StateLost') return errorAnswer(id, 'STATE_LOST', sentenceAbout(reason), again)
  if (reason.tag === 'Malformed' || reason.tag === 'PayloadTooLarge') {
    return errorAnswer(id, 'BAD_REQUEST', sentenceAbout(reason), again)
  }
  const afterMs = 'retryAfterMs' in reason ? reason.retryAfterMs : retryAfterMs
  return errorAnswer(id, 'UNAVAILABLE', sentenceAbout(reason), { retryAfterMs: afterMs, ...again })
}
