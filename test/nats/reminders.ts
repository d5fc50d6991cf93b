import * as io from 'io-ts'
import t from 'tap'
import { nats } from '../../lib/nats.js'
import {
  act,
  entities,
  id,
  inner,
  kind,
  message,
  mirrored,
  next,
  protocol,
  reply,
  startNode,
  supervisor,
} from '../../supervisors/index.js'
import { eventually, hasNatsServer, startNatsServer } from '../fixtures/nats-server.js'

const skip = hasNatsServer() ? false : 'not a machine with nats-server: install it to run these'

const BellId = id('BellId')
const Bell = protocol('bell', BellId, {
  Set: message({ name: io.string, afterMs: io.number }).replies(),
  Rung: message().reads(io.array(io.string)),
})
const Own = inner(Bell, { Ring: message({ name: io.string }) })
const late: number[] = []
const bell = kind(Bell, {
  inner: Own,
  activate: 'first-message',
  reminders: true,
  state: mirrored(io.array(io.string)),
  init: (): string[] => [],
  on: {
    Set: (rung, { name, afterMs }) =>
      reply(rung, undefined, act.remind({ name, afterMs, message: Own.Ring({ name }) })),
    Ring: (rung, { name }, at) => {
      late.push(at.lateMs ?? -1)
      return next([...rung, name])
    },
    Rung: (rung) => rung,
  },
})

t.test(
  'reminders – a reminder outlives every node and the nats-server',
  { skip, timeout: 60_000 },
  async (t) => {
    const server = await startNatsServer(t)
    const start = (name: string) =>
      startNode({
        cluster: 'reminders',
        name,
        transport: nats({ servers: server.url }),
        tree: supervisor('r', {}, [entities(bell)]),
        config: { shardCount: 16 },
      })
    const b1 = BellId('b1')
    const before = await Promise.all([start('n1'), start('n2')])
    await before[0].ref(Bell, b1).ask(Bell.Set({ name: 'soon', afterMs: 1_500 }))
    await before[1].ref(Bell, b1).ask(Bell.Set({ name: 'later', afterMs: 3_600_000 }))
    await before[1].ref(Bell, b1).ask(Bell.Set({ name: 'later', afterMs: 2_500 }))
    t.equal(late.length, 0, 'not due yet')
    for (const node of before) await node.stop({ drainMs: 0 })
    await server.kill()
    await server.restart()
    const after = await start('n3')
    t.teardown(() => after.stop())
    const rung = await eventually('both have rung', async () => {
      const rung = await after
        .ref(Bell, b1)
        .ask(Bell.Rung())
        .catch(() => [])
      return rung.length >= 2 ? rung : undefined
    })
    t.same(rung, ['soon', 'later'], 'each once, in order of time')
    t.ok(
      late.every((ms) => ms >= 0 && ms < 60_000),
      `${late.join(' and ')} ms late`,
    )
  },
)
