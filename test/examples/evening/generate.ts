import { readFileSync } from 'node:fs'
import t from 'tap'
import { writeEvening } from '../../../examples/evening/generate.js'
import { formatEvening, parseEvening, type Cmd, type Line } from '../../../examples/evening/session.js'
import type { View } from '../../../examples/evening/evidence.js'
import { mayBeOver, seatsOf, type Sent, untouched } from '../../../examples/evening/seats.js'
import { compare } from '../../../examples/evening/standing.js'

const file = new URL('../../../examples/evening/session.jsonl', import.meta.url)
const text = readFileSync(file, 'utf8')

t.test('generate - the same seed writes the very session that is kept', async (t) => {
  const kept = parseEvening(text)
  t.ok(formatEvening(writeEvening(kept.seed)) === text, 'run dist/examples/evening/generate.js again')
  t.not(formatEvening(writeEvening(kept.seed + 1)), text)
})

t.test('generate - the session is as large as promised, and no line says what comes of it', async (t) => {
  const { players, lines } = parseEvening(text)
  t.ok(players.length >= 500)
  t.equal(lines.length, 20_000)
  t.ok(text.length < 3_000_000)
  const known = ['n', 'player', 'cmd', 'party', 'target', 'text', 'after', 'drop', 'quit', 'pauseMs']
  t.same(
    lines.flatMap((line) => Object.keys(line).filter((key) => !known.includes(key))),
    [],
  )
})

t.test('generate - one player in fifty drops its socket, once', async (t) => {
  const { players, lines } = parseEvening(text)
  const droppers = lines.filter(({ drop }) => drop).map(({ player }) => player)
  t.equal(new Set(droppers).size, droppers.length)
  t.ok(Math.abs(droppers.length - players.length / 50) <= 1)
})

t.test('generate - a command waits only for earlier commands of others', async (t) => {
  const { lines } = parseEvening(text)
  const wrong = lines.filter(({ n, player, after = [] }) =>
    after.some((other) => other >= n || lines[other - 1]?.player === player),
  )
  t.same(wrong, [])
})

t.test('parseEvening - a file that is none is named', async (t) => {
  t.throws(() => parseEvening('{}\n'), { message: /list of players/ })
  const [head, first, second, ...rest] = text.split('\n')
  t.throws(() => parseEvening([head, second, first, ...rest].join('\n')), { message: /^Command 1 / })
})

let n = 0
const sent = (player: string, cmd: Cmd, party: string, outcome?: Sent['outcome'], target?: string): Sent => {
  const line: Line = { n: ++n, player, cmd, party, ...(target === undefined ? {} : { target }) }
  return outcome === undefined ? { line } : { line, outcome }
}
const ok = (version: number, ...members: string[]): Sent['outcome'] => {
  const view: View = { version, leader: members[0] ?? '', members, invites: [], muted: false }
  return { tag: 'ok', version, ...(members.length > 0 ? { view } : {}) }
}
const no: Sent['outcome'] = { tag: 'refused', code: 'NOT_LEADER' }
const players = ['ada', 'bo', 'cy', 'dee']
const together = [sent('ada', 'create', 'p1', ok(1, 'ada')), sent('bo', 'accept', 'p1', ok(3, 'ada', 'bo'))]
const seats = (...more: Sent[]) => Object.fromEntries(seatsOf(players, [...together, ...more]))

t.test('seats - follow the acknowledged changes in the order of their versions', async (t) => {
  t.same(seats(), { ada: 'p1', bo: 'p1', cy: null, dee: null })
  const kick = sent('ada', 'kick', 'p1', ok(4), 'bo')
  t.same(seats(kick), { ada: 'p1', bo: null, cy: null, dee: null })
  t.same(Object.fromEntries(seatsOf(players, [kick, ...together])), seats(kick), 'not of their arrival')
  t.same(seats(sent('ada', 'disband', 'p1', ok(4))), { ada: null, bo: null, cy: null, dee: null })
})

t.test('seats - nothing is certain of those whom an open command may have moved', async (t) => {
  t.same(seats(sent('cy', 'accept', 'p1')), { ada: 'p1', bo: 'p1', dee: null })
  t.same(seats(sent('ada', 'disband', 'p1')), { cy: null, dee: null })
  t.same(seats(sent('ada', 'kick', 'p1', undefined, 'bo')), { ada: 'p1', cy: null, dee: null })
  t.same(seats(sent('cy', 'create', 'p2')), { ada: 'p1', bo: 'p1', dee: null })
  t.same(seats(sent('cy', 'create', 'p2', { tag: 'unknown', error: 'x' })), seats(sent('cy', 'create', 'p2')))
  t.same(seats(sent('cy', 'kick', 'p1', no, 'bo'), sent('ada', 'chat', 'p1')), seats())
})

t.test('untouched - leaves out whoever a later command may have moved', async (t) => {
  const known = seatsOf(players, together)
  t.same([...untouched(known, [sent('cy', 'accept', 'p2')]).keys()], ['ada', 'bo', 'dee'])
  t.same([...untouched(known, [sent('ada', 'disband', 'p1')]).keys()], ['cy', 'dee'])
  t.same([...untouched(known, [sent('ada', 'disband', 'p1', no)]).keys()], players)
})

t.test('compare - a slot, a session or a party that says something else than acknowledged', async (t) => {
  const standing = {
    seats: seatsOf(players, together),
    sessions: new Map([['ada', 's1']]),
    sentCount: together.length,
  }
  const check = (name: string, what: string | null, ...later: Sent[]) =>
    compare([standing, standing], [...together, ...later], [[name, what]])
  t.same(check('player-slot/bo', 'p1'), { verifiedCount: 1, wrong: [] })
  t.same(check('player-slot/bo', null), { verifiedCount: 1, wrong: ['player-slot/bo'] })
  t.same(check('player-slot/bo', null, sent('bo', 'leave', 'p1')), { verifiedCount: 0, wrong: [] })
  t.same(check('session/ada', 's0').wrong, ['session/ada'])
  t.same(check('session/bo', 's0').verifiedCount, 0)
  t.same(check('party/p1', null).wrong, ['party/p1'])
  t.same(check('party/p1', null, sent('ada', 'disband', 'p1')).wrong, [])
  t.notOk(mayBeOver('p1', [sent('bo', 'disband', 'p1', no)]))
})
