import t from 'tap'
import { loadApp } from '../../bin/app.js'

const load = (file: string, text: string) => async (directory: string) =>
  loadApp(file, directory).catch((e: Error) => e.message + text)

t.test('app - a module that is missing, broken, or no app is refused in one sentence', async (t) => {
  const directory = t.testdir({
    'throws.mjs': 'throw new Error("no coffee")',
    'number.mjs': 'export default 3',
    'nothing.mjs': 'export const tree = 1',
    'no-tree.mjs': 'export default { tree: 3 }',
    'syntax.mjs': 'export default {',
    'lines.mjs': 'throw new Error("first\\nsecond")',
    'text.mjs': 'throw "no coffee"',
    folder: {},
  })
  const said = (file: string) => load(file, '')(directory)
  t.match(await said('missing.mjs'), /^There is no file .*missing\.mjs\.$/)
  t.match(await said('throws.mjs'), /throws\.mjs does not load: no coffee \(throws\.mjs:1:7\)$/)
  t.match(await said('number.mjs'), /expected the default export to be a tree or \{ tree, config \}/)
  t.match(await said('nothing.mjs'), /expected the default export/)
  t.match(await said('no-tree.mjs'), /expected "tree" of the default export to be made by supervisor/)
  t.match(await said('syntax.mjs'), /syntax\.mjs does not load: Unexpected end of input/)
  t.match(await said('lines.mjs'), /lines\.mjs does not load: first \(lines\.mjs:1:7\)$/)
  t.match(await said('text.mjs'), /text\.mjs does not load: no coffee$/)
  t.match(await said('folder'), /folder is a directory: name a module in it\.$/)
})

t.test('app - without a name it is the tumen field of the nearest package.json', async (t) => {
  const directory = t.testdir({
    'package.json': '{ "tumen": "./missing-app.mjs" }',
    below: { deeper: {} },
    bare: { 'package.json': '{}' },
    broken: { 'package.json': '{' },
  })
  await t.rejects(loadApp(undefined, `${directory}/below/deeper`), { message: /no file .*missing-app\.mjs/ })
  await t.rejects(loadApp(undefined, `${directory}/bare`), { message: /^Which APP\? .*set "tumen" in/ })
  await t.rejects(loadApp(undefined, `${directory}/broken`), {
    message: /package\.json: expected JSON, such as '\{"tumen":"\.\/app\.js"\}'\.$/,
  })
})
