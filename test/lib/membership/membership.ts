import t from 'tap'
import { type ConfigInput, defaultConfig } from '../../../lib/config.js'
import type { NodeId } from '../../../lib/ids.js'
import { createMembership, type Membership } from '../../../lib/membership/membership.js'
import { memberChain } from '../../../lib/membership/protocol.js'
import type { Clock } from '../../../lib/std/clock.js'
import { seededRandom } from '../../../lib/std/random.js'
import { VirtualClock } from '../../../lib/std/virtual-clock.js'
import { memory } from '../../../lib/transport/memory.js'
import type { LinkStatus, Session } from '../../../lib/transport/transport.js'

interface Node {
  readonly membership: Membership
  readonly session: Session
  readonly said: string[]
  /** The process ends without a word. */
  crash(): void
  /** It runs no more, but its connection stays. */
  stall(): void
  setStatus(status: LinkStatus): void
  /** Its event loop stands still: what is due and what arrives waits. */
  stand(): void
  go(): void
  /** The server tells it that a connection ended. */
  hear(name: string, isSudden: boolean): void
}

const standing = (clock: VirtualClock): Clock & Pick<Node, 'stand' | 'go'> => {
  let held: (() => void)[] | null = null
  const later = (fn: () => void) => (): void => {
    if (held === null) fn()
    else held.push(fn)
  }
  return {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    after: (ms, fn) => clock.after(ms, later(fn)),
    defer: (fn) => clock.defer(later(fn)),
    stand: () => {
      held = []
    },
    go: () => {
      const all = held ?? []
      held = null
      for (const fn of all) fn()
    },
  }
}

const clusterOf = () => {
  const clock = new VirtualClock()
  const random = seededRandom(1)
  const transport = memory()
  const start = (name: string, input: ConfigInput = {}): Node => {
    const own = standing(clock)
    const inner = transport.openNow({ cluster: 'c', nodeName: name, clock: own, random })
    let hear: (name: string, isSudden: boolean) => void = () => {}
    let status: LinkStatus = 'up'
    let tell: (status: LinkStatus) => void = () => {}
    const session: Session = {
      facts: inner.facts,
      records: inner.records,
      status: () => status,
      onStatus: (listener) => {
        tell = listener
        return () => {}
      },
      listen: (...args) => inner.listen(...args),
      send: (...args) => inner.send(...args),
      probe: (...args) => inner.probe(...args),
      close: () => inner.close(),
      onDisconnected: (listener) => {
        hear = listener
        return () => {}
      },
    }
    const said: string[] = []
    const config = { ...defaultConfig, ...input } as typeof defaultConfig
    const membership = createMembership({
      session,
      clock: own,
      random,
      config,
      self: { name, roles: ['game'], weight: 1, kinds: ['party'], release: '1.0.0' },
      on: {
        joined: (me) => {
          said.push(`joined ${me}`)
          session.listen(me, { onFrame: () => {} }, () => membership.setReady())
        },
        changed: (_, gone) => gone.length > 0 && said.push(`gone ${gone.join(' ')}`),
        lost: (why) => said.push(`lost: ${why}`),
        frozen: (isFrozen) => said.push(isFrozen ? 'frozen' : 'thawed'),
      },
    })
    return {
      membership,
      session,
      said,
      crash: () => {
        membership.stop()
        void inner.close()
      },
      stall: () => membership.stop(),
      setStatus: (to) => {
        status = to
        tell(to)
      },
      stand: own.stand,
      go: own.go,
      hear: (...args) => hear(...args),
    }
  }
  return {
    clock,
    start,
    records: transport.openNow({ cluster: 'c', nodeName: 'test', clock, random }).records,
  }
}
const ready = ({ membership }: Node): NodeId[] => membership.view().ready.map((m) => m.node)

t.test('membership – a node joins as the first life of its name and may act', async (t) => {
  const { clock, start } = clusterOf()
  const a = start('a')
  t.equal(a.membership.leaseHolds(), false, 'not before it is a member')
  clock.advance(100)
  t.same(a.said, ['joined a#1', 'thawed'])
  t.same(ready(a), ['a#1'])
  t.equal(a.membership.me, 'a#1')
  clock.advance(60_000)
  t.equal(a.membership.leaseHolds(), true, 'as long as it renews')
  t.same(a.said, ['joined a#1', 'thawed'])
})

t.test('membership – members see each other, by node name', async (t) => {
  const { clock, start } = clusterOf()
  const nodes = ['c', 'a', 'b'].map((name) => start(name))
  clock.advance(1_000)
  for (const node of nodes) t.same(ready(node), ['a#1', 'b#1', 'c#1'])
  t.same(nodes[0]?.membership.view().members.get('a#1')?.kinds, ['party'])
})

