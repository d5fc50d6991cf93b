/**
 * The judge of an evening. It knows the rules of a party from its own short copy of them, reads what was asked
 * (the session), what the players saw (answers with the times at which they were sent and had), what they heard
 * (chat notices) and what the parties say at the end, and finds every acknowledged command that did not take
 * effect exactly once.
 *
 * Each acknowledged change carries the version of the party that it made, so the changes of a party stand in one
 * order, without gaps. Replayed in that order they must give every view that any answer showed. An answer may
 * not be older than what had been acknowledged before it was asked, and a "no" must be true of a state that the
 * party had between question and answer. A command whose outcome nobody knows may count, once, or not.
 */
import type { Line } from './session.js'

/** What an answer shows of a party. Players and parties have the names that the session gives them. */
export interface View {
  readonly version: number
  readonly leader: string
  readonly members: readonly string[]
  readonly invites: readonly string[]
  /** Chat lines so far. */
  readonly chats: number
}

/** What the player saw of one command. Times are milliseconds of one clock. */
export interface Answer {
  readonly n: number
  readonly sentAt: number
  readonly answeredAt: number
  readonly outcome:
    | { readonly tag: 'ok'; readonly version?: number; readonly view?: View; readonly chat?: number }
    | { readonly tag: 'refused'; readonly code: string }
    | { readonly tag: 'unknown'; readonly error: string }
}

/** A chat line that reached somebody. */
export interface Heard {
  readonly by: string
  readonly party: string
  readonly chat: number
  readonly from: string
  readonly text: string
}

export interface Played {
  readonly lines: readonly Line[]
  readonly partySizeMax: number
  readonly answers: readonly Answer[]
  readonly heard: readonly Heard[]
  /** What each party said when all was over; a code when it refused. */
  readonly final: ReadonlyMap<string, View | string>
}

/** `lost`: something acknowledged is not there. `doubled`: something is there more often than it was asked for. */
export interface Fault {
  readonly kind: 'lost' | 'doubled'
  readonly party: string
  readonly text: string
}

export interface Verdict {
  readonly acknowledged: number
  readonly refused: number
  /** Commands without any answer in time. */
  readonly unknown: number
  readonly refusals: ReadonlyMap<string, number>
  readonly faults: readonly Fault[]
  readonly lost: number
  readonly doubled: number
}

type State = View | undefined
interface Done {
  readonly line: Line
  readonly answer: Answer
}

/** How long a player's slot may still name a party that the player is no longer in. */
const slotSettlesMs = 5_000

const without = (list: readonly string[], gone: string): string[] => list.filter((one) => one !== gone)

/** Every "no" that the rules of a party allow for this command in this state. */
const objections = (state: State, line: Line, sizeMax: number): Set<string> => {
  const codes = new Set<string>()
  if (line.cmd === 'create') return state === undefined ? codes : codes.add('ALREADY_EXISTS')
  if (state === undefined) return codes.add('NO_SUCH_PARTY')
  const { player, target = '' } = line
  const isMember = state.members.includes(player)
  const leads = ['invite', 'cancelInvite', 'transfer', 'kick', 'disband'].includes(line.cmd)
  if (leads && state.leader !== player) codes.add('NOT_LEADER')
  if (!isMember && !['accept', 'decline', 'info'].includes(line.cmd)) codes.add('NOT_IN_PARTY')
  if (line.cmd === 'invite') {
    if (state.members.includes(target)) codes.add('ALREADY_MEMBER')
    if (state.invites.includes(target)) codes.add('ALREADY_INVITED')
    if (state.members.length + state.invites.length >= sizeMax) codes.add('PARTY_FULL')
  }
  if (line.cmd === 'cancelInvite' && !state.invites.includes(target)) codes.add('NOT_INVITED')
  if (line.cmd === 'accept' && isMember) codes.add('ALREADY_MEMBER')
  if ((line.cmd === 'accept' || line.cmd === 'decline') && !state.invites.includes(player)) {
    codes.add('NOT_INVITED')
  }
  if (line.cmd === 'kick' && target === player) codes.add('SELF_TARGET')
  if ((line.cmd === 'kick' || line.cmd === 'transfer') && !state.members.includes(target)) {
    codes.add('NOT_A_MEMBER')
  }
  const isLeaderOfOthers = state.leader === player && state.members.length > 1
  return line.cmd === 'leave' && isLeaderOfOthers ? codes.add('LEADER_CANNOT_LEAVE') : codes
}

