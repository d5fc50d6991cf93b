/** The invitations that wait for a player, who may be away when they come. */
import type { PlayerId } from '../ids.js'
import type { Notice } from '../notices.js'
import type { Invitation } from './protocol.js'

interface Waiting {
  readonly player: PlayerId
  readonly invitations: Invitation[]
}

export const withoutOld = (invitations: readonly Invitation[], now: number): Invitation[] =>
  invitations.filter(({ expiresAt }) => expiresAt > now)

/** What waits after this notice; the same array when it changes nothing. */
export const afterNotice = (
  { player, invitations }: Waiting,
  notice: Notice,
  countMax: number,
): Invitation[] => {
  const isMine = 'player' in notice && notice.player === player
  const others = (party: string) => invitations.filter((one) => one.party !== party)
  if (notice.notice === 'invited' && isMine) {
    const { party, by, expiresAt } = notice
    return [...others(party), { party, by, expiresAt }].slice(-countMax)
  }
  const isEnded = (notice.notice === 'invite-ended' || notice.notice === 'joined') && isMine
  const isWaiting = isEnded && invitations.some(({ party }) => party === notice.party)
  return isWaiting ? others(notice.party) : invitations
}
