/** Each limit of a node, reached on purpose: `node.status()` counts it. */
import t from 'tap'
import * as io from 'io-ts'
import type { ConfigInput } from '../../../lib/config.js'
import {
  act,
  answerTo,
  entities,
  id,
  inner,
  kind,
  message,
  mirrored,
  next,
  protocol,
  putOff,
  reply,
  supervisor,
  type TumenNode,
} from '../../../supervisors/index.js'
import { noneReached } from '../../../lib/limits.js'
import { VirtualCluster } from '../../fixtures/promises.js'

const BoxId = id('BoxId')
const Box = protocol('box', BoxId, {
  Put: message({ text: io.string }).replies(io.number),
  Grow: message({ chars: io.number }).replies(),
  /** Commands another box to hang, or to throw. */
  Order: message({ isBad: io.boolean }).replies(),
  Hang: message().replies(io.number),
  Throw: message().replies(io.number),
})
const Own = inner(Box, { Hung: answerTo(Box.Hang, {}), Thrown: answerTo(Box.Throw, {}) })
const boxes = (stateBytesMax?: number) =>
  kind(Box, {
    inner: Own,
    activate: 'first-message',
    state: mirrored(io.string),
    init: () => '',
    on: {
      Put: (_, { text }) => reply(text, text.length),
      Grow: (_, { chars }) => reply('x'.repeat(chars)),
      Order: (box, { isBad }) => {
        const to = Box.at(BoxId('other'))
        const hang = act.command(to, Box.Hang(), Own.Hung({}))
        return reply(box, undefined, isBad ? act.command(to, Box.Throw(), Own.Thrown({})) : hang)
      },
      Hang: (box) => putOff(box),
      Throw: () => {
        throw new Error('on purpose')
      },
      Hung: (box) => next(box),
      Thrown: () => next('came back'),
    },
    ...(stateBytesMax === undefined ? {} : { limits: { stateBytesMax } }),
  })

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
const countOf = (node: TumenNode, limit: string): number | undefined =>
  node.status().counters[`limits_${snake(limit)}_total`]

const started = async (t: Tap.Test, config: ConfigInput, stateBytesMax?: number) => {
  const cluster = new VirtualCluster(
    () => supervisor('root', { intensity: 100 }, [entities(boxes(stateBytesMax))]),
    config,
  )
  t.teardown(() => cluster.end())
  const node = await cluster.start('n1')
  const box = node.ref(Box, BoxId('a'))
  // While its shard begins an ask is delivered more than once.
  await cluster.run(box.ask(Box.Put({ text: '' }), { reqId: 'r0' }))
  return { cluster, node, box }
}
declare namespace Tap {
  type Test = Pick<typeof t, 'teardown'>
}
const codes = (failures: readonly unknown[]): unknown[] =>
  failures.map((one) => (one as { code?: string }).code ?? 'fulfilled')

t.test('limits – every limit has its counter in the status of a node, and none was reached', async (t) => {
  const { node } = await started(t, {})
  for (const limit of Object.keys(noneReached())) t.equal(countOf(node, limit), 0, limit)
})

t.test('limits – mailboxCountMax counts what a full mailbox refused', async (t) => {
  const { node, box, cluster } = await started(t, { mailboxCountMax: 2 })
  const asks = Array.from({ length: 5 }, () => cluster.fails(box.ask(Box.Put({ text: 'a' }))))
  t.equal(codes(await Promise.all(asks)).filter((code) => code === 'Overloaded').length, 3)
  t.equal(countOf(node, 'mailboxCountMax'), 3)
})

t.test('limits – pendingAsksCountMax counts asks that were not taken', async (t) => {
  const { node, box, cluster } = await started(t, { pendingAsksCountMax: 2 })
  const asks = Array.from({ length: 5 }, () => cluster.fails(box.ask(Box.Put({ text: 'a' }))))
  t.equal(codes(await Promise.all(asks)).filter((code) => code === 'Overloaded').length, 3)
  t.equal(countOf(node, 'pendingAsksCountMax'), 3)
})

t.test('limits – commandsPendingCountMax counts messages to an entity that waits for too many', async (t) => {
  const { node, box, cluster } = await started(t, { commandsPendingCountMax: 1 })
  await cluster.run(box.ask(Box.Order({ isBad: false })))
  t.same(codes([await cluster.fails(box.ask(Box.Put({ text: 'a' })))]), ['Overloaded'])
  t.equal(countOf(node, 'commandsPendingCountMax'), 1)
})

