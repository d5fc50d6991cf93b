// Runs the named groups of tests (all when none is named) and ends with `N passed, N failed`.
// What needs the built package is built first; the build and the type check count as one test each.
// A skip, a todo, an empty file or a group without files is a failure unless `skipsAllowed` lists its reason.
import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { createInterface } from 'node:readline'
import { checkCoverage } from './coverage.mjs'
import { filesNumbered, numbered, numbersOf, testFilesUnder, titleLine } from './numbered.mjs'

const root = dirname(import.meta.dirname)
const require = createRequire(import.meta.url)

/** `name` stands for test/name.ts and everything in test/name/. */
const groups = {
  unit: { names: ['lib', 'supervisors', 'actors'], isCovered: true },
  otp: { names: ['otp'], letter: 'O' },
  horde: { isBuilt: true, letter: 'H', isScattered: true },
  gaps: { isBuilt: true, letter: 'G', isScattered: true },
  types: { names: ['types'], isTypeChecked: true },
  tidy: { names: ['tidy'] },
  simulation: { names: ['simulation', 'simulation-history'], isBuilt: true },
  nats: { names: ['nats'], isCovered: true },
  process: { names: ['process'], isBuilt: true },
  examples: { names: ['examples'], isBuilt: true },
  docs: { names: ['docs'], isBuilt: true },
  pack: { names: ['pack'], isBuilt: true },
  bin: { names: ['bin'], isBuilt: true },
  postgres: { names: ['postgres'] },
}
/** Patterns of `file - test # SKIP reason` lines that are no failure. */
const skipsAllowed = [/# SKIP not a machine with (nats-server|PostgreSQL): /]

const filesUnder = (path) => testFilesUnder(path).map((file) => relative(root, file))
/** A scattered group is every file that has a test with one of its numbers. */
const filesOf = ({ names = [], letter, isScattered = false }) => [
  ...names.flatMap((name) => [
    ...filesUnder(join(root, 'test', `${name}.ts`)),
    ...filesUnder(join(root, 'test', name)),
  ]),
  ...(isScattered ? filesNumbered(join(root, 'test'), letter).map((file) => relative(root, file)) : []),
]

const run = (script, args) =>
  new Promise((done) => {
    const child = spawn(process.execPath, [script, ...args], {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
    })
    child.on('close', (code) => done(code === 0))
  })
const tsc = (...args) => run(join(dirname(require.resolve('typescript/package.json')), 'bin/tsc'), args)

const result = { passed: 0, failed: 0 }
const report = (isGood, what) => {
  result[isGood ? 'passed' : 'failed']++
  console.log(`${isGood ? 'ok' : 'not ok'} - ${what}`)
}

let skipped = 0
/** By number: whether all of its tests hold, and what they say. */
const rules = new Map()
const noteRules = (verdict, numbers, text) => {
  for (const number of numbersOf(numbers)) {
    const known = rules.get(number) ?? { isHeld: true, texts: [] }
    rules.set(number, { isHeld: known.isHeld && verdict === 'ok', texts: [...known.texts, text] })
  }
}

/** Runs tap over `files`, shows its output, and adds its counts. */
const runTap = (files, isCovered) =>
  new Promise((done) => {
    const bin = join(dirname(require.resolve('tap/package.json')), 'dist/esm/run.mjs')
    const coverage = isCovered ? '--coverage-report=json-summary' : '--disable-coverage'
    const child = spawn(process.execPath, [bin, '--reporter=tap', coverage, ...files], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let passed = 0
    let failed = 0
    const complaints = []
    const seen = new Set()
    createInterface({ input: child.stdout }).on('line', (line) => {
      console.log(line)
      const total = /^# \{ total: \d+(?:, pass: (\d+))?(?:, fail: (\d+))?/.exec(line)
      if (total) [passed, failed] = [Number(total[1] ?? 0), Number(total[2] ?? 0)]
      const file = /^(?:not )?ok \d+ - (test\/\S+\.ts)/.exec(line)
      if (file) seen.add(file[1])
      const rule = titleLine.exec(line)
      if (rule !== null && !/# SKIP/i.test(line)) noteRules(...rule.slice(1))
      const skip = /^\s*ok \d+ - (.* # (?:SKIP|TODO).*)$/i.exec(line)
      if (skip) skipped++
      if (skip && !skipsAllowed.some((allowed) => allowed.test(skip[1]))) {
        complaints.push(`skipped without a listed reason: ${skip[1]}`)
      }
    })
    child.on('close', (code) => {
      for (const file of files) if (!seen.has(file)) complaints.push(`did not run: ${file}`)
      if (code !== 0 && failed === 0 && complaints.length === 0)
        complaints.push(`tap ended with code ${code}`)
      for (const complaint of complaints) console.log(`not ok - ${complaint}`)
      result.passed += passed
      result.failed += failed + complaints.length
      done()
    })
  })

const asked = process.argv.slice(2)
const wrong = asked.find((name) => !(name in groups))
if (wrong !== undefined) {
  console.error(`no test group "${wrong}"; one of: ${Object.keys(groups).join(', ')}`)
  process.exit(2)
}
const names = asked.length > 0 ? asked : Object.keys(groups)
const chosen = names.map((name) => groups[name])

if (chosen.some(({ isBuilt }) => isBuilt))
  report(await tsc('-p', 'tsconfig.build.json'), 'the package builds')
if (chosen.some(({ isTypeChecked }) => isTypeChecked)) {
  report(await tsc('--noEmit', '-p', 'tsconfig.json'), 'everything is well typed')
}
const files = [...new Set(chosen.flatMap(filesOf))]
for (const name of names) {
  const isToCome = (numbered[groups[name].letter]?.toCome.length ?? 0) > 0
  if (filesOf(groups[name]).length === 0 && !isToCome) report(false, `group ${name} has no test files`)
}
if (asked.length === 0) {
  for (const file of filesUnder(join(root, 'test'))) {
    if (!files.includes(file)) report(false, `${file} belongs to no group; see scripts/run-tests.mjs`)
  }
}
// Counting lines is slower, and says something only where the tests run the sources themselves.
const isUnit = names.includes('unit')
const covered = isUnit ? chosen.filter(({ isCovered }) => isCovered).flatMap(filesOf) : []
const others = files.filter((file) => !covered.includes(file))
if (covered.length > 0) await runTap(covered, true)
if (isUnit) {
  const { lines, complaints } = checkCoverage(root, { hasServer: names.includes('nats') && skipped === 0 })
  for (const line of lines) console.log(`# ${line}`)
  report(complaints.length === 0, ['lines of lib and supervisors are covered', ...complaints].join('; '))
}
if (others.length > 0) await runTap(others, false)
const order = (number) => Number.parseFloat(number.slice(1).replace('b', '.5'))
for (const letter of new Set(chosen.flatMap((group) => group.letter ?? []))) {
  const { called, numbers, toCome } = numbered[letter]
  const missing = numbers.filter((number) => !rules.has(number) && !toCome.includes(number))
  const checked = numbers.filter((number) => rules.has(number)).length
  const what = `${checked} of ${numbers.length} ${called} were checked`
  report(missing.length === 0, missing.length === 0 ? what : `${what}; missing: ${missing.join(', ')}`)
  for (const number of [...numbers].sort((a, b) => order(a) - order(b))) {
    const { isHeld = false, texts = ['to come'] } = rules.get(number) ?? {}
    console.log(`# ${isHeld ? 'ok' : 'not ok'} ${number} ${texts.join('; ')}`)
  }
}
console.log(`${result.passed} passed, ${result.failed} failed`)
process.exit(result.failed === 0 && result.passed > 0 ? 0 : 1)
