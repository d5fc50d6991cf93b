import t from 'tap'
import { EngineCluster } from '../../fixtures/engine-cluster.js'
import { purse } from '../../fixtures/purse.js'

const names = ['n1', 'n2', 'n3', 'n4']
const four = async (knobs: object = {}): Promise<EngineCluster> => {
  const c = new EngineCluster([purse], knobs)
  for (const name of names) await c.start(name)
  c.clock.advance(1_000)
  return c
}
/** Two purses that live on two nodes, both begun, and a third node to look from. */
const pair = async (c: EngineCluster) => {
  const ids = Array.from({ length: 40 }, (_, i) => `p${i}`)
  for (const id of ids) c.ask('n1', 'purse', id, 'Add', { n: 0 })
  const owner = (id: string): string => c.ownerOf('n1', 'purse', id)
  const sender = ids[0] as string
  const receiver = ids.find(
    (id) => owner(id) !== owner(sender) && !c.mirrorsOf('n1', 'purse', id).includes(owner(sender)),
  ) as string
  const busy = [owner(sender), owner(receiver)]
  const watcher = names.find((name) => !busy.includes(name)) as string
  return { sender, receiver, watcher, senderNode: busy[0] as string, receiverNode: busy[1] as string }
}
const reply = (payload: unknown) => ({ tag: 'reply', payload })

for (const who of ['sender', 'receiver'] as const) {
  t.test(`commands – one is applied once, whenever the node of its ${who} dies`, async (t) => {
    for (let killAtMs = 0; killAtMs <= 60; killAtMs += 6) {
      const c = await four()
      const { sender, receiver, watcher, senderNode, receiverNode } = await pair(c)
      c.faults.set({ delayMsMin: 5, delayMsMax: 5 })
      let isTaken = false
      c.at(watcher).ask({ kind: 'purse', id: sender }, { tag: 'Add', payload: { n: 1 } }, {}, () => {
        isTaken = true
      })
      c.tell(watcher, 'purse', sender, 'Pay', { to: receiver, n: 5 })
      c.clock.advance(killAtMs)
      c.kill(who === 'sender' ? senderNode : receiverNode)
      c.clock.advance(20_000)
      t.ok(isTaken, 'the ask before it is always answered')
      const seen = c.ask(watcher, 'purse', sender, 'Seen', undefined)
      const total = c.ask(watcher, 'purse', receiver, 'Total', undefined)
      // The tell itself may be lost with its node: then there is no command, and nothing half done.
      const isPaid = JSON.stringify(seen) === JSON.stringify(reply([`${receiver} 5`]))
      t.ok(
        isPaid || JSON.stringify(seen) === JSON.stringify(reply([])),
        `after ${killAtMs} ms: ${JSON.stringify(seen)}`,
      )
      t.same(total, reply(isPaid ? 5 : 0), `after ${killAtMs} ms`)
      if (who === 'receiver') t.ok(isPaid, 'only the sender can lose it')
      c.stop()
    }
  })
}

t.test('commands – many at once between entities that lose their nodes are all applied, once', async (t) => {
  const c = await four()
  const { watcher, senderNode, receiverNode } = await pair(c)
  c.faults.set({ delayMsMin: 1, delayMsMax: 20, reordering: 0.2, duplication: 0.1, loss: 0.05 })
  const paid: string[] = []
  for (let i = 0; i < 40; i++) {
    // By ask and reply, so that it is known to be taken.
    c.at(watcher).ask(
      { kind: 'purse', id: `p${i}` },
      { tag: 'Add', payload: { n: 0 } },
      { timeoutMs: 30_000 },
      () => {
        c.tell(watcher, 'purse', `p${i}`, 'Pay', { to: `target${i % 4}`, n: 1 })
      },
    )
  }
  c.clock.advance(30)
  c.kill(senderNode)
  c.clock.advance(3_000)
  c.kill(receiverNode)
  c.clock.advance(60_000)
  c.faults.set({ delayMsMin: 0, delayMsMax: 0, reordering: 0, duplication: 0, loss: 0 })
  for (let i = 0; i < 40; i++) {
    const seen = c.ask(watcher, 'purse', `p${i}`, 'Seen', undefined, 20_000)
    // A frame that comes twice brings a tell from outside twice: that makes two commands.
    if (seen.tag === 'reply') for (const _ of seen.payload as string[]) paid.push(`target${i % 4}`)
  }
  t.ok(paid.length >= 20, `${paid.length} were taken`)
  for (let i = 0; i < 4; i++) {
    const total = c.ask(watcher, 'purse', `target${i}`, 'Total', undefined, 20_000)
    t.same(total, reply(paid.filter((target) => target === `target${i}`).length))
  }
  c.stop()
})