t.test('membership – a neighbour that nobody listens for is declared dead within two probes', async (t) => {
  const { clock, start } = clusterOf()
  const [a, b] = [start('a'), start('b')]
  clock.advance(5_000)
  b.crash()
  clock.advance(3 * defaultConfig.probeMs)
  t.same(ready(a), ['a#1'])
  t.ok(a.said.includes('gone b#1'))
  t.equal(a.membership.isGone('b#1'), true)
  t.equal(a.membership.leaseIsOver('b#1'), false, 'its lease may still run by its own clock')
  clock.advance(defaultConfig.leaseMs)
  t.equal(a.membership.leaseIsOver('b#1'), true)
})

t.test('membership – a node that renews no more is declared dead after its lease, not before', async (t) => {
  const { clock, start } = clusterOf()
  const [a, b] = [start('a'), start('b')]
  clock.advance(5_000)
  b.stall()
  clock.advance(defaultConfig.leaseMs - defaultConfig.leaseRenewMs)
  t.same(ready(a), ['a#1', 'b#1'])
  clock.advance(2 * defaultConfig.leaseRenewMs)
  t.same(ready(a), ['a#1'])
})

t.test(
  'membership – the next life of a name has the next incarnation, and the one before is gone',
  async (t) => {
    const { clock, start } = clusterOf()
    const [a, b] = [start('a'), start('b')]
    clock.advance(1_000)
    b.crash()
    const again = start('b')
    clock.advance(2_000)
    t.ok(again.said.includes('joined b#2'))
    t.same(ready(a), ['a#1', 'b#2'])
    t.equal(a.membership.isGone('b#1'), true)
    t.equal(a.membership.isGone('b#2'), false)
    t.equal(a.membership.isGone('b#3'), false, 'a life that was not seen yet is not gone')
    clock.advance(defaultConfig.leaseMs)
    t.equal(a.membership.leaseIsOver('b#1'), true, 'also while the new life renews')
    t.equal(a.membership.leaseIsOver('b#2'), false)
  },
)

t.test('membership – a name that is in use is refused in one sentence', async (t) => {
  const { clock, start } = clusterOf()
  start('a')
  clock.advance(1_000)
  const second = start('a')
  clock.advance(3 * defaultConfig.leaseMs)
  t.same(second.said, ['lost: the node name "a" is taken: a#1 keeps renewing its lease; choose another name'])
})

t.test('membership – the name of a silent node is free when its lease is over', async (t) => {
  const { clock, start } = clusterOf()
  const first = start('a')
  clock.advance(1_000)
  first.stall()
  const second = start('a')
  clock.advance(defaultConfig.leaseMs - 1_000)
  t.same(second.said, [])
  clock.advance(2_000)
  t.ok(second.said.includes('joined a#2'))
})

t.test('membership – nodes that disagree refuse each other with both values', async (t) => {
  const { clock, start } = clusterOf()
  start('a')
  clock.advance(1_000)
  const b = start('b', { shardCount: 64 })
  clock.advance(1_000)
  t.same(b.said, ['lost: b#1 has shardCount 64 but a#1 has 4096: all nodes of a cluster need the same'])
})

t.test(
  'membership – a leaving node holds no lease from the call on, and others see at once that it left',
  async (t) => {
    const { clock, start } = clusterOf()
    const [a, b] = [start('a'), start('b')]
    clock.advance(1_000)
    b.membership.setLeaving()
    clock.advance(10)
    t.same(ready(a), ['a#1'])
    t.ok(a.membership.view().members.has('b#1'), 'still a member')
    let done = 0
    b.membership.leave(() => done++)
    t.equal(b.membership.leaseHolds(), false)
    clock.advance(10)
    t.equal(done, 1)
    t.equal(a.membership.isGone('b#1'), true)
    t.equal(a.membership.leaseIsOver('b#1'), true)
    t.notMatch(b.said.join(), /lost/)
  },
)

t.test(
  'membership – a node without its connection is frozen until a new renewal is acknowledged',
  async (t) => {
    const { clock, start } = clusterOf()
    const a = start('a')
    clock.advance(1_000)
    a.setStatus('down')
    t.equal(a.membership.leaseHolds(), false)
    t.equal(a.said.at(-1), 'frozen')
    clock.advance(1_000)
    a.setStatus('up')
    t.equal(a.membership.leaseHolds(), false)
    clock.advance(10)
    t.equal(a.membership.leaseHolds(), true)
    t.equal(a.said.at(-1), 'thawed')
  },
)

t.test('membership – the lease ends by the clock alone when renewals stay unanswered', async (t) => {
  const { clock, start } = clusterOf()
  const a = start('a')
  clock.advance(1_000)
  const { records } = a.session
  Object.assign(records, { create: () => {}, latest: () => {} })
  clock.advance(defaultConfig.leaseMs - defaultConfig.leaseMarginMs - defaultConfig.leaseRenewMs)
  t.equal(a.membership.leaseHolds(), true)
  clock.advance(defaultConfig.leaseRenewMs)
  t.equal(a.membership.leaseHolds(), false)
  t.equal(a.said.at(-1), 'frozen')
})

