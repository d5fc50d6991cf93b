import { readFileSync } from 'node:fs'
import t from 'tap'
import { PartyCode } from '../../../actors/party/protocol.js'
import { writeEvening } from '../../../examples/evening/generate.js'
import type { Answer, Ending, Played } from '../../../examples/evening/evidence.js'
import { judge } from '../../../examples/evening/model.js'
import { readSession } from '../../../examples/evening/read-session.js'
import type { Cmd } from '../../../examples/evening/session.js'
import { playAlone } from '../../fixtures/evening.js'

const evening = writeEvening(7, 6_000)
const played = playAlone(evening, 1)

const isOk = (answer: Answer): boolean => answer.outcome.tag === 'ok'
const lineOf = (n: number) => {
  const line = evening.lines[n - 1]
  if (line === undefined) throw new Error(`no line ${n}`)
  return line
}
/** The `index`th acknowledged command of that name. */
const acknowledged = (cmd: Cmd, index = 40): Answer => {
  const found = played.answers.filter((answer) => isOk(answer) && lineOf(answer.n).cmd === cmd)[index]
  if (found === undefined) throw new Error(`no acknowledged ${cmd}`)
  return found
}
const withAnswer = (n: number, change: (answer: Answer) => Answer): Played => ({
  ...played,
  answers: played.answers.map((answer) => (answer.n === n ? change(answer) : answer)),
})
const withEnding = (change: (ending: Required<Ending>) => Ending): readonly [Played, string] => {
  const [name, ending] = [...played.endings].find(([, { view }]) => (view?.members.length ?? 0) > 2) ?? []
  if (name === undefined || ending?.view === undefined) throw new Error('no party of three at the end')
  const changed = change({ chats: 0, ...ending } as Required<Ending>)
  return [{ ...played, endings: new Map([...played.endings, [name, changed]]) }, name]
}

/** All but the one that says that no node runs player slots. */
const occurring = Object.keys(PartyCode.keys)
  .filter((code) => code !== 'SLOT_UNREACHABLE')
  .sort()

t.test(
  'judge - an evening in which all went well has no fault, and every refusal occurs in it',
  async (t) => {
    const verdict = judge(played)
    t.same(verdict.faults.slice(0, 5), [])
    t.equal(verdict.acknowledged + verdict.refused, 6_000)
    t.equal(verdict.unknown, 0)
    t.ok(Math.abs(verdict.refused - 300) < 60, `${verdict.refused} of 6,000 are refused`)
    t.same([...verdict.refusals.keys()].sort(), occurring)
  },
)

t.test('judge - in the evening that is kept every refusal that a party declares occurs', async (t) => {
  const verdict = judge(playAlone(readSession(), 1))
  t.same(verdict.faults.slice(0, 5), [])
  t.same([...verdict.refusals.keys()].sort(), occurring)
})

t.test('judge - an id that was refused as used, and that nobody had used, is lost', async (t) => {
  const fresh = played.answers.find(
    ({ n, outcome }) =>
      outcome.tag === 'refused' && outcome.code === 'ALREADY_IN_PARTY' && lineOf(n).cmd === 'create',
  )
  if (fresh === undefined) throw new Error('nobody tried to lead a second party')
  const outcome = { tag: 'refused', code: 'DUPLICATE' } as const
  const verdict = judge(withAnswer(fresh.n, (answer) => ({ ...answer, outcome })))
  t.match(
    verdict.faults.map(({ text }) => text),
    [/was refused DUPLICATE, which was never true/],
  )
})

t.test('judge - another order of the same evening has no fault either', async (t) => {
  for (const seed of [2, 3, 4]) t.same(judge(playAlone(evening, seed)).faults.slice(0, 3), [])
})

t.test('judge - a member that was acknowledged and is not there at the end is lost', async (t) => {
  const [evidence, party] = withEnding(({ view, chats }) => ({
    chats,
    view: { ...view, members: view.members.slice(0, -1) },
  }))
  const verdict = judge(evidence)
  t.equal(verdict.lost, 1)
  t.equal(verdict.faults[0]?.party, party)
})

