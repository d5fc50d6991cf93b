/**
 * What a node knows about its own lease and about the other members. Changed in
 * place by `step.ts`, its one owner.
 */
import type { Config } from '../config.js'
import type { NodeId } from '../ids.js'
import type { Created } from '../records/records.js'
import type { LinkStatus, ProbeAnswer } from '../transport/transport.js'
import type { MemberRecord, MemberStatus } from './protocol.js'
import { memberChain } from './protocol.js'

/** A member as the rest of the cluster sees it: not dead, not left. */
export interface Member extends MemberRecord {
  readonly name: string
}

/** Read it, do not keep it: `members` and `ready` change in place with the next version. */
export interface View {
  /** Grows with each change; only comparable on one node. */
  readonly version: number
  readonly members: ReadonlyMap<NodeId, Member>
  /** Those that take entities, by node name. */
  readonly ready: readonly Member[]
}

export interface Self {
  readonly name: string
  readonly roles: readonly string[]
  readonly weight: number
  readonly kinds: readonly string[]
  readonly release: string
  /** Versions of the wire format it reads. Default: those of this release. */
  readonly wire?: { readonly min: number; readonly max: number }
}

/** The decisions that a simulation may replace to see that it notices. Nobody else does. */
export interface MembershipRules {
  readonly leaseHolds: (now: number, leaseUntil: number) => boolean
  /** What a node does when it reads that it was declared dead. */
  readonly deathEndsMe: boolean
  /** Whether silence counts although my own beats do not come back. */
  readonly countsBlindSilence: boolean
  readonly nextIncarnation: (previous: number) => number
}

export const membershipRules: MembershipRules = {
  leaseHolds: (now, leaseUntil) => now < leaseUntil,
  deathEndsMe: true,
  countsBlindSilence: false,
  nextIncarnation: (previous) => previous + 1,
}

/** The last that was seen of one node name. */
export interface Seen {
  readonly name: string
  version: number
  record: MemberRecord
  /** When it was seen. Its lease was renewed no later than that. */
  at: number
  /** The last renewal that was seen, not counting a declaration of death. */
  renewedAt: number
  /** When this incarnation was first seen: the ones before it had renewed no later than that. */
  firstAt: number
  /** A declaration of its death is under way. */
  burying: boolean
}

export interface Probe {
  noResponders: number
  sentAt: number
  busy: boolean
  nextAt: number
  /** Probes that are left for a suspect; neighbours are probed for ever. */
  left: number
  /** Its connection was seen to end: probed without pauses. */
  isUrgent: boolean
}

/** One operation on the own chain at a time. */
export interface OwnOperation {
  readonly id: number
  readonly verb: 'create' | 'latest'
  readonly version: number
  readonly sentAt: number
  readonly record: MemberRecord | null
}

/**
 * `reading` the own chain; an earlier life seems alive: `probing` it, `waiting` for its lease, `burying` it;
 * `claiming` the next incarnation; `up`; `leaving` for good; `over`: left, lost or stopped.
 */
export type Phase = 'reading' | 'probing' | 'waiting' | 'burying' | 'claiming' | 'up' | 'leaving' | 'over'

export interface State {
  readonly self: Self
  readonly config: Config
  readonly rules: MembershipRules
  readonly chain: string
  readonly nonce: string
  /** In [0, 1), spreads the renewals of many nodes. */
  readonly jitter: number
  nextId: number

  phase: Phase
  me: NodeId | null
  wanted: MemberStatus
  /** Status, version and beat of the own chain, as last written or read. */
  written: MemberStatus
  version: number
  beat: number
  operation: OwnOperation | null
  /** No operation on the own chain before this. */
  retryAt: number
  renewAt: number
  leaseUntil: number
  isFrozen: boolean
  leaveBy: number

  /** An earlier life of this name that seems alive. */
  previous: {
    record: MemberRecord
    version: number
    since: number
    changes: number
    noResponders: number
  } | null
  startedAt: number

  status: LinkStatus
  upSince: number
  watchShown: boolean
  /** When the own beats last came back through the watch. */
  echoedAt: number
  /** Silence is counted from here at the earliest. */
  countsFrom: number
  /** When this node should have run at the latest, and when it last found that it had not. */
  dueAt: number
  laggedAt: number
  readonly counts: { lags: number; disconnectsHeard: number }
  readonly seen: Map<string, Seen>
  /**
   * Names asked about that no record was seen of: looked up in the store, which
   * knew none, or when it was asked.
   */
  readonly unknown: Map<string, 'none' | number>
  readonly probes: Map<NodeId, Probe>
  neighbours: readonly NodeId[]
  lapseCheckAt: number
  view: View
}

