/**
 * A circle of friends as the script imagines it: who would lead, be invited or sit in which party if every
 * command were obeyed. It only serves to choose the next sensible, or deliberately senseless, command; what
 * really comes of a command is never written down.
 */
export interface Party {
  readonly name: string
  leader: string
  members: string[]
  invites: string[]
  isMuted: boolean
  age: number
}

export interface Circle {
  readonly name: string
  readonly players: readonly string[]
  readonly sizeMax: number
  parties: Party[]
  /** Names of parties that were disbanded or left by all. */
  ended: string[]
  /** How many names of parties were used. */
  named: number
}

/** Chooses an element; a seed decides. */
export type Pick = <A>(from: readonly A[]) => A | undefined

export const partyOf = (circle: Circle, player: string): Party | undefined =>
  circle.parties.find((party) => party.members.includes(player))
export const isFull = (circle: Circle, party: Party): boolean =>
  party.members.length + party.invites.length >= circle.sizeMax
/** Players of the circle who are in no party and not invited to this one. */
export const strangers = (circle: Circle, party: Party): string[] =>
  circle.players.filter((player) => !partyOf(circle, player) && !party.invites.includes(player))
