import { readFileSync } from 'node:fs'
import t from 'tap'
import { knobNames } from '../lib/config.js'
import { type Complaint, formatComplaint, withoutExceptions } from './fixtures/tidy/complaint.js'
import { circleRule, deadExportRule, deadFileRule, knobRule } from './fixtures/tidy/graph.js'
import {
  actorRule,
  dependencyRule,
  doorRule,
  exampleRule,
  floorRule,
  formRule,
  purityRule,
} from './fixtures/tidy/imports.js'
import { limitRule } from './fixtures/tidy/limits.js'
import { parseSource, readSources, type Source } from './fixtures/tidy/source.js'
import { exceptions } from './fixtures/tidy/tables.js'
import { globalRule, leftoverRule, nameRule, sizeRule } from './fixtures/tidy/text.js'

const root = new URL('..', import.meta.url).pathname
const manifest = JSON.parse(readFileSync(`${root}/package.json`, 'utf8'))
const declared = new Set([...Object.keys(manifest.dependencies), ...Object.keys(manifest.peerDependencies)])

const rules: Readonly<Record<string, (sources: readonly Source[]) => Complaint[]>> = {
  floors: floorRule,
  purity: purityRule,
  doors: doorRule,
  form: formRule,
  actors: actorRule,
  examples: exampleRule,
  dependencies: (sources) => dependencyRule(sources, declared),
  circles: circleRule,
  'dead files': deadFileRule,
  'dead exports': deadExportRule,
  knobs: (sources) => knobRule(sources, knobNames),
  limits: (sources) => limitRule(sources, knobNames),
  sizes: sizeRule,
  globals: globalRule,
  names: nameRule,
  leftovers: leftoverRule,
}

const sources = readSources(root)

t.test('tidy - every rule holds, or its exception is written down', async (t) => {
  for (const [name, rule] of Object.entries(rules)) {
    const [left] = withoutExceptions(rule(sources), exceptions)
    for (const complaint of left) t.fail(formatComplaint(complaint), { diagnostic: false })
    if (left.length === 0) t.pass(`${name}: nothing to say`)
  }
})

t.test('tidy - no exception is left over', async (t) => {
  const complaints = Object.values(rules).flatMap((rule) => rule(sources))
  const [, idle] = withoutExceptions(complaints, exceptions)
  t.same(
    idle.map(({ rule, path }) => `${rule} ${path}`),
    [],
  )
})

const planted = (...files: readonly (readonly [path: string, text: string])[]): string[] => {
  const faulty = files.map(([path, text]) => parseSource(path, text))
  return Object.values(rules).flatMap((rule) => rule(faulty).map((c) => `${c.rule}: ${c.path}: ${c.subject}`))
}
const isCaught = (t: Tap.Test, expected: string, ...files: readonly (readonly [string, string])[]): void => {
  t.ok(planted(...files).includes(expected), expected, { found: planted(...files) })
}
declare namespace Tap {
  type Test = Pick<typeof t, 'ok'>
}

t.test('tidy - catches what points upwards or goes around a door', async (t) => {
  isCaught(t, 'floors: lib/std/a.ts: ../wire/frame.js', [
    'lib/std/a.ts',
    "import { x } from '../wire/frame.js'",
  ])
  isCaught(t, 'floors: lib/a/state.ts: ../../supervisors/index.js', [
    'lib/a/state.ts',
    "import type { x } from '../../supervisors/index.js'",
  ])
  isCaught(t, 'purity: lib/ownership/state.ts: ../std/clock.js', [
    'lib/ownership/state.ts',
    "import type { Clock } from '../std/clock.js'",
  ])
  isCaught(t, 'doors: lib/kernel/cell.ts: nact', ['lib/kernel/cell.ts', "import { start } from 'nact'"])
  isCaught(t, 'doors: actors/party/party.ts: left-pad', ['actors/party/party.ts', "import 'left-pad'"])
  isCaught(t, 'dependencies: lib/a.ts: tap', ['lib/a.ts', "import t from 'tap'"])
  isCaught(t, 'form: lib/a.ts: fp-ts/Either', ['lib/a.ts', "import * as E from 'fp-ts/Either'"])
  isCaught(t, 'form: lib/a.ts: ./b', ['lib/a.ts', "import { b } from './b'"])
  isCaught(t, 'actors: actors/party/party.ts: ../queue/state.js', [
    'actors/party/party.ts',
    "import { x } from '../queue/state.js'",
  ])
  isCaught(t, 'actors: actors/party/party.ts: ../../lib/kernel/cell.js', [
    'actors/party/party.ts',
    "import { x } from '../../lib/kernel/cell.js'",
  ])
  isCaught(t, 'examples: examples/a.ts: ../lib/index.js', [
    'examples/a.ts',
    "import { x } from '../lib/index.js'",
  ])
})

