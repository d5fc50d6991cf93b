/**
 * The game's tree: what exists on a node, how it restarts, and what falls with it.
 *
 * Read it as a table. `entities` are spread over all nodes of the cluster, one per id; a `worker` is on every
 * node.
 */
import {
  coordinator,
  type PartyOptions,
  partyKind,
  playerSlot,
  type SessionOptions,
  sessionKind,
  sessions,
} from '../../actors/index.js'
import { type ChildSpec, entities, supervisor, worker } from '../../lib/index.js'

export interface GameOptions {
  readonly party?: Partial<PartyOptions>
  readonly session?: Partial<SessionOptions>
}

export const game = ({ party, session }: GameOptions = {}): ChildSpec =>
  supervisor('game', { strategy: 'one_for_one', intensity: 3, periodMs: 5_000 }, [
    // players who move together; each player's place among them; where each player's socket is
    entities(partyKind(party), { countMax: 50_000 }),
    entities(playerSlot, { countMax: 500_000 }),
    entities(sessionKind(session), { countMax: 500_000 }),

    // the coordinator greets through the sockets, so it falls with them
    supervisor('services', { strategy: 'rest_for_one' }, [
      worker('sessions', sessions, { shutdownMs: 5_000 }),
      worker('coordinator', coordinator, { shutdownMs: 5_000 }),
    ]),
  ])
