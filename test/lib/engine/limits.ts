import t from 'tap'
import type { AskResult } from '../../../lib/routing/asks.js'
import { EngineCluster } from '../../fixtures/engine-cluster.js'
import { purse, spawnedPurse } from '../../fixtures/purse.js'

const cluster = async (
  names: readonly string[],
  knobs: object = {},
  kinds = [purse],
): Promise<EngineCluster> => {
  const c = new EngineCluster(kinds, knobs)
  for (const name of names) await c.start(name)
  c.clock.advance(1_000)
  return c
}
const three = ['n1', 'n2', 'n3']
const reply = (payload: unknown) => ({ tag: 'reply', payload })
const askAll = (
  c: EngineCluster,
  node: string,
  id: string,
  count: number,
  timeoutMs = 10_000,
): AskResult[] => {
  const results: AskResult[] = []
  for (let i = 0; i < count; i++)
    c.at(node).ask({ kind: 'purse', id }, { tag: 'Add', payload: { n: 1 } }, { timeoutMs }, (result) =>
      results.push(result),
    )
  return results
}

t.test(
  'limits – when too many outputs wait for a mirror the next message is answered Overloaded',
  async (t) => {
    const c = await cluster(three, { heldOutputsCountMax: 3 })
    c.ask('n1', 'purse', 'a', 'Add', { n: 0 })
    const owner = c.ownerOf('n1', 'purse', 'a')
    const [mirror = ''] = c.mirrorsOf('n1', 'purse', 'a')
    c.faults.pause(mirror)
    const results = askAll(c, owner, 'a', 5)
    c.clock.advance(20)
    t.match(results, [{ error: { tag: 'Overloaded', mailboxCountMax: 3 } }, { error: { tag: 'Overloaded' } }])
    c.clock.advance(5_000)
    t.equal(
      results.filter(({ tag }) => tag === 'reply').length,
      3,
      'the others are answered without that mirror',
    )
    t.same(c.ask(owner, 'purse', 'a', 'Total', undefined), reply(3))
    c.stop()
  },
)

t.test(
  'limits – an owner whose lease is over answers Unavailable, and goes on when it holds again',
  async (t) => {
    const c = await cluster(three)
    c.ask('n1', 'purse', 'a', 'Add', { n: 1 })
    const owner = c.ownerOf('n1', 'purse', 'a')
    const other = three.find((name) => name !== owner) as string
    c.faults.cutRecords(owner)
    c.clock.advance(4_100)
    t.notOk(c.at(owner).membership.leaseHolds())
    t.match(c.ask(other, 'purse', 'a', 'Add', { n: 1 }, 200), { error: { tag: 'Unavailable' } })
    t.match(
      c.ask(owner, 'purse', 'a', 'Total', undefined, 200),
      { error: { tag: 'Unavailable' } },
      'reads too',
    )
    c.faults.heal(owner)
    c.clock.advance(1_500)
    t.match(c.ask(other, 'purse', 'a', 'Add', { n: 1 }, 10_000), { tag: 'reply' })
    c.stop()
  },
)

t.test('limits – a kind that nobody runs is unknown, at once', async (t) => {
  const c = await cluster(['n1'])
  t.same(c.ask('n1', 'guild', 'g', 'Add', undefined), {
    tag: 'error',
    error: { tag: 'UnknownKind', kind: 'guild' },
  })
  c.tell('n1', 'guild', 'g', 'Bump')
  c.clock.advance(10)
  t.match(
    c.nodes.get('n1')?.events,
    [{ tag: 'Owned' }, { tag: 'DeadLetter', address: 'guild/g', reason: 'UnknownKind' }].slice(1),
  )
  c.stop()
})

t.test('limits – what is asked of a node that is gone has no recipient', async (t) => {
  const c = await cluster(['n1', 'n2'])
  const results: AskResult[] = []
  const gone = c.at('n2').me
  c.kill('n2')
  c.clock.advance(10_000)
  c.at('n1').ask(
    { kind: 'sessions', id: '', node: gone },
    { tag: 'Count', payload: undefined },
    {},
    (result) => results.push(result),
  )
  c.clock.advance(10)
  t.match(results, [{ error: { tag: 'NoRecipient', address: `sessions/${gone}` } }])
  c.stop()
})

t.test('limits – what is asked of a node that dies meanwhile has an unknown outcome', async (t) => {
  const c = await cluster(['n1', 'n2'])
  const results: AskResult[] = []
  c.at('n1').ask(
    { kind: 'sessions', id: '', node: c.at('n2').me },
    { tag: 'Count', payload: undefined },
    { timeoutMs: 60_000 },
    (result) => results.push(result),
  )
  c.clock.advance(10)
  c.kill('n2')
  c.clock.advance(20_000)
  t.match(results, [{ error: { tag: 'UnknownOutcome' } }])
  c.stop()
})