t.test(
  'limits – commandAttemptsCountMax counts commands that their receiver crashed on each time',
  async (t) => {
    const { node, box, cluster } = await started(t, { commandAttemptsCountMax: 2 })
    await cluster.run(box.ask(Box.Order({ isBad: true })))
    await cluster.until(() => countOf(node, 'commandAttemptsCountMax') === 1, 'a command that came back')
    t.equal(countOf(node, 'commandAttemptsCountMax'), 1)
  },
)

t.test('limits – heldOutputsCountMax counts messages to a shard whose mirror is silent', async (t) => {
  const { node, cluster } = await started(t, { heldOutputsCountMax: 3, shardCount: 1 })
  const other = await cluster.start('n2')
  const where = () => node.where(Box, BoxId('a'))
  await cluster.run(node.ref(Box, BoxId('a')).ask(Box.Put({ text: 'a' })))
  await cluster.until(() => where().mirrors.length === 1, 'a mirror')
  const [owner, mirror] = where().isHere ? [node, 'n2'] : [other, 'n1']
  cluster.transport.faults.pause(mirror)
  const box = owner.ref(Box, BoxId('a'))
  const asks = Array.from({ length: 5 }, () => cluster.fails(box.ask(Box.Put({ text: 'b' }))))
  t.equal(codes(await Promise.all(asks)).filter((code) => code === 'Overloaded').length, 2)
  t.equal(countOf(owner, 'heldOutputsCountMax'), 2)
})

t.test('limits – fillsCountMax counts mirrors that had to wait for others to be filled', async (t) => {
  const { node, cluster } = await started(t, { fillsCountMax: 1 })
  for (let i = 0; i < 20; i++) await cluster.run(node.ref(Box, BoxId(`box-${i}`)).ask(Box.Put({ text: 'a' })))
  t.equal(countOf(node, 'fillsCountMax'), 0)
  await cluster.start('n2')
  await cluster.until(() => (countOf(node, 'fillsCountMax') ?? 0) > 0, 'a mirror that waits')
  t.ok((countOf(node, 'fillsCountMax') ?? 0) > 0)
})

t.test('limits – repliesCountMax counts replies that were forgotten before their time', async (t) => {
  const { node, box, cluster } = await started(t, { repliesCountMax: 2 })
  for (const reqId of ['r1', 'r2']) await cluster.run(box.ask(Box.Put({ text: 'a' }), { reqId }))
  t.equal(countOf(node, 'repliesCountMax'), 1)
})

t.test('limits – payloadBytesMax counts messages and states, stateBytesMax states of its kind', async (t) => {
  const large = await started(t, { payloadBytesMax: 2_048 })
  const put = large.box.ask(Box.Put({ text: 'x'.repeat(3_000) }))
  t.same(codes([await large.cluster.fails(put)]), ['PayloadTooLarge'])
  t.equal(countOf(large.node, 'payloadBytesMax'), 1)
  t.same(codes([await large.cluster.fails(large.box.ask(Box.Grow({ chars: 3_000 })))]), ['Crashed'])
  t.equal(countOf(large.node, 'payloadBytesMax'), 2)
  const own = await started(t, {}, 100)
  t.same(codes([await own.cluster.fails(own.box.ask(Box.Grow({ chars: 200 })))]), ['Crashed'])
  t.match([countOf(own.node, 'stateBytesMax'), countOf(own.node, 'payloadBytesMax')], [1, 0])
})

t.test('limits – askTimeoutMsMax counts deadlines that were shortened', async (t) => {
  const { node, box, cluster } = await started(t, { askTimeoutMs: 1_000, askTimeoutMsMax: 2_000 })
  await cluster.run(box.ask(Box.Put({ text: 'a' }), { timeoutMs: 2_000 }))
  t.equal(countOf(node, 'askTimeoutMsMax'), 0)
  await cluster.run(box.ask(Box.Put({ text: 'a' }), { timeoutMs: 2_001 }))
  t.equal(countOf(node, 'askTimeoutMsMax'), 1)
})

t.test('limits – turnCountMax counts turns that it ended', async (t) => {
  const { node, box, cluster } = await started(t, { turnCountMax: 1 })
  await cluster.run(Promise.all(Array.from({ length: 5 }, () => box.ask(Box.Put({ text: 'a' })))))
  t.ok((countOf(node, 'turnCountMax') ?? 0) >= 5)
})
