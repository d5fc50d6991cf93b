/** What members do while they are together: hand over the lead, talk or be muted, come and go online. */
import { reply } from '../../lib/index.js'
import { isNewer } from '../presence.js'
import { leaderChange, leaderWatch } from './leader.js'
import type { PartyOptions } from './options.js'
import type { Steps } from './own.js'
import { leaderMay, mayChat, mayTransfer } from './rules.js'
import * as S from './state.js'

type Meets = 'Transfer' | 'Mute' | 'Chat' | 'Info' | 'Presence' | 'Holds'

export const together = (options: PartyOptions): Pick<Steps, Meets> => ({
  Transfer: (party, { by, target }, at) => {
    const code = mayTransfer(party, by, target)
    if (code !== undefined) return S.no(code)
    if (by === target) return reply(party, { version: party.version, changed: false })
    const led = S.changed(party, { leader: target })
    return reply(led, { version: led.version, changed: true }, ...leaderChange(party, led, options, at.now))
  },
  Mute: (party, { by, muted }) => {
    const code = leaderMay(party, by)
    if (code !== undefined) return S.no(code)
    if (party.settings.muted === muted) return reply(party, { version: party.version, changed: false })
    const set = S.changed(party, { settings: { ...party.settings, muted } })
    const { id, settings, version } = set
    const notice = { notice: 'settings-changed', party: id, settings, version } as const
    return reply(set, { version, changed: true }, ...S.tellMembers(set, notice))
  },
  Chat: (party, { by, text }) => {
    const code = mayChat(party, by)
    if (code !== undefined) return S.no(code)
    const number = party.lastChat + 1
    const line = { notice: 'chat', party: party.id, from: by, text: text.trim(), number } as const
    return reply({ ...party, lastChat: number }, { number }, ...S.tellMembers(party, line))
  },
  Info: (party) => (party.leader === null ? null : S.viewOf(party, party.leader, options.sizeMax)),

  Presence: (party, { player, presence }, at) => {
    const member = S.memberOf(party, player)
    if (member === undefined) return reply({ ...party, joining: withNews(party.joining, player, presence) })
    if (!isNewer(presence, member.presence)) return reply(party)
    const online = presence.status === 'online'
    const offlineSince = online ? null : (member.offlineSince ?? at.now)
    const members = party.members.map((one) => (one === member ? { ...one, presence, offlineSince } : one))
    if (online === S.isOnline(member)) return reply({ ...party, members })
    const told = { ...party, members }
    const notice = { notice: 'presence', party: party.id, player, online } as const
    return reply(
      told,
      undefined,
      ...S.tellMembers(told, notice),
      ...leaderWatch(party, told, options, at.now),
    )
  },
  Holds: (party, { player, claim }) => {
    const member = S.memberOf(party, player)
    const isJoining = party.joining.some((one) => one.player === player)
    return isJoining || (member !== undefined && member.claim >= claim)
  },
})

const withNews = (
  joining: readonly S.Joining[],
  player: S.Joining['player'],
  news: S.Member['presence'],
): S.Joining[] =>
  joining.map((one) =>
    one.player === player && (one.news === null || isNewer(news, one.news)) ? { ...one, news } : one,
  )
