/**
 * The judge of an evening. From its own short copy of the rules, what was asked, what the players saw and
 * heard, and what the parties say at the end, it finds every acknowledged command that did not take effect
 * exactly once.
 *
 * Each change of a party is one version, and says which: so they stand in one order, without gaps, and
 * replayed in it give every view that was shown. An answer is not older than what was acknowledged before it
 * was asked; a "no" is true of a state between question and answer. By itself a party only lets invitations
 * run out. A command of unknown outcome may count, once, or not at all.
 */
import { type Case, type Done, isChange, isOk, isUnknown, nameOf, okOf, type State } from './case.js'
import { judgeChats } from './chats.js'
import type { Fault, Played, Verdict } from './evidence.js'
import { applied, isSame, isSoAlready, objections, show, without } from './rules.js'
import { findSpans, judgeSlots, type Spans } from './spans.js'

/** The acknowledged changes by the version that each made. */
const changesByVersion = (party: Case): Map<number, Done> => {
  const byVersion = new Map<number, Done>()
  for (const done of party.done.filter((one) => isChange(one) && isOk(one))) {
    const version = okOf(done)?.version
    if (version === undefined) {
      party.fault('lost', `${nameOf(done)} was acknowledged without a version`)
      continue
    }
    const other = byVersion.get(version)
    if (other) party.fault('lost', `${nameOf(other)} and ${nameOf(done)} were both given version ${version}`)
    byVersion.set(version, done)
  }
  return byVersion
}

/** Puts the changes of a party in order and replays them. */
const replay = (party: Case): void => {
  const byVersion = changesByVersion(party)
  const open = new Set(party.done.filter((one) => isChange(one) && isUnknown(one)))
  const last = Math.max(party.ending?.view?.version ?? 0, ...byVersion.keys())
  for (let version = 1; version <= last; version += 1) {
    const before = party.states[version - 1]
    const after = byVersion.get(version + 1)
    const own = byVersion.has(version) ? undefined : ownChange(party, before, version, after)
    const maker = byVersion.get(version) ?? (own?.isCertain ? undefined : guess(party, before, open, after))
    party.makers[version] = maker
    if (maker !== undefined) {
      open.delete(maker)
      party.states[version] = judgeChange(party, maker, before)
      continue
    }
    party.states[version] = own?.state ?? (before && { ...before, version })
    if (own === undefined) party.fault('doubled', `version ${version} was made by nothing that was asked for`)
  }
}

interface Own {
  readonly state: State
  /** Somebody was told of it. */
  readonly isCertain: boolean
}

/** What the party may have done by itself to make this version: an invitation ran out, in its time. */
const ownChange = (party: Case, before: State, version: number, after: Done | undefined): Own | undefined => {
  const { evidence } = party
  const told = party.expired.get(version)
  const latest = after?.answer.answeredAt ?? evidence.endedAt
  const isOver = (player: string): boolean => invitedAt(party, player, version) + evidence.inviteMs <= latest
  const player = told ?? before?.invites.find(isOver)
  if (before === undefined || player === undefined || !isOver(player)) return undefined
  return {
    state: { ...before, version, invites: without(before.invites, player) },
    isCertain: told !== undefined,
  }
}

/** When the invitation that stands at a version was asked for. */
const invitedAt = (party: Case, player: string, version: number): number => {
  const maker = party.makers
    .slice(0, version)
    .findLast((one) => one?.line.cmd === 'invite' && one.line.target === player)
  return maker?.answer.sentAt ?? Number.POSITIVE_INFINITY
}

/** A command of unknown outcome that may have made the next version: best one that what follows fits. */
const guess = (party: Case, before: State, open: Set<Done>, after: Done | undefined): Done | undefined => {
  const able = [...open].filter(
    ({ line }) => objections(party, before, line).size === 0 && !isSoAlready(before, line),
  )
  const fits = able.find((one) => {
    const state = applied(before, one.line)
    const seen = after && okOf(after)?.view
    if (after === undefined || objections(party, state, after.line).size > 0) return false
    const then = applied(state, after.line)
    return seen === undefined || then === undefined || isSame(then, seen)
  })
  return fits ?? able[0]
}

