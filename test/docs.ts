import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import t from 'tap'
import { commandsPage, gatewayLimits } from '../actors/index.js'
import { apiSubjects, journalStream, recordsStream } from '../lib/wire/subjects.js'
import { type Block, blocksOf, type Page, readPages } from './fixtures/docs/blocks.js'
import { compilePrograms, runToEnd, savePrograms } from './fixtures/docs/program.js'

t.setTimeout(300_000)

const root = dirname(import.meta.dirname)
const pages = readPages(root)
const where = ({ page, line }: Block): string => `${page}:${line}`

/** Blocks that install or test the whole clone, and what runs them instead. */
const ranElsewhere: readonly (readonly [form: RegExp, test: string])[] = [
  [/^npm (i|install) tumen\b/, 'test/pack.ts'],
  [/^npm ci && npm test( -- [a-z ]+)?$/, 'test/docs.ts'],
  [/^npm test( -- [a-z ]+)?$/, 'test/docs.ts'],
  [/^npx tap /, 'test/docs.ts'],
  [/^npm (ci && npm )?start\b/, 'test/bin'],
  [/^npm run (bench|lint|format|coverage)\b/, 'scripts/run-tests.mjs'],
]

t.test('docs - the pages that people need are there', async (t) => {
  const paths = pages.map(({ path }) => path)
  for (const path of ['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md'])
    t.ok(paths.includes(path), path)
  for (const name of ['ARCHITECTURE', 'GUARANTEES', 'PROTOCOL', 'entities', 'errors']) {
    t.ok(paths.includes(`docs/${name}.md`), `docs/${name}.md`)
  }
})

t.test('docs - every ts block type checks and runs to its end', async (t) => {
  const folder = join(root, 'dist', '.docs')
  rmSync(folder, { recursive: true, force: true })
  const programs = pages.flatMap((page) => savePrograms(page, folder))
  t.same(compilePrograms(programs), [], 'all of them compile')
  for (const { block, file } of programs) {
    if (block.attributes.has('declares')) continue
    const { code, out, err } = await runToEnd([process.execPath, file.replace(/\.ts$/, '.js')], {
      cwd: dirname(file),
      timeoutMs: 30_000,
    })
    t.equal(code, 0, `${where(block)} ends by itself with code 0`, { out, err })
    const said = shownOutput(block)
    if (said !== undefined) t.equal(out.trim(), said.trim(), `${where(block)} prints what the page says`)
  }
})

/** A block ```text output``` right after a program is what it prints. */
const shownOutput = (block: Block): string | undefined => {
  const blocks = pages.find(({ path }) => path === block.page)?.blocks ?? []
  const next = blocks[blocks.indexOf(block) + 1]
  return next?.attributes.has('output') ? next.code : undefined
}

const runnable = (code: string): string =>
  code.replace(/^npx tumen\b/gm, `node ${join(root, 'dist/bin/tumen.js')}`)

/**
 * Starts what keeps running, such as `tumen up`; resolves with the way to end it when it has said something.
 */
const startBackground = (code: string, cwd: string): Promise<() => Promise<number | null>> =>
  new Promise((started) => {
    const child = spawn('bash', ['-euc', `exec ${runnable(code)}`], {
      cwd,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const ended = new Promise<number | null>((done) => child.on('close', done))
    child.stdout.once('data', () =>
      started(() => {
        child.kill('SIGINT')
        return ended
      }),
    )
  })

const runShell = async (t: Tap, page: Page): Promise<void> => {
  const cwd = mkdtempSync(join(tmpdir(), 'tumen-docs-'))
  const ends: (() => Promise<number | null>)[] = []
  t.teardown(() => rmSync(cwd, { recursive: true, force: true }))
  for (const block of page.blocks.filter(({ language }) => language === 'sh')) {
    const by = block.attributes.get('by')
    const lines = block.code.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'))
    const others = lines.map((line) => ranElsewhere.find(([form]) => form.test(line))?.[1])
    if (by !== undefined) {
      t.ok(existsSync(join(root, by)), `${where(block)} is run by ${by}`)
    } else if (lines.length > 0 && others.every((other) => other !== undefined)) {
      for (const other of others)
        t.ok(existsSync(join(root, other ?? '')), `${where(block)} is run by ${other}`)
    } else if (block.attributes.has('background')) {
      ends.push(await startBackground(block.code, cwd))
    } else {
      const isAtRoot = /npm run|node dist|scripts\//.test(block.code)
      const ended = await runToEnd(['bash', '-euc', runnable(block.code)], { cwd: isAtRoot ? root : cwd })
      t.equal(ended.code, 0, `${where(block)} runs to its end with code 0`, ended)
    }
  }
  for (const end of ends.reverse()) t.equal(await end(), 0, `${page.path}: what was started ends with code 0`)
}
type Tap = Pick<typeof t, 'ok' | 'equal' | 'teardown'>

t.test('docs - every sh block runs, or names the test that runs it', async (t) => {
  for (const page of pages) await t.test(page.path, async (t) => runShell(t, page).then(() => t.pass('read')))
})

t.test('docs - every test that a page names is there, with the claim that is quoted', async (t) => {
  for (const { path, text } of pages) {
    for (const { file, claim } of namedTests(text)) {
      const isThere = existsSync(join(root, file))
      t.ok(isThere, `${path} names ${file}`)
      if (claim === undefined || !isThere) continue
      t.ok(readFileSync(join(root, file), 'utf8').includes(claim), `${path}: ${file} claims "${claim}"`)
    }
  }
})

/** `test/x.ts` "claim", also over the end of a line. */
const namedTests = (text: string): { file: string; claim: string | undefined }[] =>
  [...text.matchAll(/`(test\/[\w./-]+?)`(?:,?\s+"([^"]+)")?/g)].map(([, file = '', claim]) => ({
    file,
    claim: claim?.replace(/\s+/g, ' '),
  }))