t.test('tidy - catches circles and what nobody needs', async (t) => {
  const circle = 'circles: lib/a.ts: lib/a.ts ↔ lib/b.ts'
  isCaught(t, circle, ['lib/a.ts', "import { b } from './b.js'"], ['lib/b.ts', "import { a } from './a.js'"])
  isCaught(t, 'dead files: lib/lonely.ts: lib/lonely.ts', ['lib/lonely.ts', 'export const a = 1'])
  isCaught(t, 'dead exports: lib/a.ts: a', ['lib/a.ts', 'export const a = 1'])
  isCaught(t, 'knobs: lib/config.ts: leaseMs', ['lib/a.ts', 'export const a = 1'])
})

t.test('tidy - catches limits without a counter', async (t) => {
  isCaught(t, 'limits: lib/config.ts: mailboxCountMax', ['lib/a.ts', 'export const a = 1'])
  isCaught(t, 'limits: lib/a.ts: guestsCountMax', ['lib/a.ts', 'const guestsCountMax = 3'])
  isCaught(t, 'limits: lib/a.ts: bookBytesMax', ['lib/a.ts', 'interface A { readonly bookBytesMax: number }'])
  const counted = ['lib/a.ts', 'const guestsCountMax = 3\nreached.guestsCountMax++'] as const
  t.notMatch(planted(counted).join('\n'), /limits: lib\/a/)
  const elsewhere = ['bench/a.ts', 'reached.guestsCountMax++'] as const
  isCaught(t, 'limits: lib/a.ts: guestsCountMax', ['lib/a.ts', 'const guestsCountMax = 3'], elsewhere)
})

t.test('tidy - catches what is too large', async (t) => {
  isCaught(t, 'sizes: lib/a.ts: 451 lines', ['lib/a.ts', 'a\n'.repeat(451)])
  isCaught(t, 'sizes: lib/a.ts: 111 characters', ['lib/a.ts', `// ${'x'.repeat(108)}`])
  isCaught(t, 'sizes: lib/a.ts: long', ['lib/a.ts', `const long = () => {${'\n'.repeat(60)}}`])
  isCaught(t, 'sizes: lib/a.ts: wide', ['lib/a.ts', 'const wide = (a, b, c, d, e) => a'])
  isCaught(t, 'sizes: lib/a.ts: 16 exports', [
    'lib/a.ts',
    Array.from({ length: 16 }, (_, i) => `export const a${i} = 1`).join('\n'),
  ])
})

t.test('tidy - catches globals and leftovers, and leaves look-alikes alone', async (t) => {
  isCaught(t, 'globals: lib/a.ts: setTimeout', ['lib/a.ts', 'setTimeout(() => {}, 1)'])
  isCaught(t, 'globals: actors/a/a.ts: Date.now', ['actors/a/a.ts', 'const a = Date.now()'])
  isCaught(t, 'globals: lib/a.ts: new Date()', ['lib/a.ts', 'const a = new Date()'])
  isCaught(t, 'globals: lib/a.ts: console', ['lib/a.ts', 'const log = { out: console }'])
  isCaught(t, 'leftovers: lib/a.ts: any', ['lib/a.ts', 'export const a = (b: any) => b'])
  isCaught(t, 'names: lib/utils.ts: utils', ['lib/utils.ts', ''])
  const innocent = 'const f = (process: number, x: { console: 1 }) => process + x.console + Date.UTC(1, 1)'
  t.notMatch(planted(['lib/a.ts', innocent]).join('\n'), /globals/)
  t.notMatch(planted(['lib/a.ts', 'const f = <T extends (a: any) => void>(a: T) => a']).join('\n'), /any/)
})