const judgeChange = (party: Case, done: Done, before: State): State => {
  const { line } = done
  const no = [...objections(party, before, line)]
  const seen = okOf(done)?.view
  if (no.length > 0) {
    const kind = no.some((code) => code.startsWith('ALREADY')) ? 'doubled' : 'lost'
    party.fault(kind, `${nameOf(done)} was acknowledged, but what came before it means ${no.join()}`)
    return seen ?? applied(before, line)
  }
  const after = applied(before, line)
  if (seen === undefined || after === undefined || isSame(after, seen)) return after
  party.fault('lost', `${nameOf(done)} showed ${show(seen)}, but acknowledged changes give ${show(after)}`)
  return seen
}

/** The versions that a party may have had between a question and its answer. */
const windowOf = (party: Case, { answer }: Done): { readonly low: number; readonly high: number } => {
  let low = 0
  let high = party.states.length - 1
  for (const [version, maker] of party.makers.entries()) {
    if (maker === undefined) continue
    if (isOk(maker) && maker.answer.answeredAt < answer.sentAt) low = Math.max(low, version)
    if (maker.answer.sentAt > answer.answeredAt) high = Math.min(high, version - 1)
  }
  return { low, high }
}

/**
 * Reads and refusals must be true of a state between question and answer; changes must come after what
 * was known.
 */
const judgeAnswers = (party: Case, spans: Spans): void => {
  for (const done of party.done) {
    const { low, high } = windowOf(party, done)
    const until = { ...party, states: party.states.slice(0, high + 1) }
    const { outcome } = done.answer
    if (outcome.tag === 'refused') {
      const isNo = (state: State): boolean => objections(until, state, done.line).has(outcome.code)
      const isTrue = until.states.slice(low).some(isNo)
      if (isTrue || isTrueOfPlayers(party, done, outcome.code, spans)) continue
      party.fault('lost', `${nameOf(done)} was refused ${outcome.code}, which was never true`)
    } else if (outcome.tag === 'ok') {
      judgeOrder(party, done, low, high)
    }
  }
}

/** Refusals that are about players, not about the state of the party. */
const isTrueOfPlayers = (party: Case, done: Done, code: string, spans: Spans): boolean => {
  const { evidence } = party
  const { line, answer } = done
  const isThen = (from: number, until: number): boolean => from <= answer.answeredAt && until >= answer.sentAt
  if (code === 'ALREADY_IN_PARTY') {
    return (spans.get(line.player) ?? []).some(({ possibly: [from, until] }) => isThen(from, until))
  }
  if (code === 'INVITE_EXPIRED') {
    const isOver = (one: Done | undefined): boolean =>
      one?.line.cmd === 'invite' &&
      one.line.target === line.player &&
      one.answer.sentAt + evidence.inviteMs <= answer.answeredAt
    return party.makers.some(isOver)
  }
  if (code !== 'TARGET_OFFLINE') return false
  return evidence.absences.some((one) => one.player === line.target && isThen(one.from, one.until))
}

