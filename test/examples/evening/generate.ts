import { readFileSync } from 'node:fs'
import t from 'tap'
import { writeEvening } from '../../../examples/evening/generate.js'
import { formatEvening, parseEvening } from '../../../examples/evening/session.js'

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