export type Input =
  | { readonly tag: 'Tick' }
  | { readonly tag: 'Record'; readonly name: string; readonly version: number; readonly record: MemberRecord }
  | { readonly tag: 'Live' }
  | { readonly tag: 'Status'; readonly status: LinkStatus }
  | { readonly tag: 'Created'; readonly id: number; readonly outcome: Created }
  | {
      readonly tag: 'Buried'
      readonly name: string
      readonly version: number
      readonly record: MemberRecord
      readonly outcome: Created
    }
  | { readonly tag: 'Latest'; readonly id: number; readonly found: Found }
  | { readonly tag: 'Probed'; readonly node: NodeId; readonly sentAt: number; readonly answer: ProbeAnswer }
  | { readonly tag: 'Suspect'; readonly node: NodeId }
  | { readonly tag: 'Disconnected'; readonly name: string; readonly isSudden: boolean }
  | { readonly tag: 'Unknown'; readonly name: string }
  | { readonly tag: 'LookedUp'; readonly name: string; readonly found: Found }
  | { readonly tag: 'Want'; readonly status: 'ready' | 'leaving' }
  | { readonly tag: 'Leave' }

export type Found =
  | { readonly tag: 'found'; readonly version: number; readonly record: MemberRecord }
  | { readonly tag: 'none' }
  | { readonly tag: 'failed' }
  | { readonly tag: 'unreadable'; readonly why: string }

export type Action =
  | {
      readonly tag: 'create'
      readonly id: number
      readonly chain: string
      readonly version: number
      readonly record: MemberRecord
    }
  | { readonly tag: 'bury'; readonly name: string; readonly version: number; readonly record: MemberRecord }
  | { readonly tag: 'latest'; readonly id: number; readonly chain: string }
  | { readonly tag: 'look-up'; readonly name: string }
  | { readonly tag: 'probe'; readonly node: NodeId; readonly sentAt: number; readonly timeoutMs: number }
  | { readonly tag: 'joined'; readonly me: NodeId }
  | { readonly tag: 'changed'; readonly gone: readonly NodeId[] }
  | { readonly tag: 'frozen'; readonly isFrozen: boolean }
  | { readonly tag: 'lost'; readonly why: string }
  | { readonly tag: 'left' }

export interface Start {
  readonly self: Self
  readonly config: Config
  readonly rules: MembershipRules
  readonly nonce: string
  readonly jitter: number
  readonly status: LinkStatus
  readonly now: number
}

export const initialState = ({ self, config, rules, nonce, jitter, status, now }: Start): State => ({
  self,
  config,
  rules,
  chain: memberChain(self.name),
  nonce,
  jitter,
  nextId: 1,
  phase: 'reading',
  me: null,
  wanted: 'joining',
  written: 'joining',
  version: 0,
  beat: 0,
  operation: null,
  retryAt: now,
  renewAt: Infinity,
  leaseUntil: -Infinity,
  isFrozen: true,
  leaveBy: Infinity,
  previous: null,
  startedAt: now,
  status,
  upSince: status === 'up' ? now : Infinity,
  watchShown: false,
  echoedAt: -Infinity,
  countsFrom: now,
  dueAt: Infinity,
  laggedAt: -Infinity,
  counts: { lags: 0, disconnectsHeard: 0 },
  seen: new Map(),
  unknown: new Map(),
  probes: new Map(),
  neighbours: [],
  lapseCheckAt: now + config.leaseRenewMs,
  view: { version: 0, members: new Map(), ready: [] },
})

/** How long without own beats the watch counts as proven live. */
export const echoGapMs = (config: Config): number => config.leaseMs / 2

/** How late this node's own event loop may be before it is no judge of others. */
export const lagMs = (config: Config): number => config.leaseMs / 10

export const watchIsLive = (state: State, now: number): boolean =>
  state.rules.countsBlindSilence || (state.watchShown && now - state.echoedAt <= echoGapMs(state.config))

/** Whether this incarnation may act as an owner at this moment. */
export const leaseHolds = (state: State, now: number): boolean =>
  state.phase === 'up' && state.status === 'up' && state.rules.leaseHolds(now, state.leaseUntil)
