import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import t from 'tap'
import { runToEnd } from '../fixtures/docs/program.js'

const root = dirname(dirname(import.meta.dirname))
const project = mkdtempSync(join(tmpdir(), 'tumen-coverage-'))
t.teardown(() => rmSync(project, { recursive: true, force: true }))

/** Checks a project with these sources; `covered` says how many of a file's lines were run. */
const check = async (
  sources: Readonly<Record<string, string>>,
  covered: Readonly<Record<string, number>>,
) => {
  rmSync(project, { recursive: true, force: true })
  for (const folder of ['lib/a', 'supervisors', '.tap/report'])
    mkdirSync(join(project, folder), { recursive: true })
  for (const [path, text] of Object.entries(sources)) writeFileSync(join(project, path), text)
  const summary = Object.entries(covered).map(([path, count]) => [
    join(project, path),
    { lines: { covered: count, total: 100 } },
  ])
  writeFileSync(
    join(project, '.tap/report/coverage-summary.json'),
    JSON.stringify(Object.fromEntries(summary)),
  )
  return runToEnd([process.execPath, join(root, 'scripts/coverage.mjs'), project], {
    cwd: project,
    timeoutMs: 20_000,
  })
}

t.test('coverage - says the share of each folder, and which is below the gate', async (t) => {
  const sources = { 'lib/x.ts': 'export const x = 1\n', 'lib/a/y.ts': '', 'supervisors/z.ts': '' }
  const good = await check(sources, { 'lib/x.ts': 100, 'lib/a/y.ts': 80, 'supervisors/z.ts': 90 })
  t.equal(good.code, 0)
  t.match(good.out, / 90\.0 % lib\n 80\.0 % lib\/a\n 90\.0 % supervisors/)
  const bad = await check(sources, { 'lib/x.ts': 100, 'lib/a/y.ts': 70, 'supervisors/z.ts': 90 })
  t.equal(bad.code, 1)
  t.match(bad.out, /lib: 85\.0 % of lines are covered, expected 90 %/)
})

t.test(
  'coverage - a file that no test loads counts as not covered, unless it holds types alone',
  async (t) => {
    const lonely = `export const lonely = () => {\n${'  void 0\n'.repeat(98)}}\n`
    t.match(await check({ 'lib/x.ts': '', 'lib/lonely.ts': lonely }, { 'lib/x.ts': 100 }), {
      code: 1,
      out: /lib: 49\./,
    })
    const types = { 'lib/x.ts': '', 'lib/types.ts': 'export interface A {\n  readonly a: 1\n}\n' }
    t.match(await check(types, { 'lib/x.ts': 100 }), { code: 0, out: /100\.0 % lib/ })
  },
)
