/** What a gateway takes from its clients, and what it keeps for them. */
export interface GatewayLimits {
  /** Sockets at once; one more is closed with 1013. Default 10,000. */
  readonly connectionsCountMax: number
  /** Bytes of one message; a longer one closes its socket with 1009. Default 4,096. */
  readonly messageBytesMax: number
  /** Commands of one socket that are not answered yet; one more is answered RATE_LIMITED. Default 16. */
  readonly pendingCountMax: number
  /** Messages of one socket per second, evenly. Beyond it they are answered RATE_LIMITED. Default 20. */
  readonly ratePerSecond: number
  /** How many may come at once after a pause. Default 40. */
  readonly rateBurstCount: number
  /** So many messages over the rate in a row close the socket with 1008. Default 100. */
  readonly strikesCountMax: number
  /** Bytes that wait for a client that reads slowly; beyond it is closed with 1013. Default 262,144. */
  readonly bufferedBytesMax: number
  /** Milliseconds without a login after which a socket is closed with 1008. Default 10,000. */
  readonly loginMs: number
  /** So many refused logins close the socket with 1008. Default 5. */
  readonly loginTriesCountMax: number
  /** How long an answer may take, in milliseconds, before the client is told UNAVAILABLE. Default 5,000. */
  readonly answerMs: number
  /** A socket that does not answer a ping within this time is gone, in milliseconds. Default 30,000. */
  readonly pingMs: number
}

export const gatewayLimits: GatewayLimits = {
  connectionsCountMax: 10_000,
  messageBytesMax: 4_096,
  pendingCountMax: 16,
  ratePerSecond: 20,
  rateBurstCount: 40,
  strikesCountMax: 100,
  bufferedBytesMax: 262_144,
  loginMs: 10_000,
  loginTriesCountMax: 5,
  answerMs: 5_000,
  pingMs: 30_000,
}

/** Fills in the defaults. Throws a sentence that names the limit when one is no whole number above 0. */
export const limitsOf = (given: Partial<GatewayLimits> = {}): GatewayLimits => {
  for (const [name, value] of Object.entries(given)) {
    if (!(name in gatewayLimits)) throw new RangeError(`gateway limit ${name}: there is no such limit`)
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new RangeError(`gateway limit ${name}: expected a whole number above 0`)
    }
  }
  return { ...gatewayLimits, ...given }
}
