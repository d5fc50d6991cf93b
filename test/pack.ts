import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { programsOf, readPages } from './fixtures/docs/blocks.js'
import { runToEnd } from './fixtures/docs/program.js'

t.setTimeout(240_000)

const root = dirname(import.meta.dirname)
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const npm = ['npm', '--no-audit', '--no-fund', '--loglevel=error']

const folder = mkdtempSync(join(tmpdir(), 'tumen-pack-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))
const project = join(folder, 'project')

const succeeds = async (command: readonly string[], cwd: string, what: string): Promise<string> => {
  const ended = await runToEnd(command, { cwd, timeoutMs: 150_000 })
  t.equal(ended.code, 0, what, ended)
  return ended.out
}

/** The README's first actor: its first program, and the files that it imports. */
const readme = readPages(root).find(({ path }) => path === 'README.md')
const programs = readme === undefined ? [] : programsOf(readme)

t.test('pack - the package holds what is shipped and nothing else', async (t) => {
  const out = await succeeds([...npm, 'pack', '--json', '--pack-destination', folder], root, 'npm pack')
  const [{ files }] = JSON.parse(out) as [{ files: { path: string }[] }]
  const paths = files.map(({ path }) => path)
  for (const edge of Object.values<{ types: string; default: string } | string>(manifest.exports)) {
    const named = typeof edge === 'string' ? [edge] : [edge.types, edge.default]
    for (const path of named) t.ok(paths.includes(path.replace('./', '')), `${path} is in it`)
  }
  for (const path of [
    'LICENSE',
    'NOTICE',
    'README.md',
    'CHANGELOG.md',
    'docs/errors.md',
    'dist/bin/tumen.js',
  ])
    t.ok(paths.includes(path), path)
  const strange = paths.filter((path) => /(^|\/)(test|bench|scripts|\.ci)\/|tsbuildinfo/.test(path))
  t.same(strange, [], 'no tests, benches or build leavings')
  t.notOk(
    manifest.scripts.install ?? manifest.scripts.prepare ?? manifest.scripts.postinstall,
    'no install script',
  )
})

t.test('pack - it installs into an empty project', async () => {
  mkdirSync(project)
  writeFileSync(join(project, 'package.json'), '{ "name": "game", "private": true, "type": "module" }\n')
  const tarball = join(folder, `tumen-${manifest.version}.tgz`)
  await succeeds([...npm, 'install', '--prefer-offline', tarball], project, 'npm install')
  const installed = readdirSync(join(project, 'node_modules'))
  for (const peer of Object.keys(manifest.peerDependencies))
    t.ok(installed.includes(peer), `${peer} comes with it`)
  const lock = JSON.parse(readFileSync(join(project, 'package-lock.json'), 'utf8'))
  const scripted = Object.entries<{ hasInstallScript?: true }>(lock.packages).filter(
    (one) => one[1].hasInstallScript,
  )
  t.same(scripted, [], 'nothing that is installed has an install script')
})

const resolutions = {
  nodenext: { module: 'nodenext', moduleResolution: 'nodenext' },
  bundler: { module: 'esnext', moduleResolution: 'bundler' },
}

t.test('pack - the first actor of the README runs as printed, with its types', async (t) => {
  t.ok(programs.length > 0, 'the README has a program')
  for (const [name, block] of programs) writeFileSync(join(project, name), `${block.code}\n`)
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  for (const [name, resolution] of Object.entries(resolutions)) {
    const compilerOptions = {
      ...{ target: 'es2022', strict: true, outDir: `out-${name}`, rootDir: '.' },
      ...resolution,
    }
    const config = { compilerOptions, files: programs.map(([file]) => file) }
    writeFileSync(join(project, `tsconfig.${name}.json`), JSON.stringify(config))
    const out = await succeeds(
      [process.execPath, tsc, '-p', `tsconfig.${name}.json`],
      project,
      `types for ${name}`,
    )
    t.equal(out, '', 'without a complaint, the types of the package itself included')
  }
  for (const [name] of programs) {
    const file = join('out-nodenext', name.replace(/\.ts$/, '.js'))
    await succeeds([process.execPath, file], project, `${name} runs and ends by itself`)
  }
})

t.test(
  'pack - every link that an error prints, and every link of a page, leads somewhere inside',
  async (t) => {
    const inside = join(project, 'node_modules/tumen')
    const { errorLink } = (await import(
      pathToFileURL(join(inside, 'dist/lib/errors.js')).href
    )) as typeof import('../lib/errors.js')
    const types = ['lib/errors.d.ts', 'lib/api/misuse.d.ts'].map((path) =>
      readFileSync(join(inside, 'dist', path), 'utf8'),
    )
    const codes = ['AskError', 'StartCode', 'MisuseCode'].flatMap((family) =>
      codesOf(types.join('\n'), family),
    )
    t.ok(codes.length > 35, `${codes.length} codes of the three families are read`)
    for (const code of [...codes, 'Refused']) {
      const [file = '', anchor] = errorLink(code).split('#')
      t.ok(existsSync(join(inside, file)), `${errorLink(code)} is a page of the package`)
      t.ok(headingsOf(join(inside, file)).includes(anchor ?? ''), `${errorLink(code)} is a heading of it`)
    }
    for (const { path, text } of readPages(inside)) {
      const prose = text.replace(/^(`{3,})[\s\S]*?^\1/gm, '')
      for (const [, link = ''] of prose.matchAll(/\]\(([^)\s#]+)[^)\s]*\)/g)) {
        if (/^(https?:|mailto:)/.test(link)) continue
        t.ok(existsSync(join(inside, dirname(path), link)), `${path} links to ${link}`)
      }
    }
  },
)

const headingsOf = (path: string): string[] =>
  [...readFileSync(path, 'utf8').matchAll(/^#+ (\w+)$/gm)].map(([, title = '']) => title.toLowerCase())

/** The tags of a union of texts, or of records with a `tag`, as a declaration file has it. */
const codesOf = (source: string, type: string): string[] => {
  const declaration = new RegExp(`export type ${type} =([^]*?);\\n(?=export |declare |/)`)
  const [, union = ''] = declaration.exec(source) ?? []
  const tags = [...union.matchAll(/readonly tag: '(\w+)'/g)]
  return (tags.length > 0 ? tags : [...union.matchAll(/'(\w+)'/g)]).map(([, code = '']) => code)
}

t.test('pack - require can load it, and its launcher answers', async () => {
  const edges = Object.keys(manifest.exports).filter((edge) => !edge.endsWith('.json'))
  for (const edge of edges) {
    const name = edge.replace('.', 'tumen')
    await succeeds([process.execPath, '-e', `require('${name}')`], project, `require('${name}')`)
    await succeeds(
      [process.execPath, '--input-type=module', '-e', `await import('${name}')`],
      project,
      `import('${name}')`,
    )
  }
  await succeeds(['npx', '--no-install', 'tumen', '--help'], project, 'npx tumen --help')
})
