/** What a host may decide about its parties. */
export interface PartyOptions {
  /** Members and invitations together. 1 … 256, default 8. */
  readonly sizeMax: number
  /** How long an invitation holds, in milliseconds. Default 300,000. */
  readonly inviteMs: number
  /** True: every member may invite and cancel invitations. Default false: only the leader. */
  readonly allInvite: boolean
  /** True: also players who are gone may be invited. Default false: TARGET_OFFLINE. */
  readonly inviteOffline: boolean
  /**
   * What becomes of a leader's `Leave` while others are there. Default `refuse`; `promote`: the
   * longest-serving member leads, preferably one who is online.
   */
  readonly leaderLeave: 'refuse' | 'promote'
  /**
   * How long a leader may be offline, in milliseconds. Then the longest-serving member who is online leads;
   * if there is none the party ends. Default 300,000; longer than the session's grace.
   */
  readonly graceMs: number
  /** How long a party that ended is remembered, so that its id is not used again. Default 600,000. */
  readonly tombstoneMs: number
}

export const partyDefaults: PartyOptions = {
  sizeMax: 8,
  inviteMs: 300_000,
  allInvite: false,
  inviteOffline: false,
  leaderLeave: 'refuse',
  graceMs: 300_000,
  tombstoneMs: 600_000,
}

const requireWhole = (name: keyof PartyOptions, value: number, max: number): void => {
  if (Number.isSafeInteger(value) && value >= 1 && value <= max) return
  throw new RangeError(`party option ${name}: expected a whole number from 1 to ${max}`)
}

const dayMs = 86_400_000

/** Fills in the defaults. Throws a sentence that names the option when one is out of its range. */
export const partyOptions = (given: Partial<PartyOptions> = {}): PartyOptions => {
  const options = { ...partyDefaults, ...given }
  requireWhole('sizeMax', options.sizeMax, 256)
  requireWhole('inviteMs', options.inviteMs, dayMs)
  requireWhole('graceMs', options.graceMs, dayMs)
  requireWhole('tombstoneMs', options.tombstoneMs, dayMs)
  return options
}
