// Behaviours that each have a number, which the titles of their tests begin with: `O5 …` or `H6, H7 …`.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

const range = (letter, from, to) => Array.from({ length: to - from + 1 }, (_, i) => `${letter}${from + i}`)

export const numbered = {
  O: {
    called: 'rules of OTP',
    numbers: [...range('O', 1, 64), 'O18b', ...range('O', 66, 74)],
    toCome: [],
  },
  H: {
    called: 'behaviours of Horde',
    numbers: range('H', 1, 78),
    toCome: [],
  },
  G: {
    called: 'gaps that users of others report',
    numbers: range('G', 1, 15),
    toCome: [],
  },
}

/** A title that begins with numbers, as it stands in a test file. */
const title = /\btest\(\s*(['"`])((?:[OHG]\d+b?,? )*[OHG]\d+b?) /g
/** The same as tap prints it: verdict, numbers, text. */
export const titleLine = /^\s*((?:not )?ok) \d+ - ((?:[OHG]\d+b?,? )*[OHG]\d+b?) (.*?)(?: # time=\S+)?$/
export const numbersOf = (text) => text.split(/,? /)

/** The numbers that the tests of a file begin with. */
export const numbersIn = (text) => [
  ...new Set([...text.matchAll(title)].flatMap(([, , numbers]) => numbersOf(numbers))),
]

/** Every test file below a path, fixtures left out. */
export const testFilesUnder = (path) => {
  if (!existsSync(path)) return []
  if (statSync(path).isFile()) return path.endsWith('.ts') ? [path] : []
  return readdirSync(path)
    .sort()
    .filter((name) => name !== 'fixtures')
    .flatMap((name) => testFilesUnder(join(path, name)))
}

/** The files that have a test with a number of that letter. */
export const filesNumbered = (folder, letter) =>
  testFilesUnder(folder).filter((file) =>
    numbersIn(readFileSync(file, 'utf8')).some((number) => number.startsWith(letter)),
  )
