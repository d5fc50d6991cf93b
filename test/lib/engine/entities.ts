import t from 'tap'
import { EngineCluster } from '../../fixtures/engine-cluster.js'
import { purse } from '../../fixtures/purse.js'

const three = ['n1', 'n2', 'n3']
const reply = (payload: unknown) => ({ tag: 'reply', payload })
const cluster = async (knobs: object = {}): Promise<EngineCluster> => {
  const c = new EngineCluster([purse], knobs)
  for (const name of three) await c.start(name)
  c.clock.advance(1_000)
  return c
}
/** Where anything is kept of an entity. */
const keptOn = (c: EngineCluster, id: string): string[] =>
  three.filter((name) => {
    const { shard } = c.at(name).where('purse', id)
    return c.at(name).ownership.get(shard)?.copy?.entities.has(id)
  })

t.test(
  'entities – an idle one is put to sleep, and forgotten everywhere when its answers are old',
  async (t) => {
    const c = await cluster({ idleMs: 5_000 })
    c.ask('n1', 'purse', 'a', 'Add', { n: 3 })
    c.clock.advance(10)
    t.equal(keptOn(c, 'a').length, 2, 'on owner and mirror')
    c.clock.advance(45_000)
    t.equal(keptOn(c, 'a').length, 2, 'its answer may be asked for')
    c.clock.advance(150_000)
    t.same(keptOn(c, 'a'), [])
    for (const name of three) t.equal(c.at(name).entities.counts.live, 0, 'no mailbox is left')
    t.same(c.ask('n1', 'purse', 'a', 'Add', { n: 2 }), reply(2), 'it begins anew')
    c.stop()
  },
)

t.test('entities – one that is busy is not idle', async (t) => {
  const c = await cluster({ idleMs: 5_000 })
  for (let i = 1; i <= 20; i++) {
    c.ask('n1', 'purse', 'a', 'Add', { n: 1 })
    c.clock.advance(4_000)
  }
  t.same(c.ask('n1', 'purse', 'a', 'Total', undefined), reply(20))
  c.stop()
})

t.test('entities – looking at many that are not there leaves nothing behind', async (t) => {
  const c = await cluster()
  for (let i = 0; i < 200; i++) t.same(c.ask('n1', 'purse', `none${i}`, 'Total', undefined), reply(0))
  c.clock.advance(31_000)
  for (const name of three) t.equal(c.at(name).entities.counts.live, 0)
  c.stop()
})

t.test('entities – a step that throws costs its own message only', async (t) => {
  const c = await cluster()
  c.ask('n1', 'purse', 'a', 'Add', { n: 3 })
  const owner = c.ownerOf('n1', 'purse', 'a')
  c.tell(owner, 'purse', 'a', 'Wrong', { how: 'throws' })
  c.tell(owner, 'purse', 'a', 'Bump', { n: 1 })
  c.clock.advance(100)
  t.same(c.ask('n1', 'purse', 'a', 'Total', undefined), reply(4), 'the state is what it was before')
  const letters = c.nodes.get(owner)?.events.filter(({ tag }) => tag === 'DeadLetter')
  t.match(letters, [{ address: 'purse/a', message: 'Wrong', reason: 'Crashed' }])
  t.equal(c.at(owner).entities.counts.crashed, 1)
  c.stop()
})

t.test(
  'entities – a timer that falls while the owner is frozen fires when its lease holds again',
  async (t) => {
    const c = await cluster()
    c.ask('n1', 'purse', 'a', 'Add', { n: 0 })
    const owner = c.ownerOf('n1', 'purse', 'a')
    c.tell(owner, 'purse', 'a', 'Later', { ms: 4_300, name: 'bell' })
    c.clock.advance(10)
    c.faults.cutRecords(owner)
    c.clock.advance(4_500)
    t.notOk(c.at(owner).membership.leaseHolds(), 'it is frozen')
    t.equal(c.nodes.get(owner)?.lost, null, 'and lives')
    c.faults.heal(owner)
    c.clock.advance(3_000)
    t.same(c.ask('n1', 'purse', 'a', 'Seen', undefined), reply(['bell']))
    c.stop()
  },
)

t.test('entities – what does not fit is complained about, over the wire too', async (t) => {
  const c = await cluster()
  for (const name of three) {
    t.match(c.ask(name, 'purse', 'a', 'Add', { n: 'x' }), {
      error: { tag: 'Malformed', address: 'purse/a', complaints: [/n: expected number/] },
    })
    t.match(c.ask(name, 'purse', 'a', 'Nothing', undefined), { error: { tag: 'Malformed' } })
    t.same(c.ask(name, 'purse', 'a', 'Add', { n: 101 }), { tag: 'refusal', payload: 'TOO_MUCH' })
  }
  c.stop()
})

t.test('entities – a read asked of any node sees every change that was acknowledged before it', async (t) => {
  const c = await cluster()
  c.faults.set({ delayMsMin: 0, delayMsMax: 20, reordering: 0.3, duplication: 0.1, loss: 0.02 })
  for (let i = 1; i <= 60; i++) {
    const writer = three[i % 3] as string
    const reader = three[(i * 7) % 3] as string
    t.same(c.ask(writer, 'purse', 'a', 'Add', { n: 1 }, 20_000), reply(i))
    t.same(c.ask(reader, 'purse', 'a', 'Total', undefined, 20_000), reply(i))
  }
  c.stop()
})