t.test('docs - every promise in GUARANTEES names its test', async (t) => {
  const text = pages.find(({ path }) => path === 'docs/GUARANTEES.md')?.text ?? ''
  const rows = text
    .split('\n')
    .filter((line) => /^\| (?!-|what|promise)/i.test(line) && !/^\|[\s:-]+\|/.test(line))
  const items = text.split(/\n(?=- \*\*)/).slice(1)
  t.ok(rows.length + items.length > 0, 'it promises something')
  for (const promise of [...rows, ...items]) {
    t.ok(
      namedTests(promise).some(({ claim }) => claim !== undefined),
      promise.slice(0, 80),
    )
  }
})

interface Numbered {
  readonly numbered: Readonly<
    Record<'H' | 'G', { readonly numbers: readonly string[]; readonly toCome: readonly string[] }>
  >
  filesNumbered(folder: string, letter: string): readonly string[]
  numbersIn(text: string): readonly string[]
}
/** `H1, H7 to H9` as single numbers. */
const expanded = (list: string): readonly string[] =>
  list.split(', ').flatMap((item) => {
    const [, letter = '', from, to = from] = /^([A-Z])(\d+)(?: to [A-Z](\d+))?$/.exec(item) ?? []
    return Array.from({ length: Number(to) - Number(from) + 1 }, (_, i) => `${letter}${Number(from) + i}`)
  })

t.test(
  'docs - GUARANTEES names every behaviour that has a number, with the files of its tests',
  async (t) => {
    const from: string = '../scripts/numbered.mjs'
    const { numbered, filesNumbered, numbersIn } = (await import(from)) as Numbered
    const text = pages.find(({ path }) => path === 'docs/GUARANTEES.md')?.text ?? ''
    const named = new Map(
      [...text.matchAll(/^- `(test\/[\w./-]+)`: ((?:[HG]\d+(?: to [HG]\d+)?(?:, )?)+)$/gm)].map(
        ([, file = '', list = '']) => [file, [...expanded(list)].sort()],
      ),
    )
    for (const letter of ['H', 'G'] as const) {
      const all = new Set([...named.values()].flat())
      const missing = numbered[letter].numbers.filter(
        (n) => !all.has(n) && !numbered[letter].toCome.includes(n),
      )
      t.same(missing, [], `${letter}: each is named`)
    }
    const files = new Set(['H', 'G'].flatMap((letter) => filesNumbered(join(root, 'test'), letter)))
    for (const file of files) {
      const numbers = numbersIn(readFileSync(file, 'utf8')).filter((number) => /^[HG]/.test(number))
      const path = file.slice(root.length + 1)
      t.same(
        named.get(path),
        [...numbers].sort(),
        `${path} has the numbers that the page names, and no others`,
      )
    }
  },
)

