import { kind, mirrored } from '../../lib/index.js'
import { PlayerSlot } from './protocol.js'
import { freeSlot, on, Own, SlotState } from './state.js'

/** Which party a player is in. Every player has a slot as soon as somebody speaks to it. */
export const playerSlot = kind(PlayerSlot, {
  activate: 'first-message',
  consistency: 'strict',
  state: mirrored(SlotState, { copies: 1 }),
  init: () => freeSlot,
  inner: Own,
  on,
  // A slot that is put to sleep would forget the party it names.
  limits: { idleMs: 0 },
})