const judgeOrder = (party: Case, done: Done, low: number, high: number): void => {
  const version = okOf(done)?.version ?? 0
  if (isChange(done) && version < low) {
    party.fault('lost', `${nameOf(done)} made version ${version} when ${low} had been acknowledged before`)
  }
  const possible = party.states.slice(low, high + 1)
  const outcome = okOf(done)
  if (done.line.cmd === 'chat') {
    const may = possible.some((state) => objections(party, state, done.line).size === 0)
    if (!may) party.fault('lost', `${nameOf(done)} was acknowledged from somebody outside or muted`)
  }
  if (outcome?.changed === false) {
    const isTrue = possible.some(
      (state) => state?.version === outcome.version && isSoAlready(state, done.line),
    )
    if (!isTrue) party.fault('lost', `${nameOf(done)} changed nothing, but it was not so already`)
  }
  if (done.line.cmd !== 'info') return
  const seen = okOf(done)?.view
  const isTrue =
    seen === undefined
      ? possible.includes(undefined)
      : possible.some((state) => state?.version === seen.version && isSame(seen, state))
  if (!isTrue) party.fault('lost', `${nameOf(done)} read ${show(seen)}, acknowledged: ${show(possible[0])}`)
}

/** What the party says at the end must be what the changes add up to. */
const judgeEnd = (party: Case): void => {
  const state = party.states.at(-1)
  if (party.ending === undefined) return
  const { view } = party.ending
  if (view === undefined) {
    if (state) party.fault('lost', `the party is gone at the end; acknowledged: ${show(state)}`)
  } else if (state === undefined || view.version < state.version) {
    const text = `ends at version ${view.version} of ${party.states.length - 1} acknowledged: ${show(state)}`
    party.fault('lost', `the party ${text}`)
  } else if (!isSame(view, state)) {
    party.fault('lost', `the party ends with ${show(view)}, acknowledged: ${show(state)}`)
  }
}

const noAnswer = {
  sentAt: Number.NEGATIVE_INFINITY,
  answeredAt: Number.POSITIVE_INFINITY,
  outcome: { tag: 'unknown', error: 'no answer' },
} as const

/** Judges an evening that was played. */
export const judge = (played: Played): Verdict => {
  const faults: Fault[] = []
  const expired = groupBy(
    played.heard.filter((one) => one.tag === 'expired'),
    ({ party }) => party,
  )
  const answers = new Map(played.answers.map((answer) => [answer.n, answer]))
  const all = played.lines.map((line) => ({
    line,
    answer: answers.get(line.n) ?? { n: line.n, ...noAnswer },
  }))
  const parties = [...groupBy(all, ({ line }) => line.party)].map(
    ([name, done]): Case => ({
      name,
      evidence: played,
      expired: new Map((expired.get(name) ?? []).map(({ version, player }) => [version, player])),
      done,
      ending: played.endings.get(name),
      states: [undefined],
      makers: [undefined],
      fault: (kind, text) => faults.push({ kind, party: name, text }),
    }),
  )
  parties.forEach(replay)
  const spans = findSpans(parties)
  const heard = groupBy(
    played.heard.filter((one) => one.tag === 'chat'),
    ({ party }) => party,
  )
  for (const party of parties) {
    judgeAnswers(party, spans)
    judgeChats(party, heard.get(party.name) ?? [])
    judgeEnd(party)
  }
  judgeSlots(spans, (party, text) => faults.push({ kind: 'doubled', party, text }))
  return summary(all, faults)
}

const groupBy = <A>(list: readonly A[], key: (one: A) => string): Map<string, A[]> => {
  const groups = new Map<string, A[]>()
  for (const one of list) {
    const group = groups.get(key(one))
    if (group) group.push(one)
    else groups.set(key(one), [one])
  }
  return groups
}

const summary = (all: readonly Done[], faults: readonly Fault[]): Verdict => {
  const refusals = new Map<string, number>()
  for (const { answer } of all) {
    if (answer.outcome.tag !== 'refused') continue
    refusals.set(answer.outcome.code, (refusals.get(answer.outcome.code) ?? 0) + 1)
  }
  return {
    acknowledged: all.filter(isOk).length,
    refused: [...refusals.values()].reduce((sum, count) => sum + count, 0),
    unknown: all.filter(isUnknown).length,
    refusals,
    faults,
    lost: faults.filter(({ kind }) => kind === 'lost').length,
    doubled: faults.filter(({ kind }) => kind === 'doubled').length,
  }
}
