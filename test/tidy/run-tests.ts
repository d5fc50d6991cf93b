import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import t from 'tap'
import { runToEnd } from '../fixtures/docs/program.js'

const root = dirname(dirname(import.meta.dirname))

const project = mkdtempSync(join(tmpdir(), 'tumen-run-tests-'))
t.teardown(() => rmSync(project, { recursive: true, force: true }))
for (const file of ['package.json', 'tsconfig.json', '.taprc']) cpSync(join(root, file), join(project, file))
cpSync(join(root, 'scripts'), join(project, 'scripts'), { recursive: true })
symlinkSync(join(root, 'node_modules'), join(project, 'node_modules'))

/** Runs the group `tidy` of a project that has only these test files. */
const run = async (files: Readonly<Record<string, string>>, group = 'tidy') => {
  rmSync(join(project, 'test'), { recursive: true, force: true })
  mkdirSync(join(project, 'test/tidy'), { recursive: true })
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(project, 'test/tidy', name), `import t from 'tap'\n${text}\n`)
  }
  // The tap of this test must not be taken for the parent of that one.
  const clean = ['env', '-u', 'TAP', '-u', 'TAP_CHILD_ID', '-u', 'NODE_OPTIONS', process.execPath]
  const ended = await runToEnd([...clean, 'scripts/run-tests.mjs', group], {
    cwd: project,
    timeoutMs: 50_000,
  })
  return { code: ended.code, last: ended.out.trim().split('\n').at(-1) ?? '', ended }
}

t.test('run-tests - ends with the counts, and with code 0 only when all passed', async (t) => {
  const good = await run({ 'a.ts': "t.pass('one')\nt.pass('two')" })
  t.match(good, { code: 0, last: '2 passed, 0 failed' })
  const bad = await run({ 'a.ts': "t.pass('one')", 'b.ts': "t.fail('two')" })
  t.match(bad, { code: 1, last: '1 passed, 1 failed' })
})

t.test('run-tests - what is empty, skipped or to do is a failure', async (t) => {
  t.match(await run({ 'a.ts': "t.pass('one')", 'b.ts': '' }), { code: 1, last: '1 passed, 1 failed' })
  const skipped = await run({ 'a.ts': "t.pass('one')\nt.test('two', { skip: 'no time' }, async () => {})" })
  t.match(skipped, { code: 1, last: '1 passed, 1 failed' })
  t.match(await run({}), { code: 1, last: '0 passed, 1 failed' }, 'a group without files')
})

t.test('run-tests - a group that is not known is named, with those that are', async (t) => {
  const { code, ended } = await run({}, 'tydi')
  t.equal(code, 2)
  t.match(ended.err, /no test group "tydi"; one of: unit, /)
})
