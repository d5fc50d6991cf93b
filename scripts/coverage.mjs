// How many lines of lib and supervisors the tests have run, per folder, from the summary that tap leaves behind.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, relative } from 'node:path'

const require = createRequire(import.meta.url)

/** Percent of lines, for each of `gated`. */
export const linesMin = 90
const gated = ['lib', 'supervisors']
/** Covered by the group `nats` alone, against real servers. */
const needsServer = /(^|\/)nats(-\w+)?\.ts$/

const sourcesUnder = (path) =>
  readdirSync(path, { withFileTypes: true }).flatMap((entry) => {
    const inner = join(path, entry.name)
    return entry.isDirectory() ? sourcesUnder(inner) : inner.endsWith('.ts') ? [inner] : []
  })

/** Lines of a file that no test has loaded; none when it holds nothing but types. */
const linesOfUnloaded = (file) => {
  const ts = require('typescript')
  const text = readFileSync(file, 'utf8')
  const compilerOptions = { module: ts.ModuleKind.ESNext, removeComments: true, verbatimModuleSyntax: true }
  const { outputText } = ts.transpileModule(text, { compilerOptions })
  return outputText.replace('export {};', '').trim() === '' ? 0 : text.split('\n').length
}

const percent = ({ covered, total }) => (total === 0 ? 100 : (100 * covered) / total)

/**
 * Lines to print, and a sentence for each gate that is not met. With `hasServer` also what only real servers
 * can cover counts.
 */
export const checkCoverage = (root, { hasServer }) => {
  const summary = join(root, '.tap/report/coverage-summary.json')
  if (!existsSync(summary)) return { lines: [], complaints: [`there is no ${relative(root, summary)}`] }
  const measured = JSON.parse(readFileSync(summary, 'utf8'))
  const folders = new Map()
  for (const file of gated.flatMap((top) => sourcesUnder(join(root, top)))) {
    const path = relative(root, file)
    if (needsServer.test(path) && !hasServer) continue
    const { covered, total } = measured[file]?.lines ?? { covered: 0, total: linesOfUnloaded(file) }
    const [top = '', ...inner] = path.split('/').slice(0, -1)
    for (const name of new Set([top, [top, ...inner].slice(0, 2).join('/')])) {
      const sum = folders.get(name) ?? { covered: 0, total: 0 }
      folders.set(name, { covered: sum.covered + covered, total: sum.total + total })
    }
  }
  const sorted = [...folders].sort(([a], [b]) => (a < b ? -1 : 1))
  const complaints = sorted
    .filter(([name, sum]) => gated.includes(name) && percent(sum) < linesMin)
    .map(
      ([name, sum]) => `${name}: ${percent(sum).toFixed(1)} % of lines are covered, expected ${linesMin} %`,
    )
  return {
    lines: sorted.map(([name, sum]) => `${percent(sum).toFixed(1).padStart(5)} % ${name}`),
    complaints,
  }
}

if (process.argv[1] === import.meta.filename) {
  const { lines, complaints } = checkCoverage(process.argv[2] ?? join(import.meta.dirname, '..'), {
    hasServer: true,
  })
  for (const line of [...lines, ...complaints]) console.log(line)
  process.exitCode = complaints.length === 0 ? 0 : 1
}