t.test('docs - GUARANTEES numbers every invariant of the simulation', async (t) => {
  const text = pages.find(({ path }) => path === 'docs/GUARANTEES.md')?.text ?? ''
  const items = text.split(/\n- (?=I\d+\. )/).slice(1)
  t.same(
    items.map((item) => item.split('.')[0]),
    items.map((_, i) => `I${i + 1}`),
    'one after the other',
  )
  const named = items.flatMap((item) => [...item.matchAll(/`([a-z-]+)`/g)].map(([, name]) => name))
  const folder = join(root, 'test/fixtures/simulation')
  const sources = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'))
  const said = sources.flatMap((source) =>
    [...source.matchAll(/\bbad\(\s*'([a-z-]+)'/g)].map(([, name]) => name),
  )
  t.same([...named].sort(), [...new Set(said)].sort(), 'each name that a run can complain with, once')
})

t.test('docs - the page of the gateway has every command and every limit', async (t) => {
  const text = pages.find(({ path }) => path === 'docs/gateway.md')?.text ?? ''
  t.ok(text.includes(commandsPage()), 'the commands are those of the table, word for word')
  for (const [limit, value] of Object.entries(gatewayLimits)) {
    const row = text.split('\n').find((line) => line.startsWith('|') && line.includes(`\`${limit}\``)) ?? ''
    t.ok(row.includes(value.toLocaleString('en')), `${limit} is ${value}`)
  }
})

t.test('docs - PROTOCOL lists what a user of NATS must be allowed, and no more', async (t) => {
  const text = pages.find(({ path }) => path === 'docs/PROTOCOL.md')?.text ?? ''
  const { consumerDelete, ...others } = apiSubjects('c')
  const needed = [...Object.values(others), consumerDelete('>')].map((s) =>
    s.replace(recordsStream('c'), 'STREAM'),
  )
  const journal = journalStream('c', 'journal')
  const { streamInfo, streamCreate, messageGet, consumerCreate } = journal
  const ofJournals = [streamInfo, streamCreate, messageGet, consumerCreate]
  for (const subject of [...ofJournals, journal.consumerNext('>'), journal.consumerDelete('>')])
    needed.push(subject.replace(journal.stream, 'JOURNAL'))
  t.same([...text.matchAll(/\$JS\.API\.\S+/g)].map(([subject]) => subject).sort(), needed.sort())
})

t.test('docs - every link inside the repository leads somewhere', async (t) => {
  for (const { path, text } of pages) {
    const prose = text.replace(/^(`{3,})[\s\S]*?^\1/gm, '')
    for (const [, link = ''] of prose.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^(https?:|mailto:)/.test(link)) continue
      const [file = '', anchor] = link.split('#')
      const target = file === '' ? path : join(dirname(path), file)
      t.ok(existsSync(join(root, target)), `${path} links to ${link}`)
      if (anchor === undefined || !target.endsWith('.md') || !existsSync(join(root, target))) continue
      t.ok(anchorsOf(readFileSync(join(root, target), 'utf8')).includes(anchor), `${path} links to ${link}`)
    }
  }
})

const anchorsOf = (text: string): string[] =>
  [...text.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s-]/gu, '')
      .trim()
      .replace(/\s/g, '-'),
  )

t.test('docs - every error has its place in errors.md', async (t) => {
  const errors = readFileSync(join(root, 'lib/errors.ts'), 'utf8')
  const misuse = readFileSync(join(root, 'lib/api/misuse.ts'), 'utf8')
  const tags = new Set([
    ...[...errors.matchAll(/readonly tag: '(\w+)'/g)].map(([, tag = '']) => tag),
    ...codesOf(errors, 'StartCode'),
    ...codesOf(misuse, 'MisuseCode'),
  ])
  const page = pages.find(({ path }) => path === 'docs/errors.md')
  const anchors = anchorsOf(page?.text ?? '')
  t.ok(tags.size > 30, 'all three families are read')
  for (const tag of tags) t.ok(anchors.includes(tag.toLowerCase()), `docs/errors.md has a heading ${tag}`)
})

/** The members of a union of texts, as it is declared in a source. */
const codesOf = (source: string, type: string): string[] => {
  const [, union = ''] =
    new RegExp(`export type ${type} =((?:\\s*(?:/\\*[^]*?\\*/)?\\s*\\| '\\w+')+)`).exec(source) ?? []
  return [...union.matchAll(/\| '(\w+)'/g)].map(([, code = '']) => code)
}

t.test('docs - blocks are found with their lines and attributes', async (t) => {
  const text = ['a', '```ts file=a.ts declares', 'x', '```', '````sh', '```', '````', '```', 'y', '```'].join(
    '\n',
  )
  const found = blocksOf('p.md', text).map(({ line, language, code, attributes }) => [
    line,
    language,
    code,
    [...attributes].join(' '),
  ])
  t.same(found, [
    [3, 'ts', 'x', 'file,a.ts declares,'],
    [6, 'sh', '```', ''],
    [9, '', 'y', ''],
  ])
})