t.test('spawn – started once, found again, and there after its owner is gone', async (t) => {
  const c = await cluster(three, {}, [spawnedPurse])
  const spawn = (node: string): AskResult => {
    let found: AskResult | undefined
    c.at(node).spawn('purse', 'a', 5_000, (result) => {
      found = result
    })
    for (let i = 0; i < 1_000 && found === undefined; i++) c.clock.advance(10)
    return found as AskResult
  }
  t.match(c.ask('n1', 'purse', 'a', 'Add', { n: 1 }), { error: { tag: 'NoRecipient' } })
  t.same(spawn('n1'), reply('started'))
  t.same(spawn('n2'), reply('already-started'))
  t.same(c.ask('n3', 'purse', 'a', 'Add', { n: 4 }), reply(4))
  const owner = c.ownerOf('n1', 'purse', 'a')
  const other = three.find((name) => name !== owner) as string
  c.kill(owner)
  t.same(c.ask(other, 'purse', 'a', 'Total', undefined, 20_000), reply(4))
  t.same(spawn(other), reply('already-started'))
  c.stop()
})

t.test('leave – the first of two nodes hands everything to the other, which goes on alone', async (t) => {
  const c = await cluster(['n1', 'n2'])
  const ids = Array.from({ length: 30 }, (_, i) => `p${i}`)
  for (const id of ids) c.ask('n2', 'purse', id, 'Add', { n: 3 })
  const results: AskResult[] = []
  for (const id of ids)
    c.at('n2').ask(
      { kind: 'purse', id },
      { tag: 'Add', payload: { n: 1 } },
      { timeoutMs: 20_000 },
      (result) => results.push(result),
    )
  let leftMs: number | undefined
  const begun = c.clock.monotonic()
  c.at('n1').leave(10_000, () => {
    leftMs = c.clock.monotonic() - begun
  })
  c.clock.advance(20_000)
  t.ok(leftMs !== undefined && leftMs < 5_000, `left after ${leftMs} ms`)
  t.same(
    results,
    ids.map(() => reply(4)),
    'what was asked meanwhile is answered',
  )
  for (const id of ids) t.same(c.ask('n2', 'purse', id, 'Total', undefined), reply(4))
  for (const id of ids) t.match(c.at('n2').where('purse', id), { owner: 'n2#1', insync: [] })
  c.stop()
})

t.test('leave – the last node leaves at once', async (t) => {
  const c = await cluster(['n1'])
  c.ask('n1', 'purse', 'a', 'Add', { n: 3 })
  let isOut = false
  c.at('n1').leave(10_000, () => {
    isOut = true
  })
  c.clock.advance(1_000)
  t.ok(isOut)
  c.stop()
})

t.test('stop – open asks end with an unknown outcome and no timer is left', async (t) => {
  const c = await cluster(['n1'])
  const results = askAll(c, 'n1', 'a', 2)
  c.kill('n1')
  t.match(results, [{ error: { tag: 'UnknownOutcome' } }, { error: { tag: 'UnknownOutcome' } }])
  c.clock.advance(60_000)
  t.equal(c.clock.pendingCount, 0)
})

t.test('limits – the changes of one turn may be more than a frame takes', async (t) => {
  const c = await cluster(three)
  c.ask('n1', 'purse', 'a', 'Add', { n: 1 })
  const owner = c.ownerOf('n1', 'purse', 'a')
  const { epoch, insync } = c.at(owner).where('purse', 'a')
  for (let i = 0; i < 30; i++) c.tell(owner, 'purse', 'a', 'Grow', { chars: 60_000 + i })
  t.same(c.ask(owner, 'purse', 'a', 'Add', { n: 2 }, 1_000), reply(3))
  t.match(c.at(owner).where('purse', 'a'), { epoch, insync }, 'and its mirror stays')
  c.kill(owner)
  const other = three.find((name) => name !== owner) as string
  t.same(c.ask(other, 'purse', 'a', 'Total', undefined, 20_000), reply(3), 'with all of them')
  c.clock.advance(5_000)
  t.equal(c.at(other).where('purse', 'a').insync.length, 1, 'the next mirror is filled')
  c.stop()
})

/** A purse of one node, mirrored on another, while the third asks. */
const onOther = async (knobs: object = {}) => {
  const c = await cluster(three, knobs)
  const ids = Array.from({ length: 30 }, (_, i) => `p${i}`)
  for (const id of ids) c.ask('n1', 'purse', id, 'Add', { n: 0 })
  c.clock.advance(1_000)
  const isFar = (id: string): boolean => !c.at('n1').where('purse', id).insync.includes(c.at('n1').me)
  const id = ids.find((id) => c.ownerOf('n1', 'purse', id) !== 'n1' && isFar(id)) as string
  const owner = c.ownerOf('n1', 'purse', id)
  return { c, id, owner, mirror: three.find((name) => name !== 'n1' && name !== owner) as string }
}
const smallWindow = {
  linkWindowBytes: 65_536,
  frameBytesMax: 16_384,
  payloadBytesMax: 8_192,
  repliesCountMax: 10_000,
}
const buriedFor = (c: EngineCluster, node: string): string[] =>
  (c.nodes.get(node)?.events ?? []).flatMap((event) => (event.tag === 'DeadLetter' ? [event.reason] : []))

