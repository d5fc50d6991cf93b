/** Who goes out of a party, and why: left, kicked, cleared, disbanded, abandoned. */
import { act, next, putOff, reply } from '../../lib/index.js'
import { close, depart, farewell, type Move } from './departing.js'
import { leaderChange } from './leader.js'
import type { PartyOptions } from './options.js'
import { Own, type Steps } from './own.js'
import { leaderMay, mayDisband, mayKick, mayLeave } from './rules.js'
import * as S from './state.js'

type Leaves = 'Leave' | 'Kick' | 'Clear' | 'Disband' | 'Released' | 'LeaderOverdue' | 'Forget'

/** Answered by `Released`, when the last slot is free. */
const answeredLater = ({ party, actions }: Move) => putOff(party, ...actions)

export const leaving = (options: PartyOptions): Pick<Steps, Leaves> => ({
  Leave: (party, { player }, at) => {
    const code = mayLeave(party, player, options)
    if (code !== undefined) return S.no(code)
    const exit = { ask: at.asked, now: at.now }
    if (party.members.length === 1) return answeredLater(close(party, { why: 'empty', ...exit }, options))
    const going = party.members.filter((member) => member.player === player)
    const leader = party.leader === player ? (S.successor(party, player)?.player ?? null) : party.leader
    return answeredLater(depart(party, { going, leader, why: 'left', ...exit }, options))
  },
  Kick: (party, { by, target }, at) => {
    const code = mayKick(party, by, target)
    if (code !== undefined) return S.no(code)
    const going = party.members.filter((member) => member.player === target)
    const exit = { leader: party.leader, why: 'kicked', ask: at.asked, now: at.now } as const
    return answeredLater(depart(party, { going, ...exit }, options))
  },
  Clear: (party, { by, includeGrace }, at) => {
    const code = leaderMay(party, by)
    if (code !== undefined) return S.no(code)
    const going = party.members.filter(
      ({ player, presence: { status } }) =>
        player !== party.leader && (status === 'gone' || (includeGrace && status === 'away')),
    )
    if (going.length === 0) return reply(party, { version: party.version, removed: [] })
    const exit = { leader: party.leader, why: 'cleared', ask: at.asked, now: at.now } as const
    return answeredLater(depart(party, { going, ...exit }, options))
  },
  Disband: (party, { by, asAdmin }, at) => {
    const code = mayDisband(party, by, asAdmin)
    if (code !== undefined) return S.no(code)
    return answeredLater(close(party, { why: 'disbanded', ask: at.asked, now: at.now }, options))
  },

  Released: (party, { player, departure }) => {
    const going = party.departures.find(({ number }) => number === departure)
    if (going === undefined) return next(party)
    const others = party.departures.filter(({ number }) => number !== departure)
    const waiting = going.waiting.filter((one) => one !== player)
    const told = farewell(party, player, going)
    if (waiting.length > 0) return next({ ...party, departures: [...others, { ...going, waiting }] }, ...told)
    const answer = going.ask === null ? [] : [act.answer(going.ask, going.gone)]
    return next({ ...party, departures: others }, ...told, ...answer)
  },

  LeaderOverdue: (party, { leader, since }, at) => {
    if (party.leader !== leader || S.memberOf(party, leader)?.offlineSince !== since) return next(party)
    const heir = party.members.find(S.isOnline)
    if (heir === undefined) {
      const ended = close(party, { why: 'abandoned', ask: null, now: at.now }, options)
      return next(ended.party, ...ended.actions)
    }
    const led = S.changed(party, { leader: heir.player })
    return next(led, ...leaderChange(party, led, options, at.now))
  },
  Forget: (party) => {
    if (party.phase !== 'none' && party.phase !== 'closed') return next(party)
    const isBusy = party.departures.length + party.joining.length + party.lookups.length > 0
    return next(party, isBusy ? act.after(options.tombstoneMs, Own.Forget(), 'forget') : act.stop())
  },
})