t.test('tells – one of an entity arrives at most once, whenever its node dies', async (t) => {
  let arrived = 0
  for (let killAtMs = 0; killAtMs <= 48; killAtMs += 6) {
    const c = await four()
    const { sender, receiver, watcher, senderNode } = await pair(c)
    c.faults.set({ delayMsMin: 5, delayMsMax: 5 })
    c.tell(watcher, 'purse', sender, 'Say', { to: receiver, text: 'hi' })
    c.clock.advance(killAtMs)
    c.kill(senderNode)
    c.clock.advance(20_000)
    const total = c.ask(watcher, 'purse', receiver, 'Total', undefined)
    const count = total.tag === 'reply' ? Number(total.payload) : -1
    t.ok(count === 0 || count === 1, `${count} after ${killAtMs} ms`)
    arrived += count
    const heard = c.published.filter(({ node }) => node === watcher)
    t.ok(heard.length <= 1, `published ${heard.length} times after ${killAtMs} ms`)
    c.stop()
  }
  t.ok(arrived >= 3, `${arrived} arrived`)
})

t.test('tells – frames that come twice do not make them arrive twice', async (t) => {
  const c = await four()
  const { sender, receiver, watcher } = await pair(c)
  c.faults.set({ duplication: 0.5, delayMsMin: 0, delayMsMax: 30 })
  for (let i = 0; i < 50; i++) {
    c.ask(watcher, 'purse', sender, 'Add', { n: 0 })
    c.at(c.ownerOf(watcher, 'purse', sender)).tell(
      { kind: 'purse', id: sender },
      { tag: 'Say', payload: { to: receiver, text: `${i}` } },
    )
    c.clock.advance(100)
  }
  c.clock.advance(5_000)
  c.faults.set({ duplication: 0, delayMsMax: 0 })
  const said = c.published.filter(({ node }) => node === watcher).length
  const total = c.ask(watcher, 'purse', receiver, 'Total', undefined)
  t.ok(total.tag === 'reply' && Number(total.payload) === said, `${JSON.stringify(total)} of ${said}`)
  t.ok(c.faults.counters.doubled > 20)
  c.stop()
})

t.test('timers – one that was set fires once on the next owner, at its time', async (t) => {
  const c = await four()
  const { sender, watcher, senderNode } = await pair(c)
  c.tell(watcher, 'purse', sender, 'Later', { ms: 20_000, name: 'bell' })
  c.tell(watcher, 'purse', sender, 'Later', { ms: 100, name: 'soon' })
  c.clock.advance(10)
  c.kill(senderNode)
  c.clock.advance(15_000)
  t.same(c.ask(watcher, 'purse', sender, 'Seen', undefined), reply(['soon']), 'what was due meanwhile')
  c.clock.advance(10_000)
  t.same(c.ask(watcher, 'purse', sender, 'Seen', undefined), reply(['soon', 'bell']))
  c.clock.advance(60_000)
  t.same(c.ask(watcher, 'purse', sender, 'Seen', undefined), reply(['soon', 'bell']))
  c.stop()
})

t.test('asks – one that was put off is answered once, by the next owner', async (t) => {
  const c = await four()
  const { sender, watcher, senderNode } = await pair(c)
  const answers: unknown[] = []
  c.at(watcher).ask(
    { kind: 'purse', id: sender },
    { tag: 'Wait', payload: undefined },
    { timeoutMs: 60_000 },
    (result) => answers.push(result),
  )
  c.clock.advance(1_000)
  c.kill(senderNode)
  c.clock.advance(10_000)
  t.same(answers, [])
  c.ask(watcher, 'purse', sender, 'Add', { n: 7 })
  c.tell(watcher, 'purse', sender, 'Open')
  c.clock.advance(5_000)
  t.same(answers, [reply(7)])
  c.stop()
})

t.test(
  'state – when owner and mirror are lost together each entity says so once, and begins anew',
  async (t) => {
    const c = await four()
    const { sender, watcher } = await pair(c)
    c.ask(watcher, 'purse', sender, 'Add', { n: 9 })
    const lost = [c.ownerOf(watcher, 'purse', sender), ...c.mirrorsOf(watcher, 'purse', sender)]
    const rest = names.find((name) => !lost.includes(name)) as string
    for (const name of lost) c.kill(name)
    t.match(c.ask(rest, 'purse', sender, 'Total', undefined, 30_000), {
      error: { tag: 'StateLost', address: `purse/${sender}` },
    })
    t.same(c.ask(rest, 'purse', sender, 'Total', undefined), reply(0))
    t.same(c.ask(rest, 'purse', sender, 'Add', { n: 2 }), reply(2))
    const told = names
      .flatMap((name) => c.nodes.get(name)?.events ?? [])
      .filter(({ tag }) => tag === 'StateLost')
    t.ok(told.length > 0, 'and its node reports it')
    c.stop()
  },
)

t.test('leaving – a state that no other node has yet is waited for, once more as long', async (t) => {
  for (const healsAtMs of [550, 700]) {
    const c = new EngineCluster([purse])
    await c.start('n1')
    c.ask('n1', 'purse', 'p1', 'Add', { n: 7 })
    await c.start('n2')
    c.faults.set({ loss: 1 })
    let hasLeft = false
    c.at('n1').leave(500, () => {
      hasLeft = true
    })
    c.clock.advance(healsAtMs)
    t.notOk(hasLeft, 'it would take the state with it')
    c.faults.set({ loss: 0 })
    c.clock.advance(10_000)
    t.ok(hasLeft)
    t.same(c.ask('n2', 'purse', 'p1', 'Total', undefined), reply(7))
    c.stop()
  }
})