t.test('judge - a party that ends at an older version, or not at all, has lost something', async (t) => {
  const [older] = withEnding(({ view, chats }) => ({ chats, view: { ...view, version: view.version - 1 } }))
  t.equal(judge(older).lost, 1)
  const [gone] = withEnding(() => ({}))
  t.equal(judge(gone).lost, 1)
})

t.test('judge - a reply that was lost and its command applied again is doubled', async (t) => {
  const chat = acknowledged('chat')
  const { party } = lineOf(chat.n)
  const number = chat.outcome.tag === 'ok' ? (chat.outcome.chat ?? 0) : 0
  const again = played.answers.map((answer) => {
    const { outcome } = answer
    const isLater = lineOf(answer.n).party === party && outcome.tag === 'ok' && (outcome.chat ?? 0) > number
    return isLater && outcome.chat !== undefined
      ? { ...answer, outcome: { ...outcome, chat: outcome.chat + 1 } }
      : answer
  })
  const endings = new Map(played.endings)
  const ending = endings.get(party)
  if (ending?.chats !== undefined) endings.set(party, { ...ending, chats: ending.chats + 1 })
  const verdict = judge({ ...played, heard: [], answers: again, endings })
  t.equal(verdict.doubled, 1)
  t.equal(verdict.lost, 0)
})

t.test('judge - a change that nobody asked for is doubled', async (t) => {
  const kick = acknowledged('kick', 5)
  const { party } = lineOf(kick.n)
  const from = kick.outcome.tag === 'ok' ? (kick.outcome.version ?? 0) : 0
  const shifted = played.answers.map((answer) => {
    const { outcome } = answer
    if (lineOf(answer.n).party !== party || outcome.tag !== 'ok' || (outcome.version ?? 0) <= from)
      return answer
    const version = (outcome.version ?? 0) + 1
    const view = outcome.view === undefined ? {} : { view: { ...outcome.view, version } }
    return { ...answer, outcome: { ...outcome, version, ...view } }
  })
  const endings = new Map(played.endings)
  const ending = endings.get(party)
  if (ending?.view)
    endings.set(party, { ...ending, view: { ...ending.view, version: ending.view.version + 1 } })
  const verdict = judge({ ...played, answers: shifted, endings })
  t.equal(verdict.doubled, 1)
  t.equal(verdict.lost, 0)
})

t.test('judge - one chat line heard under two numbers is doubled', async (t) => {
  const line = played.heard.find((one) => one.tag === 'chat')
  if (line?.tag !== 'chat') throw new Error('nobody heard anything')
  const verdict = judge({ ...played, heard: [...played.heard, { ...line, chat: line.chat + 100_000 }] })
  t.equal(verdict.doubled, 1)
})

t.test('judge - two changes that were given one version: one of them is lost', async (t) => {
  const invite = acknowledged('invite', 100)
  const version = invite.outcome.tag === 'ok' ? (invite.outcome.version ?? 0) : 0
  const evidence = withAnswer(invite.n, (answer) => ({
    ...answer,
    outcome: { ...answer.outcome, version: version - 1 } as Answer['outcome'],
  }))
  t.ok(judge(evidence).lost > 0)
})

t.test('judge - an acknowledged change that others do not see is lost', async (t) => {
  const accept = acknowledged('accept')
  const evidence = withAnswer(accept.n, (answer) => ({
    ...answer,
    outcome: { tag: 'refused', code: 'NOT_INVITED' },
  }))
  const verdict = judge(evidence)
  t.ok(verdict.lost > 0, 'the refusal was never true')
  t.ok(verdict.doubled > 0, 'its version was made by nobody')
})