t.test('membership – a node that was declared dead learns it once and never acts again', async (t) => {
  const { clock, start } = clusterOf()
  const [a, b] = [start('a'), start('b')]
  clock.advance(5_000)
  b.setStatus('down')
  void b.session.close()
  clock.advance(2_000)
  t.ok(a.membership.isGone('b#1'))
  b.setStatus('up')
  clock.advance(10_000)
  t.same(
    b.said.filter((line) => line.startsWith('lost')),
    ['lost: b#1 was declared dead by a#1'],
  )
  t.equal(b.membership.leaseHolds(), false)
})

t.test('membership – a node whose own event loop stood still declares nobody dead for it', async (t) => {
  const { clock, start } = clusterOf()
  const [a, b] = [start('a'), start('b')]
  clock.advance(5_000)
  b.stall()
  clock.advance(defaultConfig.leaseMs - 1_500)
  a.stand()
  clock.advance(1_200)
  a.go()
  clock.advance(defaultConfig.leaseMs - 100)
  t.same(ready(a), ['a#1', 'b#1'], 'its counting of the silence has begun again')
  t.equal(a.membership.counts.lags, 1)
  clock.advance(2_000)
  t.same(ready(a), ['a#1'])
})

t.test('membership – what was probed before the own event loop stood still does not count', async (t) => {
  const { clock, start } = clusterOf()
  const [a, b] = [start('a'), start('b')]
  clock.advance(5_000)
  b.crash()
  clock.advance(defaultConfig.probeMs)
  a.stand()
  clock.advance(1_000)
  a.go()
  clock.advance(1)
  t.same(ready(a), ['a#1', 'b#1'], 'one probe after it is not enough')
  clock.advance(2 * defaultConfig.probeMs)
  t.same(ready(a), ['a#1'])
})

t.test('membership – a node whose connection ended is probed at once, and lives if it answers', async (t) => {
  const { clock, start } = clusterOf()
  const nodes = ['a', 'b', 'c', 'd', 'e'].map((name) => start(name, { probeMs: 1_000 }))
  const [a, b, , , e] = nodes
  if (!a || !b || !e) return
  clock.advance(5_000)
  a.hear('b', true)
  a.hear('nobody', true)
  clock.advance(3_000)
  t.equal(ready(a).length, 5, 'b has connected again')
  t.equal(a.membership.counts.disconnectsHeard, 1, 'who is no member is nobody')
  e.crash()
  a.hear('e', true)
  clock.advance(10)
  t.notOk(ready(a).includes('e#1'), 'long before the next probe would have been due')
  t.same(ready(b), ready(a))
})

t.test('membership – who has just connected again suspects nobody', async (t) => {
  const { clock, start } = clusterOf()
  const [a, b] = [start('a'), start('b')]
  clock.advance(5_000)
  b.crash()
  a.setStatus('down')
  a.setStatus('up')
  a.hear('b', true)
  clock.advance(1_500)
  t.same(ready(a), ['a#1', 'b#1'], 'b may be about to connect again, as a did')
  clock.advance(2_000)
  t.same(ready(a), ['a#1'])
})

t.test('membership – suspicion alone kills nobody', async (t) => {
  const { clock, start } = clusterOf()
  const nodes = ['a', 'b', 'c', 'd', 'e'].map((name) => start(name))
  clock.advance(5_000)
  nodes[0]?.membership.suspect('d#1')
  clock.advance(5_000)
  for (const node of nodes) t.equal(ready(node).length, 5)
  nodes[3]?.crash()
  nodes[0]?.membership.suspect('d#1')
  clock.advance(3 * defaultConfig.probeMs)
  t.same(ready(nodes[0] as Node), ['a#1', 'b#1', 'c#1', 'e#1'])
})

t.test('membership – an unknown name is gone only when the store knows none', async (t) => {
  const { clock, start } = clusterOf()
  const a = start('a')
  clock.advance(1_000)
  t.equal(a.membership.isGone('x#1'), false)
  clock.advance(10)
  t.equal(a.membership.isGone('x#1'), true)
})

t.test('membership – a record that cannot be read ends the start with its chain and its fault', async (t) => {
  const { clock, start, records } = clusterOf()
  records.create(memberChain('a'), 1, new TextEncoder().encode('{}'), () => {})
  clock.advance(10)
  const a = start('a')
  clock.advance(1_000)
  t.equal(a.said.length, 1)
  t.match(a.said[0], /^lost: the record member\.a cannot be used: a member record is wrong at /)
})

t.test('membership – a stopped one leaves no timer and says nothing', async (t) => {
  const { clock, start } = clusterOf()
  const a = start('a')
  clock.advance(1_000)
  const before = a.said.length
  a.membership.stop()
  clock.advance(60_000)
  t.equal(a.said.length, before)
  t.equal(clock.pendingCount, 0)
})
