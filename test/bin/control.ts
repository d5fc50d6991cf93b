import t from 'tap'
import { openControl, giveOrder } from '../../bin/control.js'
import { Plain } from '../../bin/plain.js'

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