t.test('judge - a read that is older than what was acknowledged before it is lost', async (t) => {
  const info = played.answers.filter(
    ({ n, outcome }) => lineOf(n).cmd === 'info' && outcome.tag === 'ok' && (outcome.view?.version ?? 0) > 8,
  )[50]
  if (info === undefined || info.outcome.tag !== 'ok' || info.outcome.view === undefined)
    throw new Error('no info')
  const { party } = lineOf(info.n)
  const first = played.answers.find(
    ({ n, outcome }) => lineOf(n).party === party && outcome.tag === 'ok' && outcome.view?.version === 1,
  )
  if (first?.outcome.tag !== 'ok' || first.outcome.view === undefined) throw new Error('no first view')
  const { view } = first.outcome
  const evidence = withAnswer(info.n, (answer) => ({ ...answer, outcome: { tag: 'ok', version: 1, view } }))
  t.equal(judge(evidence).lost, 1)
})

t.test('judge - a command without an answer may have counted once or not at all', async (t) => {
  const unknown: Answer['outcome'] = { tag: 'unknown', error: 'its node died' }
  for (const cmd of ['transfer', 'chat', 'invite'] as const) {
    const { n } = acknowledged(cmd)
    const verdict = judge(withAnswer(n, (answer) => ({ ...answer, outcome: unknown })))
    t.same(verdict.faults, [], `${cmd} counted`)
    t.equal(verdict.unknown, 1)
  }
})

t.test('judge - a member who was heard while the party was muted, or refused while it was not', async (t) => {
  const muted = played.answers.find(({ outcome }) => outcome.tag === 'refused' && outcome.code === 'MUTED')
  if (muted === undefined) throw new Error('nobody was muted')
  const heard = judge(withAnswer(muted.n, (one) => ({ ...one, outcome: { tag: 'ok', chat: 1_000_000 } })))
  t.ok(heard.faults.some(({ text }) => text.includes('acknowledged from somebody outside or muted')))
  const first = played.answers.find(({ n, outcome }) => {
    const { party, cmd } = lineOf(n)
    const isLater = played.lines.some((line) => line.party === party && line.cmd === 'mute')
    return cmd === 'chat' && outcome.tag === 'ok' && !isLater
  })
  if (first === undefined) throw new Error('every party was muted')
  const refused = judge(
    withAnswer(first.n, (one) => ({ ...one, outcome: { tag: 'refused', code: 'MUTED' } })),
  )
  t.ok(refused.faults.some(({ text }) => text.includes('was refused MUTED, which was never true')))
})

t.test('judge - a mute that is said to have changed nothing, or was lost', async (t) => {
  const mute = acknowledged('mute', 3)
  const { outcome } = mute
  if (outcome.tag !== 'ok') throw new Error('not acknowledged')
  const same = judge(withAnswer(mute.n, (one) => ({ ...one, outcome: { ...outcome, changed: false } })))
  t.ok(same.faults.some(({ text }) => text.includes('changed nothing, but it was not so already')))
  const [unmuted] = withEnding(({ view, chats }) => ({ chats, view: { ...view, muted: !view.muted } }))
  t.equal(judge(unmuted).lost, 1)
})

t.test('judge - only who is an admin may end a party of others', async (t) => {
  const byAdmin = played.answers.filter(
    (one) => isOk(one) && lineOf(one.n).cmd === 'disband' && evening.admins.includes(lineOf(one.n).player),
  )
  t.ok(byAdmin.length > 0, 'an admin ended parties')
  const verdict = judge({ ...played, admins: [] })
  for (const { n } of byAdmin) {
    t.ok(verdict.faults.some(({ text }) => text.startsWith(`command ${n} (disband`)))
  }
})

t.test('judge - knows nothing of the code that it judges', async (t) => {
  const seen = new Set<string>()
  const visit = (name: string): void => {
    if (seen.has(name)) return
    seen.add(name)
    const source = readFileSync(new URL(`../../../examples/evening/${name}`, import.meta.url), 'utf8')
    for (const [, from = ''] of source.matchAll(/(?:\bfrom |\bimport[ (])'([^']+)'/g)) {
      t.match(from, /^\.\/[a-z-]+\.js$/, `${name} imports ${from}`)
      visit(from.slice(2).replace(/js$/, 'ts'))
    }
  }
  visit('model.ts')
  t.ok(seen.size > 4, [...seen].join())
})