/** The state after a command that nothing objects to. */
const applied = (state: State, line: Line): State => {
  const { player, target = '' } = line
  const version = (state?.version ?? 0) + 1
  if (line.cmd === 'create' || state === undefined) {
    return { version, leader: player, members: [player], invites: [], chats: 0 }
  }
  const { members, invites } = state
  if (line.cmd === 'disband') return undefined
  if (line.cmd === 'invite') return { ...state, version, invites: [...invites, target] }
  if (line.cmd === 'cancelInvite') return { ...state, version, invites: without(invites, target) }
  if (line.cmd === 'decline') return { ...state, version, invites: without(invites, player) }
  if (line.cmd === 'transfer') return { ...state, version, leader: target }
  if (line.cmd === 'kick') return { ...state, version, members: without(members, target) }
  if (line.cmd === 'accept') {
    return { ...state, version, members: [...members, player], invites: without(invites, player) }
  }
  const left = without(members, player)
  return left.length === 0 ? undefined : { ...state, version, members: left }
}

/** One party under examination. */
interface Case {
  readonly name: string
  readonly sizeMax: number
  readonly done: readonly Done[]
  readonly final: View | string | undefined
  /** The state after each version; index 0 is before it was created. */
  readonly states: State[]
  /** Which command made each version, when one did. */
  readonly makers: (Done | undefined)[]
  readonly fault: (kind: Fault['kind'], text: string) => void
}

const isChange = ({ line }: Done): boolean => line.cmd !== 'chat' && line.cmd !== 'info'
const isOk = ({ answer }: Done): boolean => answer.outcome.tag === 'ok'
const isUnknown = ({ answer }: Done): boolean => answer.outcome.tag === 'unknown'
const viewOf = ({ answer }: Done): View | undefined =>
  answer.outcome.tag === 'ok' ? answer.outcome.view : undefined
const versionOf = (done: Done): number | undefined =>
  done.answer.outcome.tag === 'ok' ? done.answer.outcome.version : undefined
const chatOf = ({ answer }: Done): number | undefined =>
  answer.outcome.tag === 'ok' ? answer.outcome.chat : undefined
const nameOf = ({ line }: Done): string =>
  `command ${line.n} (${line.cmd}${line.target === undefined ? '' : ` ${line.target}`} by ${line.player})`

const isSame = (one: View, other: View): boolean =>
  one.leader === other.leader &&
  one.members.join() === other.members.join() &&
  [...one.invites].sort().join() === [...other.invites].sort().join()
const show = (state: State): string =>
  state === undefined
    ? 'no party'
    : `${state.members.join()} led by ${state.leader}, invited: ${state.invites.join() || 'nobody'}`

