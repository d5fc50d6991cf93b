/** Runs each example from dist, as a reader would, and compares what it prints. */
import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const root = fileURLToPath(new URL('..', import.meta.url))
const deadlineMs = 30_000

interface Printed {
  readonly code: number | null
  readonly stdout: readonly string[]
  readonly stderr: string
}

const run = (name: string): Promise<Printed> =>
  new Promise((resolve) => {
    const args = ['--trace-uncaught', `dist/examples/${name}.js`]
    const child = execFile(
      process.execPath,
      args,
      { cwd: root, timeout: deadlineMs },
      (_, stdout, stderr) => {
        resolve({ code: child.exitCode, stdout: stdout.split('\n').filter((line) => line !== ''), stderr })
      },
    )
  })

/** What each prints, line by line; the exit code is 0 where it is not said. */
const expected: Readonly<Record<string, { readonly lines: readonly string[]; readonly code?: number }>> = {
  '01-counter': { lines: ['kills 5', 'deaths 1'] },
  '02-three-nodes': {
    lines: ['n1 reads 3', 'n2 reads 3', 'n3 reads 3', 'owned by 1 node', 'after its owner left: 5'],
  },
  '03-singleton': {
    lines: ['n1: welcome alice', 'n2: welcome bob', 'n1 greeted alice', 'n2 greeted bob'],
  },
  '04-embedded': {
    lines: [
      'signal listeners added by tumen: 0',
      'alice: 200 1 inside',
      'bob: 200 2 inside',
      'carol: 409 FULL',
      'stopped, when the host said so',
    ],
    code: 3,
  },
}

const names = readdirSync(`${root}examples`)
  .filter((name) => /^\d\d-.*\.ts$/.test(name))
  .map((name) => name.replace('.ts', ''))

t.test('examples – each is run by this test', async (t) => {
  t.same(names.toSorted(), Object.keys(expected).toSorted())
})

t.test('examples – each fits a screen and imports the package by its name', async (t) => {
  for (const name of names) {
    const text = readFileSync(`${root}examples/${name}.ts`, 'utf8')
    t.ok(text.split('\n').length <= 81, `${name} is at most 80 lines`)
    const imported = [...text.matchAll(/from '([^']+)'/g)].map(([, specifier]) => specifier ?? '')
    t.same(
      imported.filter((specifier) => !/^(tumen(\/\w+)?|node:\w+|io-ts)$/.test(specifier)),
      [],
      name,
    )
  }
})

for (const [name, { lines, code = 0 }] of Object.entries(expected)) {
  t.test(`examples – ${name} prints what it says and ends by itself`, async (t) => {
    t.ok(existsSync(`${root}dist/examples/${name}.js`), 'it is built: run "npm run build" first')
    const printed = await run(name)
    t.same(printed, { code, stdout: lines, stderr: '' })
  })
}
