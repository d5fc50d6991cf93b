import t from 'tap'
import { openHealth } from '../../bin/health.js'

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
