/** Reads the titles of all checks: each rule has at least one. */
import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'

const folders = ['./', '../fixtures/otp/'].map((path) => new URL(path, import.meta.url))
const titles = folders
  .flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.endsWith('.ts'))
      .map((name) => readFileSync(new URL(name, folder), 'utf8')),
  )
  .flatMap((text) => [...text.matchAll(/['"`](O\d+b?) [^'"`\n]/g)].map(([, number]) => number))

const range = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => `O${from + i}`)
/** O65, O75 and O76 are about several nodes. */
const all = [...range(1, 18), 'O18b', ...range(19, 64), ...range(66, 74)]

t.test('complete - every rule of OTP for one node has its check', async (t) => {
  t.same(
    all.filter((number) => !titles.includes(number)),
    [],
    'without a check',
  )
  t.same(
    titles.filter((number) => number !== undefined && !all.includes(number)),
    [],
    'not a rule',
  )
})
