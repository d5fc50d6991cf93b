import * as E from 'fp-ts/lib/Either.js'
import * as t from 'io-ts'
import { act, answerTo, asked, type Handlers, inner, next, putOff, refuse, reply } from '../../lib/index.js'
import { PartyId } from '../ids.js'
import { Party } from '../party/protocol.js'
import { isNewer, neverSeen, Presence } from '../presence.js'
import { PlayerSlot, type SlotView } from './protocol.js'

const Claim = t.type({ party: PartyId, claim: t.number })
type Claim = t.TypeOf<typeof Claim>

export const SlotState = t.type({
  held: t.union([Claim, t.null]),
  /** The last claim that was let go, so that it is not taken again when it is delivered again. */
  last: t.union([Claim, t.null]),
  presence: Presence,
})
export type SlotState = t.TypeOf<typeof SlotState>

export const freeSlot: SlotState = { held: null, last: null, presence: neverSeen }

/** What only the slot's own commands bring back. */
export const Own = inner(PlayerSlot, {
  Reported: answerTo(Party.Presence, {}),
  Verified: answerTo(Party.Holds, { claim: Claim, verify: asked(PlayerSlot.Verify) }),
})

const view = (slot: SlotState): SlotView => ({
  party: slot.held?.party ?? null,
  lastParty: slot.last?.party ?? null,
  presence: slot.presence,
})

const isSame = (a: Claim, b: Claim | null): boolean => a.party === b?.party && a.claim === b.claim
const freed = (slot: SlotState): SlotState => ({ ...slot, held: null, last: slot.held })

/** Which party a player is in: pure, so it runs the same on its owner, in a test and in the simulation. */
export const on: Handlers<typeof PlayerSlot, SlotState, typeof Own> = {
  Claim: (slot, wanted) => {
    const { held, last } = slot
    if (held !== null && held.party !== wanted.party) {
      return refuse({ code: 'ALREADY_IN_PARTY', party: held.party })
    }
    if (held !== null) {
      const claim = Math.max(held.claim, wanted.claim)
      return reply({ ...slot, held: { party: held.party, claim } }, slot.presence)
    }
    if (last?.party === wanted.party && wanted.claim <= last.claim) {
      return refuse({ code: 'STALE_EPOCH', party: wanted.party })
    }
    return reply({ ...slot, held: { party: wanted.party, claim: wanted.claim } }, slot.presence)
  },
  Release: (slot, claim) => reply(isSame(claim, slot.held) ? freed(slot) : slot),
  Report: (slot, { presence }, at) => {
    if (!isNewer(presence, slot.presence)) return reply(slot)
    const told = { ...slot, presence }
    if (slot.held === null) return reply(told)
    const news = Party.Presence({ player: at.id, presence })
    return reply(told, undefined, act.command(Party.at(slot.held.party), news, Own.Reported({})))
  },
  Reported: (slot) => next(slot),
  Look: (slot) => slot.presence,
  Verify: (slot, _, at) => {
    const claim = slot.held
    if (claim === null) return reply(slot, view(slot))
    const question = Party.Holds({ player: at.id, claim: claim.claim })
    return putOff(
      slot,
      act.command(Party.at(claim.party), question, Own.Verified({ claim, verify: at.asked })),
    )
  },
  Verified: (slot, { claim, verify, answer }) => {
    const isForgotten = E.isRight(answer) && !answer.right && isSame(claim, slot.held)
    const known = isForgotten ? freed(slot) : slot
    return next(known, act.answer(verify, view(known)))
  },
  Current: (slot) => view(slot),
}
