/** What a host may decide about sessions. Times are milliseconds. */
export interface SessionOptions {
  /** How long a player whose socket is gone may come back before being taken for gone. Default 60,000. */
  readonly graceMs: number
  /** A socket whose node has not said for so long that it holds it is gone. Default 60,000; several beats. */
  readonly silenceMs: number
  /** How many invitations wait for a player; the oldest is dropped. Default 32. */
  readonly invitationsCountMax: number
}

export const sessionDefaults: SessionOptions = { graceMs: 60_000, silenceMs: 60_000, invitationsCountMax: 32 }

/** How often a node tells the sessions of its sockets that it holds them. */
export const beatMs = 20_000
