/** What the judge finds in the chat of one party. */
import { type Case, type Done, isOk, isUnknown, nameOf, okOf } from './case.js'
import type { Heard } from './evidence.js'

/** Chat lines are numbered without gaps, later ones higher, each line once, and everybody hears the same. */
export const judgeChats = (party: Case, heard: readonly HeardChat[]): void => {
  const byNumber = new Map<number, Done>()
  const chats = party.done.filter(({ line }) => line.cmd === 'chat')
  for (const done of chats) {
    const chat = okOf(done)?.chat
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
  const final = party.ending?.chats ?? last
  if (final < last)
    party.fault('lost', `the party knows ${final} chat lines; number ${last} was acknowledged`)
  const extra = Math.max(final, last) - said.length - chats.filter(isUnknown).length
  if (extra > 0) party.fault('doubled', `${extra} chat lines more than anybody said`)
  judgeHeard(party, chats, heard)
}

export type HeardChat = Extract<Heard, { tag: 'chat' }>
const judgeHeard = (party: Case, chats: readonly Done[], heard: readonly HeardChat[]): void => {
  const asked = new Map(chats.map((done) => [`${done.line.player} ${done.line.text}`, done]))
  const numbers = new Map<Done, number>()
  const had = new Set<string>()
  for (const { by, chat, from, text } of heard) {
    const done = asked.get(`${from} ${text}`)
    if (done === undefined || done.answer.outcome.tag === 'refused') {
      party.fault('doubled', `${by} heard "${text}" from ${from}, which was not said`)
      continue
    }
    const known = okOf(done)?.chat ?? numbers.get(done) ?? chat
    numbers.set(done, known)
    if (known !== chat) party.fault('doubled', `${nameOf(done)} was heard as number ${known} and ${chat}`)
    if (had.has(`${by} ${chat}`)) party.fault('doubled', `${by} heard chat line ${chat} twice`)
    had.add(`${by} ${chat}`)
  }
}