/** The acknowledged changes by the version that each made. */
const changesByVersion = (party: Case): Map<number, Done> => {
  const byVersion = new Map<number, Done>()
  for (const done of party.done.filter((one) => isChange(one) && isOk(one))) {
    const version = versionOf(done)
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
  const finalVersion = typeof party.final === 'object' ? party.final.version : 0
  const last = Math.max(finalVersion, ...byVersion.keys())
  for (let version = 1; version <= last; version += 1) {
    const before = party.states[version - 1]
    const maker = byVersion.get(version) ?? guess(party, before, open, byVersion.get(version + 1))
    party.makers[version] = maker
    if (maker === undefined) {
      party.fault('doubled', `version ${version} was made by nothing that was asked for once`)
      party.states[version] = resumed(before, version, byVersion.get(version + 1))
      continue
    }
    open.delete(maker)
    party.states[version] = judgeChange(party, maker, before)
  }
}

/** A command of unknown outcome that may have made the next version: best one after which what follows fits. */
const guess = (party: Case, before: State, open: Set<Done>, after: Done | undefined): Done | undefined => {
  const able = [...open].filter((one) => objections(before, one.line, party.sizeMax).size === 0)
  const fits = able.find((one) => {
    const state = applied(before, one.line)
    const seen = after && viewOf(after)
    if (after === undefined || objections(state, after.line, party.sizeMax).size > 0) return false
    const then = applied(state, after.line)
    return seen === undefined || then === undefined || isSame(then, seen)
  })
  return fits ?? able[0]
}

/** Goes on after a version that nobody can explain, so that one fault is not reported many times. */
const resumed = (before: State, version: number, after: Done | undefined): State => {
  const seen = after && viewOf(after)
  const base = before ?? seen
  return base && { ...base, version }
}

const judgeChange = (party: Case, { line, answer }: Done, before: State): State => {
  const done = { line, answer }
  const no = [...objections(before, line, party.sizeMax)]
  const seen = viewOf(done)
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

/** Reads and refusals must be true of a state between question and answer; changes must come after what was known. */
const judgeAnswers = (party: Case, spans: Spans): void => {
  for (const done of party.done) {
    const { low, high } = windowOf(party, done)
    const possible = party.states.slice(low, high + 1)
    const { outcome } = done.answer
    if (outcome.tag === 'refused') {
      const isTrue = possible.some((state) => objections(state, done.line, party.sizeMax).has(outcome.code))
      if (isTrue || (outcome.code === 'ALREADY_IN_PARTY' && spans.has(done))) continue
      party.fault('lost', `${nameOf(done)} was refused ${outcome.code}, which was never true`)
    } else if (outcome.tag === 'ok') {
      judgeOrder(party, done, low, high)
    }
  }
}

const judgeOrder = (party: Case, done: Done, low: number, high: number): void => {
  const version = versionOf(done) ?? 0
  const isRead = done.line.cmd === 'info'
  if (isChange(done) && version < low) {
    party.fault('lost', `${nameOf(done)} made version ${version} when ${low} had been acknowledged before`)
  }
  if (done.line.cmd === 'chat') {
    const isMember = party.states.slice(low, high + 1).some((state) => state?.members.includes(done.line.player))
    if (!isMember) party.fault('lost', `${nameOf(done)} was acknowledged from somebody outside`)
  }
  if (!isRead) return
  const seen = viewOf(done)
  const state = party.states[version]
  if (version < low || version > high || seen === undefined || state === undefined || !isSame(seen, state)) {
    party.fault('lost', `${nameOf(done)} read version ${version} with ${show(seen)}, acknowledged: ${show(state)}`)
  }
}

/** Chat lines are numbered without gaps, later ones higher, each line once, and everybody hears the same. */
const judgeChats = (party: Case, heard: readonly Heard[]): void => {
  const byNumber = new Map<number, Done>()
  const chats = party.done.filter(({ line }) => line.cmd === 'chat')
  for (const done of chats) {
    const chat = chatOf(done)
    if (!isOk(done)) continue
    if (chat === undefined) party.fault('lost', `${nameOf(done)} was acknowledged without a number`)
    else if (byNumber.has(chat)) party.fault('lost', `${nameOf(done)} shares chat number ${chat}`)
    else byNumber.set(chat, done)
  }
  const said = [...byNumber].sort(([a], [b]) => a - b)
  let latestSent = Number.NEGATIVE_INFINITY
  for (const [chat, done] of said) {
    if (done.answer.answeredAt < latestSent) {
      party.fault('lost', `${nameOf(done)} was answered before chat lines below ${chat} were sent`)
    }
    latestSent = Math.max(latestSent, done.answer.sentAt)
  }
  const last = said.at(-1)?.[0] ?? 0
  const final = typeof party.final === 'object' ? party.final.chats : last
  if (final < last) party.fault('lost', `the party knows ${final} chat lines; number ${last} was acknowledged`)
  const extra = Math.max(final, last) - said.length - chats.filter(isUnknown).length
  if (extra > 0) party.fault('doubled', `${extra} chat lines more than anybody said`)
  judgeHeard(party, chats, heard)
}

const judgeHeard = (party: Case, chats: readonly Done[], heard: readonly Heard[]): void => {
  const asked = new Map(chats.map((done) => [`${done.line.player} ${done.line.text}`, done]))
  const numbers = new Map<Done, number>()
  const had = new Set<string>()
  for (const { by, chat, from, text } of heard) {
    const done = asked.get(`${from} ${text}`)
    if (done === undefined || done.answer.outcome.tag === 'refused') {
      party.fault('doubled', `${by} heard "${text}" from ${from}, which was not said`)
      continue
    }
    const known = chatOf(done) ?? numbers.get(done) ?? chat
    numbers.set(done, known)
    if (known !== chat) party.fault('doubled', `${nameOf(done)} was heard as number ${known} and ${chat}`)
    if (had.has(`${by} ${chat}`)) party.fault('doubled', `${by} heard chat line ${chat} twice`)
    had.add(`${by} ${chat}`)
  }
}

/** What the party says at the end must be what the changes add up to. */
const judgeEnd = (party: Case): void => {
  const state = party.states.at(-1)
  if (party.final === undefined) return
  if (typeof party.final === 'string') {
    if (state) party.fault('lost', `the party answers ${party.final} at the end; acknowledged: ${show(state)}`)
    return
  }
  const { version } = party.final
  if (state === undefined || version < state.version) {
    const last = party.states.length - 1
    party.fault('lost', `the party ends at version ${version}, acknowledged up to ${last}: ${show(state)}`)
  } else if (!isSame(party.final, state)) {
    party.fault('lost', `the party ends with ${show(party.final)}, acknowledged: ${show(state)}`)
  }
}

interface Span {
  readonly party: string
  /** Surely a member from … until, possibly one from … until. */
  readonly surely: readonly [number, number]
  readonly possibly: readonly [number, number]
}
interface Spans {
  has(done: Done): boolean
  readonly byPlayer: ReadonlyMap<string, readonly Span[]>
}

/** When each player was in which party. */
const findSpans = (parties: readonly Case[]): Spans => {
  const byPlayer = new Map<string, Span[]>()
  for (const party of parties) {
    const joined = new Map<string, Done | undefined>()
    for (const [version, state] of party.states.entries()) {
      const maker = party.makers[version]
      for (const player of state?.members ?? []) if (!joined.has(player)) joined.set(player, maker)
      for (const [player, by] of joined) {
        if (state?.members.includes(player)) continue
        joined.delete(player)
        addSpan(byPlayer, player, spanOf(party.name, by, maker))
      }
    }
    for (const [player, by] of joined) addSpan(byPlayer, player, spanOf(party.name, by, undefined))
  }
  const has = ({ line, answer }: Done): boolean =>
    (byPlayer.get(line.player) ?? []).some(
      ({ possibly: [from, until] }) => from <= answer.answeredAt && until >= answer.sentAt,
    )
  return { has, byPlayer }
}
const addSpan = (byPlayer: Map<string, Span[]>, player: string, span: Span): void => {
  byPlayer.set(player, [...(byPlayer.get(player) ?? []), span])
}
const spanOf = (party: string, by: Done | undefined, until: Done | undefined): Span => ({
  party,
  surely: [by?.answer.answeredAt ?? Number.POSITIVE_INFINITY, until?.answer.sentAt ?? Number.POSITIVE_INFINITY],
  possibly: [
    by?.answer.sentAt ?? Number.NEGATIVE_INFINITY,
    until === undefined ? Number.POSITIVE_INFINITY : until.answer.answeredAt + slotSettlesMs,
  ],
})

/** Nobody was in two parties at once. */
const judgeSlots = (spans: Spans, fault: (party: string, text: string) => void): void => {
  for (const [player, all] of spans.byPlayer) {
    const sorted = [...all].sort((a, b) => a.surely[0] - b.surely[0])
    for (const [at, span] of sorted.entries()) {
      const next = sorted[at + 1]
      if (next === undefined || next.surely[0] >= span.surely[1]) continue
      if (Number.isFinite(next.surely[0])) fault(next.party, `${player} was in ${span.party} at the same time`)
    }
  }
}

/** Judges an evening that was played. */
export const judge = (played: Played): Verdict => {
  const faults: Fault[] = []
  const answers = new Map(played.answers.map((answer) => [answer.n, answer]))
  const unanswered = (n: number): Answer => ({
    n,
    sentAt: Number.NEGATIVE_INFINITY,
    answeredAt: Number.POSITIVE_INFINITY,
    outcome: { tag: 'unknown', error: 'no answer' },
  })
  const all = played.lines.map((line) => ({ line, answer: answers.get(line.n) ?? unanswered(line.n) }))
  const parties = [...groupBy(all, ({ line }) => line.party)].map(([name, done]): Case => ({
    name,
    sizeMax: played.partySizeMax,
    done,
    final: played.final.get(name),
    states: [undefined],
    makers: [undefined],
    fault: (kind, text) => faults.push({ kind, party: name, text }),
  }))
  parties.forEach(replay)
  const spans = findSpans(parties)
  const heard = groupBy(played.heard, ({ party }) => party)
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
