/** Two copies of tumen in one process: this one, and one that is compiled beside it. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import * as io from 'io-ts'
import t, { type Test } from 'tap'
import ts from 'typescript'
import * as tumen from '../../../supervisors/index.js'
import { systemClock } from '../../../lib/std/system.js'
import { release } from '../../../lib/version.js'

const root = join(import.meta.dirname, '../../..')

/** What the root of the package does not reach. */
const isElsewhere = /^(testing|trees)|nats|virtual-clock|faulty/
const compileInto = (folder: string): string => {
  for (const part of ['lib', 'supervisors'])
    for (const file of readdirSync(join(root, part), { recursive: true, encoding: 'utf8' })) {
      if (!file.endsWith('.ts') || isElsewhere.test(file)) continue
      const source = readFileSync(join(root, part, file), 'utf8')
      const { outputText } = ts.transpileModule(source, {
        compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ES2022 },
      })
      const to = join(folder, part, file.replace(/\.ts$/, '.js'))
      mkdirSync(dirname(to), { recursive: true })
      writeFileSync(to, outputText)
    }
  return pathToFileURL(join(folder, 'supervisors/index.js')).href
}

const declared = ({ behavior, message, next, nodeProtocol, supervisor, worker }: typeof tumen) => {
  const Bell = nodeProtocol('bell', { Ring: message({ times: io.number }) })
  const bell = behavior(Bell, { init: () => 0, on: { Ring: (n, { times }) => next(n + times) } })
  return { Bell, tree: supervisor('r', {}, [worker('bell', bell)]) }
}
const started = async (t: Test, { startNode, memory }: typeof tumen, tree: tumen.ChildSpec) => {
  const node = await startNode({ cluster: 'copies', transport: memory(), tree })
  t.teardown(() => node.stop())
  return node
}
/** What a new listener hears of copies, once everything that was due has run. */
const copiesHeard = (node: tumen.TumenNode): tumen.NodeEvent[] => {
  const heard: tumen.NodeEvent[] = []
  node.listen((event) => event.tag === 'TwoCopies' && heard.push(event))
  return heard
}
const turn = (): Promise<void> => new Promise((done) => systemClock.defer(done))
const sentenceOf = async (run: () => unknown): Promise<string> => {
  try {
    await run()
  } catch (error) {
    return (error as Error).message
  }
  return 'nothing was thrown'
}

t.test('copies - a second copy is told once to each node, and named where it is used', async (t) => {
  const folder = t.testdir({})
  const mine = declared(tumen)
  const before = await started(t, tumen, mine.tree)
  const heardBefore = copiesHeard(before)
  await turn()
  t.same(heardBefore, [], 'one copy is nothing to tell')
  t.notMatch(await sentenceOf(() => before.local({} as never)), /cop/)

  const other = (await import(compileInto(folder))) as typeof tumen
  const both =
    'Two copies of tumen are loaded in this process: ' + `${release} in ${root}/, ${release} in ${folder}/.`
  t.match(heardBefore, [{ tag: 'TwoCopies', level: 'warn', fields: { copies: [{ release }, { release }] } }])
  t.ok(heardBefore[0]?.sentence.startsWith(both), heardBefore[0]?.sentence ?? '')

  const after = await started(t, tumen, mine.tree)
  t.equal(after.status().counters['events_two_copies_total'], 1)
  const [first, second] = [copiesHeard(after), copiesHeard(after)]
  await turn()
  t.equal(first.length, 1, 'a node that starts later tells its first listener')
  t.equal(second.length, 0, 'and nobody else')

  const theirs = declared(other)
  const theirNode = await started(t, other, theirs.tree)
  const heardThere = copiesHeard(theirNode)
  await turn()
  t.equal(heardThere.length, 1, 'the other copy tells it on its own nodes')

  const uses: readonly (() => unknown)[] = [
    () => after.local(theirs.Bell),
    () => after.remote(after.id, mine.Bell).tell(theirs.Bell.Ring({ times: 1 })),
    () => tumen.supervisor('r', {}, [theirs.tree]),
    () => tumen.startNode({ cluster: 'copies', transport: tumen.memory(), tree: theirs.tree }),
  ]
  for (const use of uses) t.match(await sentenceOf(use), both.slice(0, 40), use.toString())
})
