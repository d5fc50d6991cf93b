import t from 'tap'
import { loadApp } from '../../bin/app.js'
import { openControl, giveOrder } from '../../bin/control.js'
import { Plain } from '../../bin/plain.js'
import { openHealth } from '../../bin/health.js'

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

t.test('control - an order with the token is carried out, and its answer comes back', async (t) => {
  const control = await openControl(async ({ verb, argument }) => ({ verb, argument }))
  t.teardown(() => control.close())
  t.same(await giveOrder(control, { verb: 'status', argument: { node: 'n1' } }), {
    verb: 'status',
    argument: { node: 'n1' },
  })
})

t.test('control - without the token nothing is done', async (t) => {
  let count = 0
  const control = await openControl(async () => ++count)
  t.teardown(() => control.close())
  await t.rejects(giveOrder({ ...control, token: 'guess' }, { verb: 'kill', argument: null }), {
    message: /does not know this token/,
  })
  t.equal((await fetch(control.url, { method: 'POST', body: '{}' })).status, 401)
  t.equal(count, 0)
})

t.test('control - a sentence and its exit code come back as they were', async (t) => {
  const control = await openControl(() => Promise.reject(new Plain('There is no such node.', 2)))
  t.teardown(() => control.close())
  const order = giveOrder(control, { verb: 'drain', argument: null })
  const failure = await order.catch((error: unknown) => error)
  t.match(failure, { sentence: 'There is no such node.', exitCode: 2 })
})

t.test('control - an order that is too long or no JSON is refused', async (t) => {
  const control = await openControl(async () => null)
  t.teardown(() => control.close())
  const send = (body: string) =>
    fetch(control.url, { method: 'POST', body, headers: { authorization: `Bearer ${control.token}` } })
  t.equal((await send('{')).status, 422)
  t.equal((await send('x'.repeat(1_100_000)).catch(() => ({ status: 422 }))).status, 422)
})

t.test('control - when nobody listens any more it is said', async (t) => {
  const control = await openControl(async () => null)
  await control.close()
  await t.rejects(giveOrder(control, { verb: 'status', argument: null }), { message: /does not answer/ })
})

t.test('health - each path answers 200 when its word is true', async (t) => {
  const now = { ready: false, draining: false }
  const health = await openHealth(0, () => now)
  t.teardown(() => health.close())
  const status = async (path: string) => (await fetch(`http://127.0.0.1:${health.port}${path}`)).status
  t.same([await status('/live'), await status('/ready'), await status('/draining')], [200, 503, 503])
  now.ready = true
  t.same([await status('/live'), await status('/ready'), await status('/draining')], [200, 200, 503])
  now.draining = true
  t.same([await status('/live'), await status('/ready'), await status('/draining')], [200, 503, 200])
  t.equal(await status('/nothing'), 404)
  const all = await (await fetch(`http://127.0.0.1:${health.port}/`)).json()
  t.same(all, { live: true, ready: false, draining: true })
})

t.test('health - a port in use is named', async (t) => {
  const first = await openHealth(0, () => ({ ready: true, draining: false }))
  t.teardown(() => first.close())
  await t.rejects(
    openHealth(first.port, () => ({ ready: true, draining: false })),
    {
      message: `--health: port ${first.port} on 127.0.0.1 is in use. Choose another one.`,
    },
  )
})
