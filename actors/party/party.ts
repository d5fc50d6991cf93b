import { kind, mirrored } from '../../lib/index.js'
import { joining } from './joining.js'
import { leaving } from './leaving.js'
import { type PartyOptions, partyOptions } from './options.js'
import { Own, type Steps } from './own.js'
import { Party } from './protocol.js'
import { noParty, PartyState } from './state.js'
import { together } from './together.js'

/** What a party does with each message: pure, so it runs the same on its owner and in a simulation. */
const partySteps = (options: PartyOptions): Steps => ({
  ...joining(options),
  ...leaving(options),
  ...together(options),
})

/**
 * Players who move together: one entity per party, wherever in the cluster.
 *
 * Guarantees: a player is a member of at most one party; every acknowledged change survives the loss of a
 * node; members are told of each change in order.
 *
 * Errors: throws a sentence that names the option when one is out of its range.
 *
 * @example
 * const party = partyKind({ allInvite: true, sizeMax: 4 })
 */
export const partyKind = (options: Partial<PartyOptions> = {}) =>
  kind(Party, {
    activate: 'first-message',
    consistency: 'strict',
    state: mirrored(PartyState, { copies: 1 }),
    init: noParty,
    inner: Own,
    on: partySteps(partyOptions(options)),
    // A party that is put to sleep would be gone: it ends only when its members say so.
    limits: { idleMs: 0 },
  })

/** Parties with the defaults of `partyDefaults`. */
export const party = partyKind()