t.test('errors – Overloaded: the node that it is for takes nothing, and its window is full', async (t) => {
  const { c, id, owner } = await onOther(smallWindow)
  c.faults.pause(owner)
  const results: AskResult[] = []
  const pad = 'x'.repeat(7_000)
  const ask = (timeoutMs: number): void => {
    const message = { tag: 'Add', payload: { n: 1, pad } }
    c.at('n1').ask({ kind: 'purse', id }, message, { timeoutMs }, (result) => results.push(result))
  }
  for (let i = 0; i < 30; i++) ask(600)
  c.clock.advance(400)
  t.equal(results.length, 0, 'those that find no room wait for it')
  c.at('n1').tell({ kind: 'purse', id }, { tag: 'Bump', payload: { n: 1 } })
  t.same(buriedFor(c, 'n1'), ['Overloaded'], 'a tell does not wait: the next would overtake it')
  c.clock.advance(400)
  const tags = results.map((result) => (result.tag === 'error' ? result.error.tag : result.tag))
  t.equal(
    tags.filter((tag) => tag === 'AskTimeout').length + tags.filter((tag) => tag === 'Overloaded').length,
    30,
  )
  t.ok(tags.filter((tag) => tag === 'AskTimeout').length >= 5, 'those that left may have been taken')
  t.ok(tags.filter((tag) => tag === 'Overloaded').length >= 15, 'those that never left were not')
  t.match(
    results.find((result) => result.tag === 'error' && result.error.tag === 'Overloaded'),
    {
      error: { address: `purse/${id}`, windowBytes: 65_536, retryAfterMs: 250 },
    },
  )
  t.ok(c.at('n1').links.counters.droppedFull > 0, 'it is counted')
  c.faults.resume(owner)
  t.match(c.ask('n1', 'purse', id, 'Add', { n: 1 }), { tag: 'reply' }, 'it takes again, and all goes on')
  c.stop()
})

t.test('errors – Overloaded: one that finds room before its deadline is answered', async (t) => {
  const { c, id, owner } = await onOther(smallWindow)
  c.faults.pause(owner)
  const results = askAll(c, 'n1', id, 2_000, 4_000)
  c.clock.advance(1_000)
  t.equal(results.length, 0)
  c.faults.resume(owner)
  c.clock.advance(2_000)
  t.equal(results.filter(({ tag }) => tag === 'reply').length, 2_000)
  t.match(c.ask('n1', 'purse', id, 'Total', undefined), reply(2_000), 'each is applied once')
  c.stop()
})

t.test(
  'errors – AskTimeout: it was taken, and is not answered yet; the same reqId gets the answer',
  async (t) => {
    const { c, id } = await onOther()
    t.same(c.ask('n1', 'purse', id, 'Wait', undefined, 300, 'r1'), {
      tag: 'error',
      error: { tag: 'AskTimeout', address: `purse/${id}`, timeoutMs: 300 },
    })
    c.ask('n1', 'purse', id, 'Add', { n: 7 })
    c.tell('n1', 'purse', id, 'Open')
    t.same(c.ask('n1', 'purse', id, 'Wait', undefined, 300, 'r1'), reply(7))
    c.stop()
  },
)

t.test(
  'errors – Unavailable: nobody may serve it for now; nothing was done, and the state is kept',
  async (t) => {
    const { c, id } = await onOther()
    c.ask('n1', 'purse', id, 'Add', { n: 5 })
    c.faults.recordsDown()
    c.clock.advance(6_000)
    t.match(c.ask('n1', 'purse', id, 'Add', { n: 1 }, 300), {
      error: { tag: 'Unavailable', address: `purse/${id}` },
    })
    c.faults.heal()
    c.clock.advance(3_000)
    t.same(c.ask('n1', 'purse', id, 'Total', undefined, 20_000), reply(5))
    c.stop()
  },
)

t.test(
  'errors – StaleView: whoever it reaches owned it once; it finds the owner when it knows',
  async (t) => {
    const { c, id, owner, mirror } = await onOther({ deliveryHopsMax: 0 })
    c.ask('n1', 'purse', id, 'Add', { n: 5 })
    c.faults.cutRecords('n1')
    const shard = c.at('n1').where('purse', id).shard
    const owned = c.at(owner).ownership.get(shard)
    if (owned === undefined) throw new Error('it owns it')
    c.at(owner).ownership.move(owned, c.at(mirror).me)
    for (let i = 0; i < 300 && c.ownerOf(owner, 'purse', id) !== mirror; i++) c.clock.advance(10)
    t.equal(c.ownerOf(owner, 'purse', id), mirror)
    t.equal(c.ownerOf('n1', 'purse', id), owner, 'the view of n1 is behind')
    t.match(c.ask('n1', 'purse', id, 'Add', { n: 1 }, 300), {
      error: { tag: 'StaleView', address: `purse/${id}` },
    })
    c.faults.heal('n1')
    c.clock.advance(1_000)
    t.same(c.ask('n1', 'purse', id, 'Add', { n: 1 }), reply(6), 'nothing was done before')
    c.stop()
  },
)
